//! What a condition says about single columns, so that their sources can fulfil it at once.

use super::expression::{Comparison, Expression, Function};
use crate::generate::fact::Says;
use crate::generate::value::Value;

impl Expression {
    /// What its top-level conjunction says about single columns, and the rest, which rows must be
    /// tried against. What a column is said to be is implied by the condition, null apart.
    #[must_use]
    pub fn facts(&self) -> (Vec<(usize, Says)>, Option<Expression>) {
        let (mut facts, mut rest) = (Vec::new(), Vec::new());
        for part in self.conjunction() {
            match part.says() {
                Some(fact) => facts.push(fact),
                None => rest.push(part.clone()),
            }
        }
        let rest = match rest.len() {
            0 | 1 => rest.pop(),
            _ => Some(Self::And(rest)),
        };
        (facts, rest)
    }

    /// Columns of which one is less than another: lesser, greater, and whether they may not be equal.
    #[must_use]
    pub fn orders(&self) -> Vec<(usize, usize, bool)> {
        self.conjunction()
            .into_iter()
            .filter_map(|part| match part {
                Self::Compare(comparison, left, right) => match (&**left, &**right) {
                    (Self::Column(left), Self::Column(right)) => match comparison {
                        Comparison::Less => Some((*left, *right, true)),
                        Comparison::AtMost => Some((*left, *right, false)),
                        Comparison::Greater => Some((*right, *left, true)),
                        Comparison::AtLeast => Some((*right, *left, false)),
                        _ => None,
                    },
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    fn conjunction(&self) -> Vec<&Expression> {
        match self {
            Self::And(parts) => parts.iter().flat_map(Self::conjunction).collect(),
            other => vec![other],
        }
    }

    fn says(&self) -> Option<(usize, Says)> {
        match self {
            Self::Column(column) => Some((*column, Says::OneOf(vec![Value::Bool(true)]))),
            Self::Not(inner) => match &**inner {
                Self::IsNull(inner) => Some((inner.column()?, Says::NotNull)),
                Self::Column(column) => Some((*column, Says::OneOf(vec![Value::Bool(false)]))),
                _ => None,
            },
            Self::Matches(inner, pattern) => Some((
                inner.column()?,
                Says::Matches(pattern.regex.clone(), pattern.fold),
            )),
            Self::Among(comparison, left, items, every) => {
                let values = items
                    .iter()
                    .map(Self::constant)
                    .collect::<Option<Vec<_>>>()?;
                match (comparison, every) {
                    (Comparison::Equal, false) => Some((left.column()?, Says::OneOf(values))),
                    (Comparison::NotEqual, true) => Some((left.column()?, Says::NoneOf(values))),
                    _ => None,
                }
            }
            Self::Or(_) => self
                .equalities()
                .map(|(column, values)| (column, Says::OneOf(values))),
            Self::Compare(comparison, left, right) => match (left.constant(), right.constant()) {
                (None, Some(value)) => left.compared(*comparison, value),
                (Some(value), None) => right.compared(comparison.turned(), value),
                _ => None,
            },
            _ => None,
        }
    }

    fn column(&self) -> Option<usize> {
        match self {
            Self::Column(column) => Some(*column),
            _ => None,
        }
    }

    /// The constant it is. A null says nothing about a column.
    fn constant(&self) -> Option<Value> {
        match self {
            Self::Constant(Value::Null) => None,
            Self::Constant(value) => Some(value.clone()),
            _ => None,
        }
    }

    /// The values of `a = 1 OR a = 2`, all of one column.
    fn equalities(&self) -> Option<(usize, Vec<Value>)> {
        let Self::Or(parts) = self else {
            return match self.says()? {
                (column, Says::OneOf(values)) => Some((column, values)),
                _ => None,
            };
        };
        let mut found: Option<(usize, Vec<Value>)> = None;
        for part in parts {
            let (column, values) = part.equalities()?;
            match &mut found {
                None => found = Some((column, values)),
                Some((same, all)) if *same == column => all.extend(values),
                Some(_) => return None,
            }
        }
        found
    }

    fn compared(&self, comparison: Comparison, value: Value) -> Option<(usize, Says)> {
        match self {
            Self::Column(column) => Some((
                *column,
                match comparison {
                    Comparison::Equal => Says::OneOf(vec![value]),
                    Comparison::NotEqual => Says::NoneOf(vec![value]),
                    Comparison::Less => Says::AtMost(value, false),
                    Comparison::AtMost => Says::AtMost(value, true),
                    Comparison::Greater => Says::AtLeast(value, false),
                    Comparison::AtLeast => Says::AtLeast(value, true),
                },
            )),
            Self::Call(Function::Length, arguments) => {
                let Value::Int(value) = value else {
                    return None;
                };
                let (low, high) = match comparison {
                    Comparison::Equal => (value, value),
                    Comparison::Less => (0, value.checked_sub(1)?),
                    Comparison::AtMost => (0, value),
                    Comparison::Greater => (value.checked_add(1)?, i64::from(u32::MAX)),
                    Comparison::AtLeast => (value, i64::from(u32::MAX)),
                    Comparison::NotEqual => return None,
                };
                let length =
                    Says::Length(u32::try_from(low.max(0)).ok()?, u32::try_from(high).ok()?);
                Some((arguments.first()?.column()?, length))
            }
            _ => None,
        }
    }
}
