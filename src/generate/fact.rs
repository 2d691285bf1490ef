//! What constraints say about single columns, in a form that narrows a generator.

use serde::{Deserialize, Serialize};

use super::value::Value;

/// One thing that every value of a column must fulfil, null apart (unless it says so itself).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The constraint or domain that says so, by name.
    pub from: String,
    /// What it says.
    pub says: Says,
}

/// What a [`Fact`] says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// It is not null.
    NotNull,
    /// It is at least this; `false`: more than this.
    AtLeast(Value, bool),
    /// It is at most this; `false`: less than this.
    AtMost(Value, bool),
    /// It is one of these.
    OneOf(Vec<Value>),
    /// It is none of these.
    NoneOf(Vec<Value>),
    /// Its number of characters (bytes, elements) lies between these, both included.
    Length(u32, u32),
    /// It matches a regular expression; `true`: letter case does not matter. PostgreSQL's `LIKE` and
    /// `SIMILAR TO` are given as the expression that they mean, anchored.
    Matches(String, bool),
    /// It is a multiple of this.
    MultipleOf(i64),
    /// It has no letters of the other case: `true` upper case only, `false` lower case only.
    Cased(bool),
}
