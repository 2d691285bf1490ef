//! A patch that brings rows of a table back: SQL that a person reads before it runs.
//!
//! The rows of the living table are put into a table of texts on the restored server, [`STAGE`],
//! and compared there: the living server is read once, and neither side's rows pass through memory.

use std::fmt::Write as _;

use super::form::{printed, printed_or_null};
use crate::sql::{Ident, QualifiedName, literal};

/// Where the living rows are put on the restored server.
const STAGE: &str = "pg_temp.tidegate_living";

/// A table whose rows are compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Patch {
    /// The table, of the same name on both sides.
    pub table: QualifiedName,
    /// Whether it is partitioned: then its rows lie in other tables.
    pub partitioned: bool,
    /// The columns that tell a row; never empty.
    pub key: Vec<Ident>,
    /// The other columns that both sides have and store.
    pub others: Vec<Ident>,
}

impl Patch {
    /// The columns, those of the key first.
    fn columns(&self) -> impl Iterator<Item = &Ident> {
        self.key.iter().chain(&self.others)
    }

    fn list(&self) -> String {
        let names: Vec<String> = self.columns().map(Ident::to_string).collect();
        names.join(", ")
    }

    fn from(&self) -> String {
        let only = if self.partitioned { "" } else { "only " };
        format!("{only}{} as r", self.table)
    }

    /// Both sides have the row. Keys match as they are printed, so that the comparison needs no
    /// operator of a type that an extension brought.
    fn same_row(&self) -> String {
        let pair = |name: &Ident| format!("{} = l.{name}", printed(&format!("r.{name}")));
        let pairs: Vec<String> = self.key.iter().map(pair).collect();
        pairs.join(" and ")
    }

    /// Reads the living rows as texts, for [`Self::load`].
    #[must_use]
    pub fn read(&self) -> String {
        let texts: Vec<String> = self.columns().map(|name| text("r", name)).collect();
        format!(
            "copy (select {} from {}) to stdout",
            texts.join(", "),
            self.from()
        )
    }

    /// Makes the place for the living rows.
    #[must_use]
    pub fn stage(&self) -> String {
        let column = |name: &Ident| format!("{name} pg_catalog.text");
        let columns: Vec<String> = self.columns().map(column).collect();
        format!(
            "drop table if exists {STAGE}; create temporary table {} ({})",
            STAGE.trim_start_matches("pg_temp."),
            columns.join(", ")
        )
    }

    /// Takes the living rows.
    #[must_use]
    pub fn load(&self) -> String {
        format!("copy {STAGE} from stdin")
    }

    /// Reads the rows that are gone, as [`Self::insert`] takes them.
    #[must_use]
    pub fn missing(&self) -> String {
        let columns: Vec<String> = self.columns().map(|name| format!("r.{name}")).collect();
        format!(
            "copy (select {} from {} where not exists (select from {STAGE} as l where {}) order by {}) to stdout",
            columns.join(", "),
            self.from(),
            self.same_row(),
            self.order("r"),
        )
    }

    fn order(&self, alias: &str) -> String {
        let names: Vec<String> = self.key.iter().map(|n| format!("{alias}.{n}")).collect();
        names.join(", ")
    }

    /// The statement in front of the rows that are gone.
    #[must_use]
    pub fn insert(&self) -> String {
        format!("copy {} ({}) from stdin;", self.table, self.list())
    }

    /// Reads the rows that were changed: the key, then for each other column what it was and what it
    /// is, all as texts. None when the table has no other column.
    #[must_use]
    pub fn changed(&self) -> Option<String> {
        let differ = |name: &Ident| format!("{} is distinct from l.{name}", text("r", name));
        let differ: Vec<String> = self.others.iter().map(differ).collect();
        let key = self.key.iter().map(|name| format!("l.{name}"));
        let pairs = self.others.iter();
        let pairs = pairs.flat_map(|name| [text("r", name), format!("l.{name}")]);
        let columns: Vec<String> = key.chain(pairs).collect();
        (!differ.is_empty()).then(|| {
            format!(
                "select {} from {} join {STAGE} as l on {} where {} order by {}",
                columns.join(", "),
                self.from(),
                self.same_row(),
                differ.join(" or "),
                self.order("r")
            )
        })
    }

    /// Counts the living rows that the restored table does not have.
    #[must_use]
    pub fn added(&self) -> String {
        format!(
            "select pg_catalog.count(*) from {STAGE} as l where not exists (select from {} where {})",
            self.from(),
            self.same_row()
        )
    }

    /// Brings one row of [`Self::changed`] back, unless it was changed once more.
    #[must_use]
    pub fn update(&self, row: &[Option<&str>]) -> String {
        let value = |text: Option<&str>| text.map_or_else(|| "null".to_owned(), literal);
        let (key, pairs) = row.split_at(self.key.len().min(row.len()));
        let (mut set, mut unchanged) = (Vec::new(), String::new());
        for (name, pair) in self.others.iter().zip(pairs.chunks_exact(2)) {
            let (was, is) = (pair[0], pair[1]);
            if was == is {
                continue;
            }
            set.push(format!("{name} = {}", value(was)));
            let held = match is {
                None => format!(" and {name} is not distinct from null"),
                Some(text) => format!(
                    " and {name} is distinct from null and {} = {}",
                    printed(&name.to_string()),
                    literal(text)
                ),
            };
            // Writing into a String cannot fail.
            let _ = write!(unchanged, "{held}");
        }
        let same = self.key.iter().zip(key);
        let same: Vec<String> = same
            .map(|(name, text)| format!("{name} = {}", value(*text)))
            .collect();
        format!(
            "update {} set {} where {}{unchanged};",
            self.table,
            set.join(", "),
            same.join(" and ")
        )
    }
}

/// A column as its output function prints it, null where it is null.
fn text(alias: &str, name: &Ident) -> String {
    printed_or_null(&format!("{alias}.{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch() -> Patch {
        let ident = |name: &str| Ident::new(name).unwrap();
        Patch {
            table: QualifiedName::new(ident("public"), ident("t")),
            partitioned: false,
            key: vec![ident("id")],
            others: vec![ident("a"), ident("b")],
        }
    }

    #[test]
    fn an_update_names_what_differs_and_holds_on_to_what_was_seen() {
        let sql = patch().update(&[Some("7"), Some("o'ld"), Some("new"), None, None]);
        assert_eq!(
            sql,
            "update \"public\".\"t\" set \"a\" = 'o''ld' where \"id\" = '7' \
             and \"a\" is distinct from null and pg_catalog.concat(\"a\") = 'new';"
        );
        let sql = patch().update(&[Some("7"), Some("x"), Some("x"), Some("y"), None]);
        assert!(sql.contains("set \"b\" = 'y' where"), "{sql}");
        assert!(
            sql.ends_with("and \"b\" is not distinct from null;"),
            "{sql}"
        );
    }

    #[test]
    fn a_table_of_keys_alone_has_no_changed_rows() {
        let mut keys = patch();
        keys.others.clear();
        assert_eq!(keys.changed(), None);
        assert!(keys.missing().contains("not exists"));
    }
}
