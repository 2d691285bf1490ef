//! What is asked and what is answered.

use crate::catalog::Column;
use crate::generate::fact::Fact;
use crate::generate::pg_type::PgType;
use crate::generate::source::{Locale, Source};

/// A column as inference sees it.
#[derive(Debug, Clone, Copy)]
pub(in crate::generate) struct About<'a> {
    /// The table, by its plain name.
    pub(in crate::generate) table: &'a str,
    /// The column.
    pub(in crate::generate) column: &'a Column,
    /// What it holds, domains resolved.
    pub(in crate::generate) kind: &'a PgType,
    /// What its constraints say.
    pub(in crate::generate) facts: &'a [Fact],
    /// Whether null is forbidden, by the column or a domain of it.
    pub(in crate::generate) not_null: bool,
    /// Whether its value alone is unique.
    pub(in crate::generate) unique: bool,
    /// Rows of the table.
    pub(in crate::generate) rows: u64,
    /// The text columns of its row that have values of their own.
    pub(in crate::generate) neighbours: &'a [Neighbour<'a>],
    /// Whose names are made.
    pub(in crate::generate) locale: Locale,
    /// Now, in microseconds since 2000-01-01 UTC.
    pub(in crate::generate) today: i64,
}

/// Another column of the row.
#[derive(Debug, Clone, Copy)]
pub(in crate::generate) struct Neighbour<'a> {
    /// Its place in the table's plan.
    pub(in crate::generate) place: usize,
    /// Its name.
    pub(in crate::generate) name: &'a str,
}

/// What a column holds.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::generate) struct Inferred {
    /// Where its values come from.
    pub(in crate::generate) source: Source,
    /// Share of rows where it is null, 0 to 1.
    pub(in crate::generate) nulls: f64,
    /// Why, in words.
    pub(in crate::generate) reason: String,
    /// Whether its name, its comment or a constraint calls for it, and not its type alone.
    pub(in crate::generate) meant: bool,
}
