//! How values compare, and arithmetic of them, as PostgreSQL's operators do it.

use std::cmp::Ordering;

use chrono::{DateTime, Datelike, Months};

use super::expression::Operator;
use crate::generate::value::Value;
use crate::sql::Decimal;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Microseconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH: i64 = 946_684_800_000_000;
/// Digits behind the point of a quotient of decimals; PostgreSQL gives at least 16 significant ones.
const QUOTIENT_SCALE: u16 = 16;

/// How two values that are not null compare; `None` when they are not of comparable types. Texts are
/// compared by their bytes, which tells equal from unequal under every deterministic collation.
#[must_use]
pub(in crate::generate) fn compare(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (decimal(left), decimal(right)) {
        return aligned(left, right)
            .map(|(left, right, _)| left.cmp(&right))
            .or_else(|| left.to_f64().partial_cmp(&right.to_f64()));
    }
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => Some(left.cmp(right)),
        (Value::Text(left), Value::Text(right)) => Some(left.cmp(right)),
        (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
        (Value::Time(left), Value::Time(right)) => Some(left.cmp(right)),
        (Value::Uuid(left), Value::Uuid(right)) => Some(left.cmp(right)),
        (Value::Interval { .. }, Value::Interval { .. }) => Some(span(left)?.cmp(&span(right)?)),
        (Value::Array(left), Value::Array(right)) => {
            for (left, right) in left.iter().zip(right) {
                match compare(left, right)? {
                    Ordering::Equal => {}
                    other => return Some(other),
                }
            }
            Some(left.len().cmp(&right.len()))
        }
        _ => match (instant(left), instant(right)) {
            (Some(left), Some(right)) => Some(left.cmp(&right)),
            _ => left.number()?.partial_cmp(&right.number()?),
        },
    }
}

fn decimal(value: &Value) -> Option<Decimal> {
    match value {
        Value::Int(value) => Some(Decimal {
            unscaled: i128::from(*value),
            scale: 0,
        }),
        Value::Decimal(value) => Some(*value),
        _ => None,
    }
}

/// Both numbers as multiples of 10^-scale.
fn aligned(left: Decimal, right: Decimal) -> Option<(i128, i128, u16)> {
    let scale = left.scale.max(right.scale);
    let raise = |number: Decimal| {
        let factor = 10_i128.checked_pow(u32::from(scale - number.scale))?;
        number.unscaled.checked_mul(factor)
    };
    Some((raise(left)?, raise(right)?, scale))
}

/// Microseconds since 2000-01-01 of a date or timestamp.
fn instant(value: &Value) -> Option<i128> {
    match value {
        Value::Date(days) => Some(i128::from(*days) * i128::from(DAY)),
        Value::Timestamp(micros) => Some(i128::from(*micros)),
        _ => None,
    }
}

/// An interval as `interval_cmp` sees it: months of 30 days, days of 24 hours.
fn span(value: &Value) -> Option<i128> {
    match value {
        Value::Interval {
            months,
            days,
            micros,
        } => Some(
            (i128::from(*months) * 30 + i128::from(*days)) * i128::from(DAY) + i128::from(*micros),
        ),
        _ => None,
    }
}

/// The result of an operator on two values that are not null; `None` when PostgreSQL would report an
/// error (division by zero, overflow) or the types are not known here.
#[must_use]
pub(super) fn arithmetic(operator: Operator, left: &Value, right: &Value) -> Option<Value> {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => Some(Value::Int(match operator {
            Operator::Add => left.checked_add(*right)?,
            Operator::Subtract => left.checked_sub(*right)?,
            Operator::Multiply => left.checked_mul(*right)?,
            Operator::Divide => left.checked_div(*right)?,
            Operator::Remainder => left.checked_rem(*right)?,
        })),
        (Value::Int(_) | Value::Decimal(_), Value::Int(_) | Value::Decimal(_)) => {
            decimals(operator, decimal(left)?, decimal(right)?)
        }
        (Value::Float(_), _) | (_, Value::Float(_)) => {
            let (left, right) = (left.number()?, right.number()?);
            let result = match operator {
                Operator::Add => left + right,
                Operator::Subtract => left - right,
                Operator::Multiply => left * right,
                Operator::Divide if right != 0.0 => left / right,
                _ => return None,
            };
            result.is_finite().then_some(Value::Float(result))
        }
        _ => times(operator, left, right),
    }
}

fn decimals(operator: Operator, left: Decimal, right: Decimal) -> Option<Value> {
    let (unscaled, scale) = match operator {
        Operator::Multiply => (
            left.unscaled.checked_mul(right.unscaled)?,
            left.scale.checked_add(right.scale)?,
        ),
        Operator::Divide => {
            let (left, right, _) = aligned(left, right)?;
            let raised = left.checked_mul(10_i128.pow(u32::from(QUOTIENT_SCALE)))?;
            (raised.checked_div(right)?, QUOTIENT_SCALE)
        }
        _ => {
            let (left, right, scale) = aligned(left, right)?;
            let result = match operator {
                Operator::Add => left.checked_add(right)?,
                Operator::Subtract => left.checked_sub(right)?,
                _ => left.checked_rem(right)?,
            };
            (result, scale)
        }
    };
    Some(Value::Decimal(Decimal { unscaled, scale }))
}

fn times(operator: Operator, left: &Value, right: &Value) -> Option<Value> {
    let sign = match operator {
        Operator::Add => 1,
        Operator::Subtract => -1,
        _ => return None,
    };
    Some(match (left, right) {
        (Value::Date(date), Value::Int(days)) => {
            Value::Date(i32::try_from(i64::from(*date).checked_add(sign * days)?).ok()?)
        }
        (Value::Date(left), Value::Date(right)) if sign < 0 => {
            Value::Int(i64::from(*left) - i64::from(*right))
        }
        (Value::Date(_) | Value::Timestamp(_), Value::Date(_) | Value::Timestamp(_))
            if sign < 0 =>
        {
            let micros = i64::try_from(instant(left)? - instant(right)?).ok()?;
            Value::Interval {
                months: 0,
                days: i32::try_from(micros / DAY).ok()?,
                micros: micros % DAY,
            }
        }
        (
            Value::Date(_) | Value::Timestamp(_),
            Value::Interval {
                months,
                days,
                micros,
            },
        ) => {
            let start = i64::try_from(instant(left)?).ok()?;
            let date = moment(start)?;
            let signed = i64::from(*months) * sign;
            let count = Months::new(u32::try_from(signed.abs()).ok()?);
            let moved = if signed < 0 {
                date.checked_sub_months(count)?
            } else {
                date.checked_add_months(count)?
            };
            let rest = i64::from(*days).checked_mul(DAY)?.checked_add(*micros)?;
            Value::Timestamp((moved.timestamp_micros() - EPOCH).checked_add(sign * rest)?)
        }
        _ => return None,
    })
}

fn moment(micros: i64) -> Option<DateTime<chrono::Utc>> {
    DateTime::from_timestamp_micros(micros.checked_add(EPOCH)?)
}

/// The year and the month of a date or timestamp (in UTC).
#[must_use]
pub(super) fn year_and_month(value: &Value) -> Option<(i64, i64)> {
    let moment = moment(i64::try_from(instant(value)?).ok()?)?;
    Some((i64::from(moment.year()), i64::from(moment.month())))
}
