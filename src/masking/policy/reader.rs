//! Reads one file of the policy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, ValueDeserializer};

use super::entry::{Entry, RowsEntry, Ruling, Section, twice};
use super::format::Head;
use super::pattern::Pattern;
use crate::error::{Error, Kind, Place, Result};
use crate::masking::rule_toml::FORMS;
use crate::masking::{Class, Rows, Rule};
use crate::sql::{did_you_mean, nearest};

/// A file and its text.
#[derive(Debug, Clone)]
pub struct SourceText {
    /// The path, as the user would name it.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
}

/// What one file says.
#[derive(Debug)]
pub(super) struct PolicyFile {
    pub(super) head: Head,
    pub(super) sections: Vec<Section>,
    pub(super) entries: Vec<Entry>,
    pub(super) rows: Vec<RowsEntry>,
}

/// Reads files of one policy.
pub(super) struct Reader<'a> {
    pub(super) path: &'a Path,
    pub(super) text: &'a Arc<str>,
}

impl Reader<'_> {
    pub(super) fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place::new(self.path, self.text, span)
    }

    fn syntax(&self, message: impl Into<String>, span: std::ops::Range<usize>) -> Error {
        Error::new(Kind::MaskSyntax, message).at(self.place(span))
    }

    fn wrong(&self, error: &toml::de::Error) -> Error {
        let mapped = self.syntax(error.message().trim(), error.span().unwrap_or(0..0));
        match did_you_mean(error.message()) {
            Some(near) => mapped.hint(format!("did you mean \"{near}\"?")),
            None => mapped,
        }
    }

    fn read<T: DeserializeOwned>(&self, table: Spanned<DeTable<'_>>) -> Result<T> {
        T::deserialize(Deserializer::from(table)).map_err(|error| self.wrong(&error))
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// [`Kind::MaskSyntax`] with the place.
    pub(super) fn file(&self) -> Result<PolicyFile> {
        let mut root = DeTable::parse(self.text).map_err(|error| self.wrong(&error))?;
        let tables = root.get_mut().remove("tables");
        let columns = root.get_mut().remove("columns");
        let head: Head = self.read(root)?;
        if *head.version.get_ref() != 1 {
            return Err(self.syntax(
                format!(
                    "version {} of the format; this Tidegate reads version 1",
                    head.version.get_ref()
                ),
                head.version.span(),
            ));
        }
        let mut file = PolicyFile {
            head,
            sections: Vec::new(),
            entries: Vec::new(),
            rows: Vec::new(),
        };
        if let Some(tables) = tables {
            for (name, section) in self.table(tables, "[tables]")? {
                self.section(&mut file, &name, section)?;
            }
        }
        if let Some(columns) = columns {
            for (name, rule) in self.table(columns, "[columns]")? {
                let entry = self.entry(&Pattern::new("*"), &name, rule)?;
                file.entries.push(entry);
            }
        }
        Ok(file)
    }

    fn table<'t>(
        &self,
        value: Spanned<DeValue<'t>>,
        title: &str,
    ) -> Result<Vec<(Spanned<String>, Spanned<DeValue<'t>>)>> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(table) => Ok(table
                .into_iter()
                .map(|(key, value)| {
                    let span = key.span();
                    (Spanned::new(span, key.into_inner().into_owned()), value)
                })
                .collect()),
            other => Err(self.syntax(
                format!(
                    "{title} is a table, not a value of type {}",
                    other.type_str()
                ),
                span,
            )),
        }
    }

    /// One `[tables.x]`.
    fn section(
        &self,
        file: &mut PolicyFile,
        name: &Spanned<String>,
        value: Spanned<DeValue<'_>>,
    ) -> Result<()> {
        let title = format!("[tables.{}]", name.get_ref());
        let table = Pattern::new(name.get_ref().clone());
        file.sections.push(Section {
            table: table.clone(),
            place: self.place(name.span()),
        });
        for (key, value) in self.table(value, &title)? {
            match (key.get_ref().as_str(), value.get_ref()) {
                ("rows", _) => file.rows.push(RowsEntry {
                    table: table.clone(),
                    place: self.place(key.span()),
                    rows: self.rows(value)?,
                }),
                // Columns named `rows` or `columns` go here.
                ("columns", DeValue::Table(inner)) if !is_rule(inner) => {
                    for (key, value) in self.table(value, &title)? {
                        file.entries.push(self.entry(&table, &key, value)?);
                    }
                }
                _ => file.entries.push(self.entry(&table, &key, value)?),
            }
        }
        // `columns` beside its siblings can name a column again.
        let own: Vec<&Entry> = file.entries.iter().filter(|e| e.table == table).collect();
        for (i, entry) in own.iter().enumerate() {
            if let Some(first) = own[..i].iter().find(|e| e.column == entry.column) {
                let what = format!("{}.{}", table.as_str(), entry.column.as_str());
                return Err(twice(&what, &first.place, &entry.place));
            }
        }
        Ok(())
    }

    fn rows(&self, value: Spanned<DeValue<'_>>) -> Result<Rows> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Condition {
            r#where: String,
        }
        let span = value.span();
        match value.into_inner() {
            DeValue::String(word) if word == "none" => Ok(Rows::None),
            DeValue::String(word) if word == "all" => Ok(Rows::All),
            DeValue::Table(table) => {
                let condition: Condition = self.read(Spanned::new(span, table))?;
                Ok(Rows::Where(condition.r#where))
            }
            _ => Err(self
                .syntax("rows is \"all\", \"none\" or { where = \"...\" }", span)
                .hint("rules for a column that is named rows go into [tables.NAME.columns]")),
        }
    }

    fn entry(
        &self,
        table: &Pattern,
        column: &Spanned<String>,
        value: Spanned<DeValue<'_>>,
    ) -> Result<Entry> {
        Ok(Entry {
            table: table.clone(),
            column: Pattern::new(column.get_ref().clone()),
            ruling: self.ruling(value)?,
            place: self.place(column.span()),
        })
    }

    fn ruling(&self, value: Spanned<DeValue<'_>>) -> Result<Ruling> {
        let span = value.span();
        let nested = matches!(value.get_ref(), DeValue::Table(table) if !is_rule(table));
        let mut value = toml::Value::deserialize(ValueDeserializer::from(value))
            .map_err(|error| self.wrong(&error))?;
        let class = match value.as_table_mut().and_then(|table| table.remove("class")) {
            None => None,
            Some(name) => Some(self.class(&name, span.clone())?),
        };
        if let Some(class) = class
            && value.as_table().is_some_and(toml::Table::is_empty)
        {
            return Ok(Ruling::Class(class));
        }
        let rule = Rule::from_toml(&value).map_err(|message| {
            let error = self.syntax(message, span);
            if nested {
                error.hint("a table of another schema is written [tables.\"schema.table\"]")
            } else {
                error
            }
        })?;
        let class = class.or_else(|| rule.mask.class());
        Ok(Ruling::Rule { rule, class })
    }

    fn class(&self, name: &toml::Value, span: std::ops::Range<usize>) -> Result<Class> {
        let word = name.as_str().unwrap_or_default();
        word.parse().map_err(|message: String| {
            let known: Vec<&str> = Class::ALL.iter().map(|class| class.name()).collect();
            self.syntax(message, span)
                .hint(match nearest(word, &known) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("the classes are {}", known.join(", ")),
                })
        })
    }
}

/// Whether a table is a rule: `{ mask = ... }` and its kin hold no table but for their own keys.
fn is_rule(table: &DeTable<'_>) -> bool {
    let mut keys = FORMS.iter().chain(&["class"]);
    keys.any(|key| table.contains_key(*key))
}
