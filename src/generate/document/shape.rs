//! What a document looks like.

use serde::{Deserialize, Serialize};

use crate::generate::source::Source;

/// Levels of a document at most.
pub(super) const DEPTH: usize = 16;

/// What a text of that name would be, when it is known.
pub(super) type Named<'n> = &'n dyn Fn(&str) -> Option<Source>;

/// A value of JSON (RFC 8259), before it is made.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shape {
    /// One of these, each given as JSON, and each as likely as the others; not empty.
    OneOf(Vec<String>),
    /// `true` or `false`.
    Bool,
    /// Numbers of a source for `numeric`.
    Number(Box<Source>),
    /// Strings of a source for `text`.
    Text(Box<Source>),
    /// Strings that are times as RFC 3339 writes them, of a source for `timestamptz`.
    Instant(Box<Source>),
    /// Strings that are dates as RFC 3339 writes them, of a source for `date`.
    Date(Box<Source>),
    /// Strings that are times of a day as RFC 3339 writes them, of a source for `time`.
    Time(Box<Source>),
    /// Arrays.
    Array {
        /// Each of the elements.
        element: Box<Shape>,
        /// Least number of elements.
        min: u32,
        /// Greatest number of elements.
        max: u32,
    },
    /// Objects.
    Object(Vec<Field>),
    /// One of these, by weight; not empty.
    Either(Vec<(f64, Shape)>),
}

/// A member of an object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Share of objects that have it, 0 to 1.
    pub share: f64,
    /// Its value.
    pub shape: Shape,
}

impl Shape {
    /// A value that is always the same.
    pub(super) fn constant(value: &serde_json::Value) -> Self {
        Self::OneOf(vec![value.to_string()])
    }
}
