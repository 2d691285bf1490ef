//! One value before it is encoded.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::sql::Decimal;

/// A value of a column, independent of how it travels.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Value {
    /// SQL's null.
    Null,
    /// `boolean`
    Bool(bool),
    /// Whole numbers of all widths.
    Int(i64),
    /// `real`, `double precision`
    Float(f64),
    /// `numeric`, `money`
    Decimal(Decimal),
    /// Every type whose text is its value: text, enums, JSON, XML, and what has no form of its own
    /// here.
    Text(Cow<'static, str>),
    /// `bytea`
    Bytes(Vec<u8>),
    /// `date`: days since 2000-01-01.
    Date(i32),
    /// `time`: microseconds since midnight.
    Time(i64),
    /// `timestamp` and `timestamptz`: microseconds since 2000-01-01 (UTC).
    Timestamp(i64),
    /// `interval`
    Interval {
        /// Months.
        months: i32,
        /// Days beside the months.
        days: i32,
        /// Microseconds beside the days.
        micros: i64,
    },
    /// `uuid`
    Uuid(u128),
    /// One dimension with lower bound 1; empty is the empty array.
    Array(Vec<Value>),
    /// A range with its lower bound in and its upper bound out; `None` is unbounded.
    Range(Option<Box<Value>>, Option<Box<Value>>),
    /// Attributes of a composite, in their order.
    Composite(Vec<Value>),
}

impl Value {
    /// A text that had to be made.
    #[must_use]
    pub fn text(text: String) -> Self {
        Self::Text(Cow::Owned(text))
    }

    /// Whether it is null.
    #[must_use]
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The number it is, as near as a float comes.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Int(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Decimal(value) => Some(value.to_f64()),
            _ => None,
        }
    }
}
