//! Columns that no rule covers, and what to write for them.

use serde::Serialize;

use super::family::Family;
use super::pack;
use crate::error::{Error, Kind};
use crate::masking::Class;

/// Lines of a list that an error shows before it is cut.
const SHOWN: usize = 200;

/// A column that no rule covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Uncovered {
    /// The table, as a policy writes it.
    pub table: String,
    /// The column.
    pub column: String,
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// What its name tells.
    pub class: Option<Class>,
    /// The change file that will add it; `None` when it is there already.
    pub added_by: Option<String>,
    /// The section of the policy that a rule belongs into: `[tables.users]`.
    pub section: String,
    /// The line to write into that section.
    pub remedy: String,
}

impl Uncovered {
    pub(super) fn new(table: String, column: &str, data_type: String, not_null: bool) -> Self {
        let family = Family::of(&data_type);
        let short = table.rsplit('.').next().unwrap_or(&table);
        let class = pack::tell(|_| true, short, column, family).map(|told| told.class);
        let key = toml_key(column);
        let usable = |class: &Class| {
            pack::usual(*class, family)
                .is_some_and(|rule| !not_null || rule != &toml::Value::from("null"))
        };
        let remedy = match class {
            Some(class) if usable(&class) => format!("{key} = {{ class = \"{class}\" }}"),
            Some(_) if !not_null => format!("{key} = \"null\""),
            Some(class) => format!("{key} = {{ class = \"{class}\", sql = \"...\" }}"),
            None => format!(
                "{key} = \"keep\"    # if nothing personal is in it; else a mask or a class"
            ),
        };
        Self {
            section: format!("[tables.{}]", toml_key(&table)),
            table,
            column: column.to_owned(),
            data_type,
            class,
            added_by: None,
            remedy,
        }
    }

    /// `users.email text`
    #[must_use]
    pub fn title(&self) -> String {
        format!("{}.{} {}", self.table, self.column, self.data_type)
    }
}

/// A key as TOML writes it: bare where that is allowed.
fn toml_key(name: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(bare) {
        name.to_owned()
    } else {
        toml::Value::from(name).to_string()
    }
}

/// The error that lists them all, with the lines to write.
pub(super) fn refusal(columns: &[Uncovered]) -> Error {
    let count = columns.len();
    let noun = if count == 1 {
        "column has"
    } else {
        "columns have"
    };
    let mut error = Error::new(
        Kind::MaskUnclassified,
        format!("{count} {noun} no masking rule"),
    );
    let mut section = "";
    for column in columns.iter().take(SHOWN) {
        if column.section != section {
            section = &column.section;
            error = error.detail(section.to_owned());
        }
        error = error.detail(format!("{}    # {}", column.remedy, column.title()));
    }
    if count > SHOWN {
        error = error.detail(format!("and {} more", count - SHOWN));
    }
    error.hint("write the lines above into a file below masking-rules/, or let `tidegate mask scan --write masking-rules/draft.toml` draft them")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remedies_can_be_pasted() {
        for (column, data_type, not_null, expected) in [
            ("email", "text", true, "email = { class = \"email\" }"),
            ("dob", "date", false, "dob = { class = \"birth-date\" }"),
            ("Größe 1", "text", false, "\"Größe 1\" = \"keep\""),
            ("salary", "integer", false, "salary = { class = \"money\" }"),
            ("sku", "text", true, "sku = \"keep\""),
        ] {
            let found = Uncovered::new("sales.people".into(), column, data_type.into(), not_null);
            assert!(found.remedy.starts_with(expected), "{}", found.remedy);
            assert_eq!(found.section, "[tables.\"sales.people\"]");
            toml::from_str::<toml::Table>(&format!("{}\n{}", found.section, found.remedy)).unwrap();
        }
    }
}
