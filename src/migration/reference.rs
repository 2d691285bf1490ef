//! Foreign keys as a change file writes them: `users(id)`, optionally with actions.

use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

/// `users(id) on delete cascade`, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Reference {
    /// The table, as written.
    pub table: String,
    /// Its column.
    pub column: Ident,
    /// What follows the parenthesis, as written.
    pub actions: String,
}

impl Reference {
    /// Takes `text` apart.
    ///
    /// # Errors
    /// [`Kind::ChangeValue`] when it is not `table(column)`, [`Kind::NameInvalid`] for the column.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let shape = || {
            Error::new(
                Kind::ChangeValue,
                format!("\"{text}\" is not a reference of the form table(column)"),
            )
        };
        let (table, rest) = text.split_once('(').ok_or_else(shape)?;
        let (column, actions) = rest.split_once(')').ok_or_else(shape)?;
        let column = column.trim();
        let column = column
            .strip_prefix('"')
            .and_then(|inner| inner.strip_suffix('"'))
            .map_or_else(|| column.to_owned(), |inner| inner.replace("\"\"", "\""));
        if table.trim().is_empty() || column.is_empty() || column.contains(',') {
            return Err(shape());
        }
        Ok(Self {
            table: table.trim().to_owned(),
            column: Ident::new(column)?,
            actions: actions.trim().to_owned(),
        })
    }

    /// The constraint that makes `column` refer to `target`, not yet validated.
    #[must_use]
    pub(super) fn add(
        &self,
        table: &QualifiedName,
        name: &Ident,
        column: &Ident,
        target: &QualifiedName,
    ) -> String {
        let gap = if self.actions.is_empty() { "" } else { " " };
        format!(
            "alter table {table} add constraint {name} foreign key ({column}) references {target} ({}){gap}{} not valid",
            self.column, self.actions
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_references_apart() {
        let reference = Reference::parse("app.\"Users\" (\"Id\") on delete cascade").unwrap();
        assert_eq!(reference.table, "app.\"Users\"");
        assert_eq!(reference.column.as_str(), "Id");
        assert_eq!(reference.actions, "on delete cascade");
        assert!(Reference::parse("users").is_err());
        assert!(Reference::parse("users(a, b)").is_err());
    }
}
