//! References between tables: foreign keys, and those that only the policy knows.

use serde::Serialize;

use crate::catalog::Catalog;
use crate::masking::VirtualReference;
use crate::sql::{Ident, QualifiedName};

/// Rows of one table that name rows of another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// For people: the name of the foreign key, or `virtual`.
    pub name: String,
    /// The referencing table; partitions of it refer, too.
    pub from: QualifiedName,
    /// Its columns.
    pub columns: Vec<Ident>,
    /// The referenced table.
    pub to: QualifiedName,
    /// Its columns, in the same order.
    pub to_columns: Vec<Ident>,
    /// A condition on the referencing row, for polymorphic references; its columns belong to `c`.
    pub filter: Option<String>,
}

impl Reference {
    /// Every reference of the catalog, and those of the policy.
    #[must_use]
    pub fn all(catalog: &Catalog, declared: &[VirtualReference]) -> Vec<Self> {
        let keys = catalog.tables.values().flat_map(|table| {
            table.foreign_keys().filter_map(|constraint| {
                let key = constraint.foreign_key()?;
                Some(Self {
                    name: constraint.name.as_str().to_owned(),
                    from: table.name.clone(),
                    columns: constraint.columns.clone(),
                    to: key.table.clone(),
                    to_columns: key.columns.clone(),
                    filter: None,
                })
            })
        });
        keys.chain(Self::declared(declared)).collect()
    }

    /// Those of the policy.
    pub fn declared(declared: &[VirtualReference]) -> impl Iterator<Item = Self> + '_ {
        declared.iter().map(|reference| Self {
            name: "virtual".to_owned(),
            from: reference.from.clone(),
            columns: reference.columns.clone(),
            to: reference.to.clone(),
            to_columns: reference.to_columns.clone(),
            filter: reference.filter.clone(),
        })
    }

    /// Whether a table refers to itself.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.from == self.to
    }

    /// The referencing rows as `c`, read from `rows`: a table, or a subquery in parentheses. The
    /// policy's condition stands where no column of the other table can be meant, so that its columns
    /// need no `c` before them.
    #[must_use]
    pub fn referring(&self, rows: &str) -> String {
        match &self.filter {
            None => format!("{rows} c"),
            // The line end closes a comment in the condition.
            Some(filter) => {
                format!("(select c.*, c.tableoid, c.ctid from {rows} c where ({filter}\n)) c")
            }
        }
    }

    /// The condition that joins a referencing row `c` with the row `p` that it names. A null in
    /// any column names nothing, as `MATCH SIMPLE` has it
    /// (<https://www.postgresql.org/docs/current/sql-createtable.html>).
    #[must_use]
    pub fn condition(&self) -> String {
        let pairs = self.columns.iter().zip(&self.to_columns);
        let parts: Vec<String> = pairs.map(|(a, b)| format!("c.{a} = p.{b}")).collect();
        parts.join(" and ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn composite_and_polymorphic_references_are_walked_alike() {
        let name = |name: &str| Ident::new(name).unwrap();
        let table = |table: &str| QualifiedName::new(name("public"), name(table));
        let reference = Reference {
            name: "virtual".into(),
            from: table("notes"),
            columns: vec![name("tenant"), name("owner id")],
            to: table("users"),
            to_columns: vec![name("tenant"), name("id")],
            filter: Some("c.owner_type = 'User'".into()),
        };
        assert_eq!(
            reference.condition(),
            "c.\"tenant\" = p.\"tenant\" and c.\"owner id\" = p.\"id\""
        );
        assert_eq!(
            reference.referring("only notes"),
            "(select c.*, c.tableoid, c.ctid from only notes c where (c.owner_type = 'User'\n)) c"
        );
    }
}
