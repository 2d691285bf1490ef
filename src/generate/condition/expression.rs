//! Expressions over the columns of one row.

use serde::{Deserialize, Serialize};

use crate::generate::value::Value;

/// SQL's three truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// True.
    True,
    /// False.
    False,
    /// Null; a CHECK takes it as fulfilled.
    Unknown,
}

/// An expression over a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// A column, as an index into the table's plan.
    Column(usize),
    /// `IS NULL`
    IsNull(Box<Expression>),
}

impl Expression {
    /// Whether a row fulfils it, given its values in the order of the plan's columns.
    #[must_use]
    pub fn holds(&self, row: &[Value]) -> Truth {
        match self {
            Self::Column(column) => match row.get(*column) {
                Some(Value::Bool(true)) => Truth::True,
                Some(Value::Bool(false)) => Truth::False,
                _ => Truth::Unknown,
            },
            Self::IsNull(inner) => match &**inner {
                Self::Column(column) if row.get(*column).is_some_and(Value::is_null) => Truth::True,
                _ => Truth::False,
            },
        }
    }
}
