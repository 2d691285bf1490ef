//! Which tables and columns of a catalog the rules of a policy speak of.

use std::collections::BTreeMap;

use super::declared::{Declared, Fate};
use super::entry::{Entry, RowsEntry, said_at, twice};
use super::merge::Policy;
use super::pattern::Pattern;
use crate::catalog::{Catalog, Table};
use crate::error::{Error, Kind, Place, Result};
use crate::masking::Rows;
use crate::sql::{Ident, QualifiedName, nearest};

/// What a policy is resolved with besides the catalog.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// Schemas that unqualified names are resolved in, in order.
    pub search_path: &'a [String],
    /// What the change files say, in the order of the changes.
    pub declared: &'a [Declared],
}

/// The rules by what they speak of.
pub(super) struct Targets<'a> {
    exact: BTreeMap<&'a QualifiedName, Vec<&'a Entry>>,
    patterns: Vec<&'a Entry>,
    /// Rules for tables that only change files know.
    future: Vec<&'a Entry>,
    rows: BTreeMap<&'a QualifiedName, &'a RowsEntry>,
    row_patterns: Vec<&'a RowsEntry>,
    context: Context<'a>,
}

impl<'a> Targets<'a> {
    /// Finds the table and column of every rule.
    ///
    /// # Errors
    /// [`Kind::MaskRule`] with its place for a table or column that is gone, a generated column,
    /// a rule on a partition, and two rules for one thing.
    pub(super) fn find(
        policy: &'a Policy,
        catalog: &'a Catalog,
        context: Context<'a>,
    ) -> Result<Self> {
        let mut targets = Self {
            exact: BTreeMap::new(),
            patterns: Vec::new(),
            future: Vec::new(),
            rows: BTreeMap::new(),
            row_patterns: Vec::new(),
            context,
        };
        let mut gone = Vec::new();
        for section in policy
            .sections
            .iter()
            .filter(|section| section.table.is_exact())
        {
            let name = section.table.as_str();
            if catalog.resolve(name, context.search_path).is_none() && !targets.knows_table(name) {
                gone.push(no_table(name, catalog, &section.place));
            }
        }
        for entry in &policy.entries {
            if !entry.table.is_exact() {
                targets.patterns.push(entry);
                continue;
            }
            match catalog.resolve(entry.table.as_str(), context.search_path) {
                Some(table) => {
                    if let Some(error) = targets.misfit(entry, table) {
                        gone.push(error);
                    }
                    targets.exact.entry(&table.name).or_default().push(entry);
                }
                None => targets.future.push(entry),
            }
        }
        for entry in &policy.rows {
            let table = catalog.resolve(entry.table.as_str(), context.search_path);
            match table {
                _ if !entry.table.is_exact() => targets.row_patterns.push(entry),
                Some(table) => {
                    if let Some(first) = targets.rows.insert(&table.name, entry) {
                        let what = format!("rows of {}", table.name.plain());
                        return Err(twice(&what, &first.place, &entry.place));
                    }
                }
                None => {}
            }
        }
        together(gone)?;
        Ok(targets)
    }

    /// What is wrong with a rule for this table.
    fn misfit(&self, entry: &Entry, table: &Table) -> Option<Error> {
        let name = entry.column.as_str();
        let title = format!("{}.{name}", table.name.plain());
        let refuse = |message: String, hint: String| {
            Some(
                Error::new(Kind::MaskRule, message)
                    .hint(hint)
                    .at(entry.place.clone()),
            )
        };
        if let Some(parent) = &table.partition_of {
            return refuse(
                format!("{title}: {} is a partition", table.name.plain()),
                format!(
                    "rule {} in [tables.{}]: its partitions follow",
                    name,
                    parent.plain()
                ),
            );
        }
        if !entry.column.is_exact() {
            return None;
        }
        match table.column(name) {
            Some(column) if column.generated.is_some() => refuse(
                format!("{title} is generated: PostgreSQL computes it from the masked columns"),
                "remove the rule".to_owned(),
            ),
            Some(_) => None,
            None if self.knows_column(entry.table.as_str(), name) => None,
            None => {
                let names: Vec<&str> = table
                    .columns
                    .iter()
                    .map(|column| column.name.as_str())
                    .collect();
                let hint = match nearest(name, &names) {
                    Some(near) => format!("did you mean \"{near}\"? else remove the rule"),
                    None => "remove the rule".to_owned(),
                };
                refuse(format!("there is no column {title}"), hint)
            }
        }
    }

    /// Whether a change file speaks of the table.
    fn knows_table(&self, table: &str) -> bool {
        let wanted = self.full(table);
        self.context
            .declared
            .iter()
            .any(|declared| self.full(&declared.table) == wanted)
    }

    /// Whether a change file adds or drops the column, so that it is there in some releases only.
    fn knows_column(&self, table: &str, column: &str) -> bool {
        let wanted = self.full(table);
        self.context.declared.iter().any(|declared| {
            declared.column.as_str() == column && self.full(&declared.table) == wanted
        })
    }

    /// `schema.name` without quotes, for comparing names that the catalog does not know.
    pub(super) fn full(&self, table: &str) -> String {
        let bare = table.replace('"', "");
        if bare.contains('.') {
            return bare;
        }
        let schema = self
            .context
            .search_path
            .first()
            .map_or("public", String::as_str);
        format!("{schema}.{bare}")
    }

    /// The rule for a column in a section of its own table.
    pub(super) fn explicit(&self, table: &Table, column: &str) -> Result<Option<&'a Entry>> {
        let entries = self.exact.get(&table.name).into_iter().flatten().copied();
        best(
            entries.filter(|entry| entry.column.matches(column)),
            table,
            column,
        )
    }

    /// The rule for a column in a section for several tables.
    pub(super) fn patterned(&self, table: &Table, column: &str) -> Result<Option<&'a Entry>> {
        let fits =
            |entry: &&Entry| entry.column.matches(column) && names_table(&entry.table, &table.name);
        best(self.patterns.iter().copied().filter(fits), table, column)
    }

    /// Whether any rule speaks of a column that only a change file knows.
    pub(super) fn covers_future(&self, table: &str, column: &str) -> bool {
        let wanted = self.full(table);
        let (_, short) = wanted.split_once('.').unwrap_or(("", &wanted));
        self.future
            .iter()
            .any(|entry| entry.column.matches(column) && self.full(entry.table.as_str()) == wanted)
            || self.patterns.iter().any(|entry| {
                entry.column.matches(column)
                    && (entry.table.matches(&wanted) || entry.table.matches(short))
            })
    }

    /// Which rows of a table are carried, by its own section, else by those of its ancestors, else
    /// by a pattern.
    pub(super) fn rows_of(&self, table: &Table, catalog: &Catalog) -> Rows {
        let mut next = Some(table);
        while let Some(table) = next {
            if let Some(entry) = self.rows.get(&table.name) {
                return entry.rows.clone();
            }
            let above = table.partition_of.as_ref().or(table.parents.first());
            next = above.and_then(|name| catalog.table(name));
        }
        self.row_patterns
            .iter()
            .filter(|entry| names_table(&entry.table, &table.name))
            .max_by_key(|entry| entry.table.weight())
            .map_or(Rows::All, |entry| entry.rows.clone())
    }

    /// What the last change that adds the column says of it.
    pub(super) fn declared(&self, table: &QualifiedName, column: &Ident) -> Option<&'a Declared> {
        let wanted = format!("{}.{}", table.schema.as_str(), table.name.as_str());
        self.context.declared.iter().rev().find(|declared| {
            declared.column == *column
                && matches!(declared.fate, Fate::Added { .. })
                && self.full(&declared.table) == wanted
        })
    }
}

/// Whether a pattern of tables means this one: by its name, or with its schema.
fn names_table(pattern: &Pattern, table: &QualifiedName) -> bool {
    pattern.matches(table.name.as_str())
        || pattern.matches(&format!(
            "{}.{}",
            table.schema.as_str(),
            table.name.as_str()
        ))
}

/// The weightiest rule; two of one weight must say the same.
fn best<'a>(
    entries: impl Iterator<Item = &'a Entry>,
    table: &Table,
    column: &str,
) -> Result<Option<&'a Entry>> {
    let mut found: Option<&Entry> = None;
    let weight = |entry: &Entry| {
        // `users` and `public.users` are one table.
        let table = Some(entry.table.weight()).filter(|_| !entry.table.is_exact());
        (table.is_none(), table, entry.column.weight())
    };
    let mut rival: Option<&Entry> = None;
    for entry in entries {
        match found {
            Some(first) if weight(first) > weight(entry) => {}
            Some(first) if weight(first) == weight(entry) => rival = Some(entry),
            _ => {
                found = Some(entry);
                rival = None;
            }
        }
    }
    if let (Some(first), Some(second)) = (found, rival)
        && (first.column.is_exact() && first.table.is_exact() || first.ruling != second.ruling)
    {
        let what = format!("{}.{column}", table.name.plain());
        return Err(twice(&what, &first.place, &second.place));
    }
    Ok(found)
}

fn no_table(name: &str, catalog: &Catalog, place: &Place) -> Error {
    let short = name.replace('"', "");
    let short = short.rsplit('.').next().unwrap_or_default();
    let is_view = catalog.views.keys().any(|view| view.name.as_str() == short);
    let hint = match catalog.suggest(name) {
        _ if is_view => "it is a view: its rows come from tables, which have the rules".to_owned(),
        Some(near) => format!("did you mean \"{}\"? else remove its rules", near.plain()),
        None => "remove its rules".to_owned(),
    };
    Error::new(Kind::MaskRule, format!("there is no table {name}"))
        .hint(hint)
        .at(place.clone())
}

/// The first error; the others are named below it.
fn together(errors: Vec<Error>) -> Result<()> {
    let mut rest = errors.into_iter();
    let Some(mut first) = rest.next() else {
        return Ok(());
    };
    for error in rest {
        let at = error.place().map(said_at).unwrap_or_default();
        first = first.detail(format!("also {at}: {error}"));
    }
    Err(first)
}
