//! What a file of the policy says of a column or of the rows of a table.

use super::pattern::Pattern;
use crate::error::{Error, Kind, Place};
use crate::masking::{Class, Rows, Rule};

/// One rule of a file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// The table, or a pattern of tables.
    pub(super) table: Pattern,
    /// The column, or a pattern of columns.
    pub(super) column: Pattern,
    /// What is ruled.
    pub(super) ruling: Ruling,
    /// The key in the file.
    pub(super) place: Place,
}

/// What is ruled for a column.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ruling {
    /// This rule.
    Rule {
        /// The rule.
        rule: Rule,
        /// The class, when the file or the name of the mask tells it.
        class: Option<Class>,
    },
    /// The usual rule of a class.
    Class(Class),
}

/// `rows = ...` of a table.
#[derive(Debug, Clone)]
pub(super) struct RowsEntry {
    /// The table, or a pattern of tables.
    pub(super) table: Pattern,
    /// Which rows.
    pub(super) rows: Rows,
    /// The key in the file.
    pub(super) place: Place,
}

/// A table that a file has a section for.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// The table, or a pattern of tables.
    pub(super) table: Pattern,
    /// The key in the file.
    pub(super) place: Place,
}

/// `masking-rules/shop.toml:7:1`
pub(super) fn said_at(place: &Place) -> String {
    let (line, column) = place.line_column();
    format!("{}:{line}:{column}", place.file.display())
}

/// Two rules for one thing.
pub(super) fn twice(what: &str, first: &Place, second: &Place) -> Error {
    Error::new(
        Kind::MaskRule,
        format!("{what} is ruled twice: here and at {}", said_at(first)),
    )
    .hint("remove one of the two")
    .at(second.clone().label("ruled again here"))
}
