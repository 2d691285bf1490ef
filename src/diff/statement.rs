//! The statements that one side is asked.

use super::bisection::{Chunks, Level};
use super::digest::{Method, Part};
use super::form::Compared;
use crate::sql::QualifiedName;

/// Keeps the planner from merging a subquery into the query around it, where it would compute the
/// bytes of a row once for each use of them. The quotes matter: a bare `0` is an `int4` that is yet
/// to be cast when the planner asks whether rows are skipped, and then nothing runs in parallel.
const BARRIER: &str = "offset '0'";

/// What is read of one table on one side. Both sides get the same columns, key and method.
#[derive(Debug, Clone, Copy)]
pub struct Reading<'a> {
    /// The table.
    pub table: &'a QualifiedName,
    /// Whether rows of its children are left out (they are tables of their own); partitions are
    /// its own rows.
    pub only: bool,
    /// A condition on its rows: SQL of the user, in which the table goes by its own name.
    pub condition: Option<&'a str>,
    /// Columns to compare.
    pub columns: &'a [Compared],
    /// Columns to match by; may be empty.
    pub key: &'a [Compared],
    /// The hash function.
    pub method: Method,
}

impl Reading<'_> {
    /// Counts all rows; no parameters.
    #[must_use]
    pub fn count(&self) -> String {
        format!(
            "select pg_catalog.count(*) from {}{}",
            self.from(),
            self.filter(None)
        )
    }

    /// Count and sums of each chunk: `chunk, count, sum as text, sum as text`, ascending. Takes the
    /// numbers of the larger chunks as `$1` when the level names some.
    #[must_use]
    pub fn level(&self, level: &Level) -> String {
        format!(
            "select x.k & {}::pg_catalog.int8 as chunk, pg_catalog.count(*), \
             pg_catalog.sum({})::pg_catalog.text, pg_catalog.sum({})::pg_catalog.text \
             from ({}) as x group by 1 order by 1",
            level.mask(),
            self.method.hash("x.b", Part::Row),
            self.method.hash("x.b", Part::RowAgain),
            self.digests(level.among.as_ref()),
        )
    }

    /// Digests of the rows of the chunks whose numbers are `$1`, sorted: two of the key, two of the row.
    #[must_use]
    pub fn rows(&self, chunks: &Chunks) -> String {
        format!(
            "select x.k, x.k2, {}, {} from ({}) as x order by 1, 2, 3, 4",
            self.method.hash("x.b", Part::Row),
            self.method.hash("x.b", Part::RowAgain),
            self.digests(Some(chunks)),
        )
    }

    /// Of the rows whose first key hash is in `$1`: two hashes of the key, the key as texts, a hash
    /// of every compared column.
    #[must_use]
    pub fn details(&self) -> String {
        let alias = &self.table.name;
        let key = self.key_bytes();
        let shown: Vec<String> = self.key.iter().map(|column| column.shown(alias)).collect();
        let hashes: Vec<String> = self
            .columns
            .iter()
            .map(|column| {
                let bytes = format!("pg_catalog.record_send(row({}))", column.value(alias));
                self.method.hash(&self.method.prepared(&bytes), Part::Row)
            })
            .collect();
        let k = self.method.hash(&key, Part::Key);
        format!(
            "select {k}, {}, array[{}]::pg_catalog.text[], array[{}]::pg_catalog.int8[] from {}{} order by 1, 2",
            self.method.hash(&key, Part::KeyAgain),
            shown.join(", "),
            hashes.join(", "),
            self.from(),
            self.filter(Some(&format!("{k} = any($1::pg_catalog.int8[])"))),
        )
    }

    /// A row of `k`, `k2`, `b`: hashes of the key, and the prepared bytes of the row.
    fn digests(&self, among: Option<&Chunks>) -> String {
        let part = |k: &str| {
            among.map(|chunks| {
                format!(
                    "({k} & {}::pg_catalog.int8) = any($1::pg_catalog.int8[])",
                    chunks.mask()
                )
            })
        };
        let bytes = self.row_bytes();
        if self.key.is_empty() {
            let k = self.method.hash("y.b", Part::Key);
            let again = self.method.hash("y.b", Part::KeyAgain);
            let filter = part(&k).map_or_else(String::new, |part| format!(" where {part}"));
            return format!(
                "select {k} as k, {again} as k2, y.b from (select {bytes} as b from {}{} {BARRIER}) as y{filter} {BARRIER}",
                self.from(),
                self.filter(None),
            );
        }
        let key = self.key_bytes();
        let k = self.method.hash(&key, Part::Key);
        format!(
            "select {k} as k, {} as k2, {bytes} as b from {}{} {BARRIER}",
            self.method.hash(&key, Part::KeyAgain),
            self.from(),
            self.filter(part(&k).as_deref()),
        )
    }

    fn row_bytes(&self) -> String {
        self.bytes(self.columns, Compared::value)
    }

    fn key_bytes(&self) -> String {
        self.bytes(self.key, Compared::key_value)
    }

    fn bytes(
        &self,
        columns: &[Compared],
        value: fn(&Compared, &crate::sql::Ident) -> String,
    ) -> String {
        let values: Vec<String> = columns
            .iter()
            .map(|column| value(column, &self.table.name))
            .collect();
        let bytes = format!("pg_catalog.record_send(row({}))", values.join(", "));
        self.method.prepared(&bytes)
    }

    fn from(&self) -> String {
        let only = if self.only { "only " } else { "" };
        format!("{only}{} as {}", self.table, self.table.name)
    }

    /// The condition stands on lines of its own, so that a comment in it ends with it.
    fn filter(&self, part: Option<&str>) -> String {
        match (self.condition, part) {
            (None, None) => String::new(),
            (None, Some(part)) => format!(" where {part}"),
            (Some(condition), None) => format!(" where (\n{condition}\n)"),
            (Some(condition), Some(part)) => format!(" where (\n{condition}\n) and {part}"),
        }
    }
}
