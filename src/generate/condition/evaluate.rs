//! The value of an expression over a row.

use std::cmp::Ordering;

use super::expression::{Comparison, Expression, Function, Truth};
use super::order::{arithmetic, compare, year_and_month};
use crate::generate::value::Value;

impl Truth {
    fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            Self::Unknown => Self::Unknown,
        }
    }

    fn value(self) -> Value {
        match self {
            Self::True => Value::Bool(true),
            Self::False => Value::Bool(false),
            Self::Unknown => Value::Null,
        }
    }
}

impl Expression {
    /// Whether a row fulfils it, given its values in the order of the plan's columns. Where
    /// PostgreSQL would report an error (a division by zero) the row does not fulfil it.
    #[must_use]
    pub fn holds(&self, row: &[Value]) -> Truth {
        self.truth(row).unwrap_or(Truth::False)
    }

    fn truth(&self, row: &[Value]) -> Option<Truth> {
        Some(match self {
            Self::And(parts) => all(parts.iter().map(|part| part.truth(row)))?,
            Self::Or(parts) => all(parts.iter().map(|part| Some(part.truth(row)?.not())))?.not(),
            Self::Not(inner) => inner.truth(row)?.not(),
            Self::IsNull(inner) => Truth::of(inner.value(row)?.is_null()),
            Self::Is(inner, wanted) => Truth::of(inner.truth(row)? == Truth::of(*wanted)),
            Self::Compare(comparison, left, right) => {
                compared(*comparison, &left.value(row)?, &right.value(row)?)?
            }
            Self::Distinct(left, right) => {
                let (left, right) = (left.value(row)?, right.value(row)?);
                match (left.is_null(), right.is_null()) {
                    (false, false) => compared(Comparison::NotEqual, &left, &right)?,
                    (left, right) => Truth::of(left != right),
                }
            }
            Self::Among(comparison, left, items, every) => {
                let left = left.value(row)?;
                let each = items
                    .iter()
                    .map(|item| compared(*comparison, &left, &item.value(row)?));
                if *every {
                    all(each)?
                } else {
                    all(each.map(|truth| Some(truth?.not())))?.not()
                }
            }
            Self::Matches(inner, pattern) => match inner.value(row)? {
                Value::Null => Truth::Unknown,
                Value::Text(text) => Truth::of(pattern.matches(&text)?),
                _ => return None,
            },
            other => match other.value(row)? {
                Value::Bool(value) => Truth::of(value),
                Value::Null => Truth::Unknown,
                _ => return None,
            },
        })
    }

    /// Its value over a row; `None` where PostgreSQL would report an error.
    #[must_use]
    pub fn value(&self, row: &[Value]) -> Option<Value> {
        match self {
            Self::Column(column) => row.get(*column).cloned(),
            Self::Constant(value) => Some(value.clone()),
            Self::Arithmetic(operator, left, right) => {
                match (left.value(row)?, right.value(row)?) {
                    (Value::Null, _) | (_, Value::Null) => Some(Value::Null),
                    (left, right) => arithmetic(*operator, &left, &right),
                }
            }
            Self::Call(function, arguments) => call(*function, arguments, row),
            Self::Case(branches, otherwise) => {
                for (condition, value) in branches {
                    if condition.truth(row)? == Truth::True {
                        return value.value(row);
                    }
                }
                otherwise.value(row)
            }
            condition => Some(condition.truth(row)?.value()),
        }
    }
}

/// The conjunction: false wins over unknown. PostgreSQL does not promise an order of evaluation, so
/// an error anywhere before the first false counts.
fn all(truths: impl Iterator<Item = Option<Truth>>) -> Option<Truth> {
    let mut result = Truth::True;
    for truth in truths {
        match truth? {
            Truth::False => return Some(Truth::False),
            Truth::Unknown => result = Truth::Unknown,
            Truth::True => {}
        }
    }
    Some(result)
}

fn compared(comparison: Comparison, left: &Value, right: &Value) -> Option<Truth> {
    if left.is_null() || right.is_null() {
        return Some(Truth::Unknown);
    }
    let order = compare(left, right)?;
    Some(Truth::of(match comparison {
        Comparison::Equal => order == Ordering::Equal,
        Comparison::NotEqual => order != Ordering::Equal,
        Comparison::Less => order == Ordering::Less,
        Comparison::AtMost => order != Ordering::Greater,
        Comparison::Greater => order == Ordering::Greater,
        Comparison::AtLeast => order != Ordering::Less,
    }))
}

fn count(length: usize) -> Option<Value> {
    i64::try_from(length).ok().map(Value::Int)
}

fn call(function: Function, arguments: &[Expression], row: &[Value]) -> Option<Value> {
    if function == Function::Coalesce {
        for argument in arguments {
            let value = argument.value(row)?;
            if !value.is_null() {
                return Some(value);
            }
        }
        return Some(Value::Null);
    }
    let values: Vec<Value> = arguments
        .iter()
        .map(|argument| argument.value(row))
        .collect::<Option<_>>()?;
    let nulls = values.iter().filter(|value| value.is_null()).count();
    match function {
        Function::NonNulls => return count(values.len() - nulls),
        Function::Nulls => return count(nulls),
        _ if nulls > 0 => return Some(Value::Null),
        _ => {}
    }
    if function == Function::Concat {
        let mut joined = String::new();
        for value in &values {
            let Value::Text(text) = value else {
                return None;
            };
            joined.push_str(text);
        }
        return Some(Value::text(joined));
    }
    match (function, values.into_iter().next()?) {
        (Function::Length, Value::Text(text)) => count(text.chars().count()),
        (Function::Length | Function::Bytes, Value::Bytes(bytes)) => count(bytes.len()),
        (Function::Bytes, Value::Text(text)) => count(text.len()),
        (Function::Lower, Value::Text(text)) => Some(Value::text(text.to_lowercase())),
        (Function::Upper, Value::Text(text)) => Some(Value::text(text.to_uppercase())),
        (Function::Trim, Value::Text(text)) => Some(Value::text(text.trim_matches(' ').to_owned())),
        (Function::Abs, Value::Int(value)) => value.checked_abs().map(Value::Int),
        (Function::Abs, Value::Float(value)) => Some(Value::Float(value.abs())),
        (Function::Abs, Value::Decimal(mut value)) => {
            value.unscaled = value.unscaled.checked_abs()?;
            Some(Value::Decimal(value))
        }
        (Function::Cardinality, Value::Array(items)) => count(items.len()),
        (Function::ArrayLength, Value::Array(items)) if items.is_empty() => Some(Value::Null),
        (Function::ArrayLength, Value::Array(items)) => count(items.len()),
        (Function::JsonType, Value::Text(text)) => json_type(&text),
        (Function::Int2, Value::Int(value)) => i16::try_from(value).ok().map(|_| Value::Int(value)),
        (Function::Int4, Value::Int(value)) => i32::try_from(value).ok().map(|_| Value::Int(value)),
        (Function::Year, value) => Some(Value::Int(year_and_month(&value)?.0)),
        (Function::Month, value) => Some(Value::Int(year_and_month(&value)?.1)),
        _ => None,
    }
}

fn json_type(text: &str) -> Option<Value> {
    let name = match serde_json::from_str::<serde_json::Value>(text).ok()? {
        serde_json::Value::Null => "null",
        serde_json::Value::Bool(_) => "boolean",
        serde_json::Value::Number(_) => "number",
        serde_json::Value::String(_) => "string",
        serde_json::Value::Array(_) => "array",
        serde_json::Value::Object(_) => "object",
    };
    Some(Value::Text(name.into()))
}
