//! Change files in TOML.

use std::path::Path;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer};

use super::change::{Change, SourceFile};
use super::operation::Operation;
use super::{Release, Schedule};
use crate::error::{Error, Kind, Place, Result};
use crate::sql::{did_you_mean, nearest};

/// Everything but the operations.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Head {
    /// Version of the format: 1.
    #[schemars(range(min = 1, max = 1))]
    version: u32,
    /// One line for people.
    #[serde(default)]
    title: String,
    #[serde(default)]
    schedule: RawSchedule,
    /// The operations, in order.
    #[serde(default)]
    #[allow(
        dead_code,
        reason = "only for the JSON Schema; operations are read one by one"
    )]
    operation: Vec<serde_json::Value>,
}

/// Release of each phase; omitted ones follow the policy.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct RawSchedule {
    #[schemars(with = "Option<String>")]
    expand: Option<Spanned<String>>,
    #[schemars(with = "Option<String>")]
    enforce: Option<Spanned<String>>,
    #[schemars(with = "Option<String>")]
    contract: Option<Spanned<String>>,
}

/// JSON Schema of the format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Head)
}

/// Reads a TOML change.
pub(super) fn parse(path: &Path, text: &Arc<str>) -> Result<Change> {
    let reader = Reader { path, text };
    let mut root = DeTable::parse(text).map_err(|error| reader.wrong(&error))?;
    let operations = root.get_mut().remove("operation");
    let head: Head = reader.read(root)?;
    if head.version != 1 {
        return Err(Error::new(
            Kind::ChangeValue,
            format!(
                "{} has version {}; this Tidegate reads version 1",
                path.display(),
                head.version
            ),
        ));
    }
    let mut change = Change {
        id: String::new(),
        name: String::new(),
        title: head.title,
        schedule: reader.schedule(head.schedule)?,
        operations: Vec::new(),
        file: SourceFile {
            path: path.to_owned(),
            text: Arc::clone(text),
            spans: Vec::new(),
        },
    };
    let missing = || {
        Error::new(
            Kind::ChangeValue,
            format!("{} has no [[operation]]", path.display()),
        )
        .at(reader.place(0..0))
    };
    let Some(DeValue::Array(list)) = operations.map(Spanned::into_inner) else {
        return Err(missing());
    };
    for value in list {
        let span = value.span();
        let DeValue::Table(table) = value.into_inner() else {
            return Err(missing());
        };
        change.file.spans.push(
            table
                .iter()
                .map(|(key, value)| (key.get_ref().to_string(), value.span()))
                .collect(),
        );
        change
            .operations
            .push(reader.operation(Spanned::new(span, table))?);
    }
    if change.operations.is_empty() {
        return Err(missing());
    }
    Ok(change)
}

struct Reader<'a> {
    path: &'a Path,
    text: &'a Arc<str>,
}

impl Reader<'_> {
    fn place(&self, span: std::ops::Range<usize>) -> Place {
        Place::new(self.path, self.text, span)
    }

    fn wrong(&self, error: &toml::de::Error) -> Error {
        let mapped = Error::new(Kind::ChangeSyntax, error.message().trim().to_owned())
            .at(self.place(error.span().unwrap_or(0..0)));
        match did_you_mean(error.message()) {
            Some(near) => mapped.hint(format!("did you mean \"{near}\"?")),
            None => mapped,
        }
    }

    fn read<T: DeserializeOwned>(&self, table: Spanned<DeTable<'_>>) -> Result<T> {
        T::deserialize(Deserializer::from(table)).map_err(|error| self.wrong(&error))
    }

    fn schedule(&self, raw: RawSchedule) -> Result<Schedule> {
        let mut last = 0..0;
        let mut read = |value: Option<Spanned<String>>| -> Result<Option<Release>> {
            let Some(value) = value else {
                return Ok(None);
            };
            last = value.span();
            let release = value
                .get_ref()
                .parse()
                .map_err(|error: Error| error.at(self.place(value.span())))?;
            Ok(Some(release))
        };
        let (expand, enforce, contract) =
            (read(raw.expand)?, read(raw.enforce)?, read(raw.contract)?);
        Schedule::resolve(expand, enforce, contract).map_err(|error| error.at(self.place(last)))
    }

    fn operation(&self, mut table: Spanned<DeTable<'_>>) -> Result<Operation> {
        let span = table.span();
        let kind = table.get_mut().remove("kind").ok_or_else(|| {
            Error::new(Kind::ChangeSyntax, "the operation has no kind")
                .hint(format!("the kinds are {}", Operation::KINDS.join(", ")))
                .at(self.place(span))
        })?;
        match kind.get_ref().as_str() {
            Some("add_column") => self.read(table).map(Operation::AddColumn),
            Some("replace_column") => self.read(table).map(Operation::ReplaceColumn),
            Some("set_not_null") => self.read(table).map(Operation::SetNotNull),
            Some("drop_column") => self.read(table).map(Operation::DropColumn),
            Some("sql") => self.read(table).map(Operation::Sql),
            other => {
                let word = other.unwrap_or_default();
                Err(Error::new(
                    Kind::ChangeSyntax,
                    format!("unknown kind of operation \"{word}\""),
                )
                .hint(match nearest(word, &Operation::KINDS) {
                    Some(near) => format!("did you mean \"{near}\"?"),
                    None => format!("the kinds are {}", Operation::KINDS.join(", ")),
                })
                .at(self.place(kind.span())))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"version = 1
title = "Key transactions by user id"

[schedule]
expand = "2.1.0"

[[operation]]
kind  = "replace_column"
table = "transactions"
from  = "account_email"
to    = { name = "user_id", type = "bigint", not_null = true, references = "users(id)", pii = "pseudonymous-id" }
up    = "select u.id from users u where u.email = transactions.account_email"
down  = "select u.email from users u where u.id = transactions.user_id"
"#;

    fn read(text: &str) -> Result<Change> {
        parse(Path::new("0007_user_id.toml"), &Arc::from(text))
    }

    #[test]
    fn reads_the_worked_example() {
        let change = read(GOOD).unwrap();
        assert_eq!(change.schedule.contract.to_string(), "2.3.0");
        assert_eq!(change.operations[0].kind(), "replace_column");
        let place = change.file.place(0, "table");
        assert_eq!(&place.text[place.span.clone()], "\"transactions\"");
        assert_eq!(place.line_column(), (9, 9));
    }

    #[test]
    fn unknown_keys_are_placed_and_guessed() {
        let error = read(&GOOD.replace("from  =", "form  =")).unwrap_err();
        assert_eq!(error.place().unwrap().line_column().0, 10, "{error}");
        assert_eq!(error.hint_text(), "did you mean \"from\"?");
        let error = read(&GOOD.replace("replace_column", "replace_colum")).unwrap_err();
        assert_eq!(error.hint_text(), "did you mean \"replace_column\"?");
        let error = read(&GOOD.replace("type = \"bigint\"", "typ = \"bigint\"")).unwrap_err();
        assert_eq!(error.place().unwrap().line_column().0, 11, "{error}");
    }

    #[test]
    fn releases_and_names_are_checked() {
        let error = read(&GOOD.replace("2.1.0", "soon")).unwrap_err();
        assert_eq!(
            (error.kind(), error.place().unwrap().line_column().0),
            (Kind::ReleaseInvalid, 5)
        );
        let error = read(&GOOD.replace("user_id\"", &format!("{}\"", "x".repeat(64)))).unwrap_err();
        assert!(error.to_string().contains("64 bytes"), "{error}");
    }

    #[test]
    fn the_checksum_ignores_title_and_schedule() {
        let change = read(GOOD).unwrap();
        let moved = read(&GOOD.replace("2.1.0", "3.1.0").replace("Key", "# Key")).unwrap();
        assert_eq!(change.checksum(), moved.checksum());
        let edited = read(&GOOD.replace("bigint", "integer")).unwrap();
        assert_ne!(change.checksum(), edited.checksum());
    }
}
