//! Whether values fulfil what constraints say.

use std::cmp::Ordering;

use regex::Regex;

use crate::generate::fact::{Fact, Says};
use crate::generate::value::Value;

/// What constraints say, ready to be asked often.
pub(super) struct Demands<'a> {
    said: Vec<(&'a Says, Option<Regex>)>,
}

impl<'a> Demands<'a> {
    pub(super) fn new(facts: &'a [Fact]) -> Self {
        let pattern = |says: &Says| match says {
            // An expression that only PostgreSQL understands is left to the server.
            Says::Matches(pattern, fold) => {
                let fold = if *fold { "(?i)" } else { "" };
                Regex::new(&format!("{fold}{pattern}")).ok()
            }
            _ => None,
        };
        let said = facts.iter().map(|fact| (&fact.says, pattern(&fact.says)));
        Self {
            said: said.collect(),
        }
    }

    /// Whether a value that is not null fulfils all.
    pub(super) fn fulfilled(&self, value: &Value) -> bool {
        self.said
            .iter()
            .all(|(says, pattern)| follows(value, says, pattern.as_ref()))
    }
}

/// Whether a value that is not null fulfils all that constraints say.
pub(in crate::generate) fn fulfils(facts: &[Fact], value: &Value) -> bool {
    Demands::new(facts).fulfilled(value)
}

fn follows(value: &Value, says: &Says, pattern: Option<&Regex>) -> bool {
    let side = |bound: &Value| order(value, bound);
    match says {
        Says::NotNull => !value.is_null(),
        Says::AtLeast(bound, included) => match side(bound) {
            Some(Ordering::Equal) => *included,
            other => other != Some(Ordering::Less),
        },
        Says::AtMost(bound, included) => match side(bound) {
            Some(Ordering::Equal) => *included,
            other => other != Some(Ordering::Greater),
        },
        Says::OneOf(values) => values.iter().any(|one| side(one) == Some(Ordering::Equal)),
        Says::NoneOf(values) => !values.iter().any(|one| side(one) == Some(Ordering::Equal)),
        Says::Length(least, most) => {
            length(value).is_none_or(|n| (*least as usize..=*most as usize).contains(&n))
        }
        Says::Matches(..) => match (value, pattern) {
            (Value::Text(text), Some(pattern)) => pattern.is_match(text),
            _ => true,
        },
        Says::Cased(upper) => match value {
            Value::Text(text) if *upper => text.to_uppercase() == **text,
            Value::Text(text) => text.to_lowercase() == **text,
            _ => true,
        },
        Says::MultipleOf(unit) => match value {
            Value::Int(number) => number.checked_rem(*unit).is_none_or(|rest| rest == 0),
            _ => true,
        },
    }
}

fn length(value: &Value) -> Option<usize> {
    match value {
        Value::Text(text) => Some(text.chars().count()),
        Value::Bytes(bytes) => Some(bytes.len()),
        Value::Array(items) => Some(items.len()),
        _ => None,
    }
}

/// How two values stand to each other; `None` when they cannot be compared here.
pub(super) fn order(left: &Value, right: &Value) -> Option<Ordering> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Date(left), Value::Date(right)) => Some(left.cmp(right)),
        (Value::Uuid(left), Value::Uuid(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right))
        | (Value::Timestamp(left), Value::Timestamp(right)) => Some(left.cmp(right)),
        (left, right) => left.number()?.partial_cmp(&right.number()?),
    }
}
