//! Constants and casts.

use super::expression::Expression;
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::value::Value;
use crate::sql::Decimal;

/// The content of a string literal; `None` for escapes that are not known here.
pub(super) fn quoted(text: &str) -> Option<String> {
    let (body, escapes) = match text.strip_prefix('E') {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    let body = body
        .strip_prefix('\'')?
        .strip_suffix('\'')?
        .replace("''", "'");
    if !escapes {
        return Some(body);
    }
    let mut out = String::new();
    let mut characters = body.chars();
    while let Some(character) = characters.next() {
        match character {
            // pg_get_expr writes E'' only to double backslashes.
            '\\' => match characters.next()? {
                '\\' => out.push('\\'),
                _ => return None,
            },
            plain => out.push(plain),
        }
    }
    Some(out)
}

/// An expression cast to a type; `None` when the cast may change the value in a way that is not
/// known here.
pub(super) fn cast(operand: Expression, name: &str) -> Option<Expression> {
    let kind = kind(name);
    let Expression::Constant(value) = operand else {
        // A cast between types of one family does not change what a comparison sees. Narrowing
        // casts (to integer, to date, to a limited length) do.
        return match kind {
            Some(PgType::Text(None) | PgType::Numeric(None) | PgType::Float(8)) => Some(operand),
            _ => None,
        };
    };
    let value = match (value, kind) {
        (Value::Null, _) => Value::Null,
        (Value::Text(text), None) => Value::Text(text),
        (Value::Text(text), Some(PgType::Interval)) => interval(&text)?,
        (Value::Text(text), Some(kind)) => parse(&text, &kind)?,
        (value @ Value::Int(_), Some(PgType::Int(_) | PgType::Numeric(None))) => value,
        (value @ Value::Decimal(_), Some(PgType::Numeric(None))) => value,
        (value, Some(PgType::Float(_))) => Value::Float(value.number()?),
        (Value::Int(value), Some(PgType::Money)) => Value::Decimal(Decimal {
            unscaled: i128::from(value),
            scale: 0,
        }),
        _ => return None,
    };
    Some(Expression::Constant(value))
}

/// The type of a name; `None` for those whose values are their text (enums among them).
fn kind(name: &str) -> Option<PgType> {
    Some(match name {
        "boolean" => PgType::Bool,
        "smallint" => PgType::Int(2),
        "integer" => PgType::Int(4),
        "bigint" => PgType::Int(8),
        "real" => PgType::Float(4),
        "double precision" => PgType::Float(8),
        "numeric" => PgType::Numeric(None),
        "money" => PgType::Money,
        "text" | "character varying" | "bpchar" | "name" | "citext" => PgType::Text(None),
        "bytea" => PgType::Bytes,
        "date" => PgType::Date,
        "time without time zone" => PgType::Time(false),
        "timestamp without time zone" => PgType::Timestamp(false),
        "timestamp with time zone" => PgType::Timestamp(true),
        "interval" => PgType::Interval,
        "uuid" => PgType::Uuid,
        _ => return None,
    })
}

/// Reads `1 year 2 mons -3 days 04:05:06`, the default output style.
fn interval(text: &str) -> Option<Value> {
    let (mut months, mut days, mut micros) = (0_i32, 0_i32, 0_i64);
    let mut words = text.split_whitespace();
    while let Some(word) = words.next() {
        if word.contains(':') {
            let (sign, clock) = match word.strip_prefix('-') {
                Some(rest) => (-1, rest),
                None => (1, word),
            };
            let mut parts = clock.split(':');
            let hours: i64 = parts.next()?.parse().ok()?;
            let minutes: i64 = parts.next()?.parse().ok()?;
            let seconds: f64 = parts.next().unwrap_or("0").parse().ok()?;
            let whole = hours.checked_mul(3600)?.checked_add(minutes * 60)?;
            micros = sign * (whole.checked_mul(1_000_000)? + (seconds * 1e6).round() as i64);
            continue;
        }
        let count: i32 = word.parse().ok()?;
        match words.next()? {
            "year" | "years" => months = months.checked_add(count.checked_mul(12)?)?,
            "mon" | "mons" | "month" | "months" => months = months.checked_add(count)?,
            "week" | "weeks" => days = days.checked_add(count.checked_mul(7)?)?,
            "day" | "days" => days = days.checked_add(count)?,
            "hour" | "hours" => micros = micros.checked_add(i64::from(count) * 3_600_000_000)?,
            "min" | "mins" | "minute" | "minutes" => {
                micros = micros.checked_add(i64::from(count) * 60_000_000)?;
            }
            "sec" | "secs" | "second" | "seconds" => {
                micros = micros.checked_add(i64::from(count) * 1_000_000)?;
            }
            _ => return None,
        }
    }
    Some(Value::Interval {
        months,
        days,
        micros,
    })
}
