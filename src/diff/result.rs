//! What a comparison found. No value of a row is ever part of it, except the keys of rows that
//! differ, when they were asked for.

use std::fmt;

use serde::Serialize;

use super::reconcile::Difference;
use crate::sql::Ident;

/// The result for a list of tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Comparison {
    /// Whether all tables are equal.
    pub equal: bool,
    /// Each table, in the order asked for.
    pub tables: Vec<TableDiff>,
}

/// The result for one table.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TableDiff {
    /// Its name in the source (in the target, when only that has it).
    pub table: String,
    /// Its name in the target, when it is another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_table: Option<String>,
    /// Whether both sides hold the same rows in the same columns.
    pub equal: bool,
    /// Rows of the source, under the condition.
    pub rows_source: u64,
    /// Rows of the target, under the condition.
    pub rows_target: u64,
    /// Rows with the same key and other content.
    pub different: u64,
    /// Rows of the source that the target lacks.
    pub missing: u64,
    /// Rows of the target that the source lacks.
    pub extra: u64,
    /// The columns that rows were matched by; empty when both sides share no key.
    pub key: Vec<Ident>,
    /// Number of columns compared.
    pub columns: usize,
    /// What differs in the tables themselves.
    pub remarks: Vec<Remark>,
    /// The first rows that differ, when they were asked for and there is a key.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rows: Vec<RowDiff>,
}

/// One row that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RowDiff {
    /// How.
    pub difference: Difference,
    /// The values of its key, in the order of [`TableDiff::key`].
    pub key: Vec<String>,
    /// The columns whose values differ; empty for missing and extra rows.
    pub columns: Vec<Ident>,
}

/// Something that differs in the tables and not in their rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Remark {
    /// The target has no such table.
    TableOnlyInSource,
    /// The source has no such table.
    TableOnlyInTarget,
    /// The target has no such column.
    ColumnOnlyInSource {
        /// The column.
        column: Ident,
    },
    /// The source has no such column.
    ColumnOnlyInTarget {
        /// The column.
        column: Ident,
    },
    /// A column was to be compared that neither side has.
    ColumnNowhere {
        /// The column.
        column: Ident,
    },
    /// The types differ; the values were compared as text.
    TypeDiffers {
        /// The column.
        column: Ident,
        /// Its type in the source.
        source: String,
        /// Its type in the target.
        target: String,
    },
}

impl Remark {
    /// Whether the data cannot be equal. Other types alone do not tell: the values are compared.
    #[must_use]
    pub fn is_difference(&self) -> bool {
        !matches!(self, Self::TypeDiffers { .. })
    }
}

impl fmt::Display for Remark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TableOnlyInSource => f.write_str("only the source has this table"),
            Self::TableOnlyInTarget => f.write_str("only the target has this table"),
            Self::ColumnOnlyInSource { column } => {
                write!(f, "only the source has the column {}", column.as_str())
            }
            Self::ColumnOnlyInTarget { column } => {
                write!(f, "only the target has the column {}", column.as_str())
            }
            Self::ColumnNowhere { column } => {
                write!(f, "neither side has the column {}", column.as_str())
            }
            Self::TypeDiffers {
                column,
                source,
                target,
            } => write!(
                f,
                "{} is {source} in the source and {target} in the target: compared as text",
                column.as_str()
            ),
        }
    }
}

impl TableDiff {
    /// Sets [`Self::equal`] from what was counted and remarked.
    #[must_use]
    pub fn judged(mut self) -> Self {
        self.equal = self.different == 0
            && self.missing == 0
            && self.extra == 0
            && self.rows_source == self.rows_target
            && !self.remarks.iter().any(Remark::is_difference);
        self
    }
}
