//! Rows as COPY reads them: its binary format, and its text format for tables with types whose
//! binary form is not written here
//! (<https://www.postgresql.org/docs/current/sql-copy.html>, "File Formats").

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, TimeDelta};

use super::pg_type::PgType;
use super::value::Value;
use crate::sql::{Decimal, begin_field, end_field};

/// Seconds from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_SECONDS: i64 = 946_684_800;

/// A value does not fit its column's type; a generator is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Misfit;

/// Appends the value as a field of a binary COPY row: its length, then its bytes.
///
/// # Errors
/// [`Misfit`] when the value is not of the type; `out` is as it was.
pub fn write_binary(value: &Value, kind: &PgType, out: &mut Vec<u8>) -> Result<(), Misfit> {
    let place = begin_field(out);
    if value.is_null() {
        return Ok(());
    }
    let written = binary(value, kind, out).and_then(|()| end_field(out, place));
    written.ok_or_else(|| {
        out.truncate(place);
        Misfit
    })
}

fn binary(value: &Value, kind: &PgType, out: &mut Vec<u8>) -> Option<()> {
    match (value, kind) {
        (Value::Bool(value), PgType::Bool) => out.push(u8::from(*value)),
        (Value::Int(value), PgType::Int(2)) => {
            out.extend_from_slice(&i16::try_from(*value).ok()?.to_be_bytes());
        }
        (Value::Int(value), PgType::Int(4)) => {
            out.extend_from_slice(&i32::try_from(*value).ok()?.to_be_bytes());
        }
        (Value::Int(value), PgType::Int(_)) => out.extend_from_slice(&value.to_be_bytes()),
        (value, PgType::Float(4)) => {
            out.extend_from_slice(&(value.number()? as f32).to_be_bytes());
        }
        (value, PgType::Float(_)) => out.extend_from_slice(&value.number()?.to_be_bytes()),
        (Value::Decimal(value), PgType::Numeric(_)) => value.write(out)?,
        (Value::Int(value), PgType::Numeric(_)) => Decimal {
            unscaled: i128::from(*value),
            scale: 0,
        }
        .write(out)?,
        (Value::Text(text), PgType::Json(true)) => {
            out.push(1);
            out.extend_from_slice(text.as_bytes());
        }
        (
            Value::Text(text),
            PgType::Text(_) | PgType::Char(_) | PgType::Enum(_) | PgType::Json(false),
        ) => out.extend_from_slice(text.as_bytes()),
        (Value::Bytes(bytes), PgType::Bytes) => out.extend_from_slice(bytes),
        (Value::Date(days), PgType::Date) => out.extend_from_slice(&days.to_be_bytes()),
        (Value::Time(micros), PgType::Time(false))
        | (Value::Timestamp(micros), PgType::Timestamp(_)) => {
            out.extend_from_slice(&micros.to_be_bytes());
        }
        (
            Value::Interval {
                months,
                days,
                micros,
            },
            PgType::Interval | PgType::IntervalOf(_),
        ) => {
            out.extend_from_slice(&micros.to_be_bytes());
            out.extend_from_slice(&days.to_be_bytes());
            out.extend_from_slice(&months.to_be_bytes());
        }
        (Value::Uuid(value), PgType::Uuid) => out.extend_from_slice(&value.to_be_bytes()),
        (Value::Array(items), PgType::Array(element, oid)) => array(items, element, *oid, out)?,
        _ => return None,
    }
    Some(())
}

/// `array_send`: dimensions, whether there are nulls, the elements' type, then each dimension's
/// length and lower bound, then the elements as fields.
fn array(items: &[Value], element: &PgType, oid: u32, out: &mut Vec<u8>) -> Option<()> {
    let dimensions = i32::from(!items.is_empty());
    let nulls = i32::from(items.iter().any(Value::is_null));
    out.extend_from_slice(&dimensions.to_be_bytes());
    out.extend_from_slice(&nulls.to_be_bytes());
    out.extend_from_slice(&oid.to_be_bytes());
    if !items.is_empty() {
        out.extend_from_slice(&i32::try_from(items.len()).ok()?.to_be_bytes());
        out.extend_from_slice(&1_i32.to_be_bytes());
        for item in items {
            write_binary(item, element, out).ok()?;
        }
    }
    Some(())
}

/// Appends the value as a field of a text COPY row, escaped, `\N` when it is null. The caller writes
/// the tabs between fields.
///
/// # Errors
/// [`Misfit`] when the value is not of the type; `out` is as it was.
pub fn write_text(value: &Value, kind: &PgType, out: &mut Vec<u8>) -> Result<(), Misfit> {
    if value.is_null() {
        out.extend_from_slice(b"\\N");
        return Ok(());
    }
    let mut text = String::new();
    literal_text(value, kind, &mut text).ok_or(Misfit)?;
    for byte in text.bytes() {
        match byte {
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            byte => out.push(byte),
        }
    }
    Ok(())
}

/// PostgreSQL 14 takes no field beyond 32 bits.
fn interval(months: i32, days: i32, micros: i64, out: &mut String) -> Option<()> {
    let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
    let (hours, seconds) = (seconds / 3600, seconds % 3600);
    write!(
        out,
        "{months} mons {days} days {hours} hours {seconds} seconds {micros} microseconds"
    )
    .ok()
}

/// Appends what the type's input function reads, under the session's pinned settings (ISO dates,
/// time zone UTC); `None` for a null and for a value that is not of the type.
pub fn literal_text(value: &Value, kind: &PgType, out: &mut String) -> Option<()> {
    match (value, kind) {
        (Value::Bool(value), _) => out.push_str(if *value { "t" } else { "f" }),
        (Value::Int(value), _) => write!(out, "{value}").ok()?,
        (Value::Float(value), _) => write!(out, "{value}").ok()?,
        (Value::Decimal(value), _) => decimal(*value, out)?,
        (Value::Text(text), _) => out.push_str(text),
        (Value::Bytes(bytes), _) => {
            out.push_str("\\x");
            out.push_str(&hex::encode(bytes));
        }
        // Keys that were in the database; the binary form has them as they are.
        (Value::Date(i32::MAX) | Value::Timestamp(i64::MAX), _) => out.push_str("infinity"),
        (Value::Date(i32::MIN) | Value::Timestamp(i64::MIN), _) => out.push_str("-infinity"),
        (Value::Date(days), _) => {
            let date = NaiveDate::from_ymd_opt(2000, 1, 1)?
                .checked_add_signed(TimeDelta::try_days(i64::from(*days))?)?;
            write!(out, "{}", date.format("%Y-%m-%d")).ok()?;
        }
        (Value::Time(micros), kind) => {
            let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
            let (hours, rest) = (seconds / 3600, seconds % 3600);
            write!(
                out,
                "{hours:02}:{:02}:{:02}.{micros:06}",
                rest / 60,
                rest % 60
            )
            .ok()?;
            if *kind == PgType::Time(true) {
                out.push_str("+00");
            }
        }
        (Value::Timestamp(micros), kind) => {
            let seconds = micros.div_euclid(1_000_000) + EPOCH_SECONDS;
            let nanos = micros.rem_euclid(1_000_000) as u32 * 1000;
            let instant = DateTime::from_timestamp(seconds, nanos)?;
            write!(out, "{}", instant.format("%Y-%m-%d %H:%M:%S%.6f")).ok()?;
            if *kind == PgType::Timestamp(true) {
                out.push_str("+00");
            }
        }
        (
            Value::Interval {
                months,
                days,
                micros,
            },
            _,
        ) => interval(*months, *days, *micros, out)?,
        (Value::Uuid(value), _) => {
            let digits = format!("{value:032x}");
            let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| &digits[range]);
            out.push_str(&parts.join("-"));
        }
        (Value::Array(items), PgType::Array(element, _)) => {
            elements(items, element, out)?;
        }
        (Value::Composite(items), PgType::Composite(attributes)) => {
            composite(items, attributes, out)?;
        }
        (Value::Range(low, high), PgType::Range(bound)) => range(low, high, bound, out)?,
        // A multirange of one range.
        (Value::Range(low, high), PgType::Multirange(bound)) => {
            out.push('{');
            range(low, high, bound, out)?;
            out.push('}');
        }
        _ => return None,
    }
    Some(())
}

fn decimal(value: Decimal, out: &mut String) -> Option<()> {
    let scale = usize::from(value.scale);
    let digits = format!(
        "{:0>width$}",
        value.unscaled.unsigned_abs(),
        width = scale + 1
    );
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if value.unscaled < 0 { "-" } else { "" };
    write!(out, "{sign}{whole}").ok()?;
    if scale > 0 {
        write!(out, ".{fraction}").ok()?;
    }
    Some(())
}

/// `box` is the one type whose arrays are separated by semicolons (`typdelim`).
fn elements(items: &[Value], kind: &PgType, out: &mut String) -> Option<()> {
    let delimiter = match kind {
        PgType::Other(name) if name == "box" => ';',
        _ => ',',
    };
    out.push('{');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(delimiter);
        }
        if item.is_null() {
            out.push_str("NULL");
        } else {
            quoted(item, kind, out)?;
        }
    }
    out.push('}');
    Some(())
}

/// In a composite nothing at all stands for a null (the documentation's "Composite Types").
fn composite(items: &[Value], attributes: &[(String, PgType)], out: &mut String) -> Option<()> {
    if items.len() != attributes.len() {
        return None;
    }
    out.push('(');
    for (index, (item, (_, kind))) in items.iter().zip(attributes).enumerate() {
        if index > 0 {
            out.push(',');
        }
        if !item.is_null() {
            quoted(item, kind, out)?;
        }
    }
    out.push(')');
    Some(())
}

fn range(
    low: &Option<Box<Value>>,
    high: &Option<Box<Value>>,
    kind: &PgType,
    out: &mut String,
) -> Option<()> {
    out.push('[');
    if let Some(low) = low {
        quoted(low, kind, out)?;
    }
    out.push(',');
    if let Some(high) = high {
        quoted(high, kind, out)?;
    }
    out.push(')');
    Some(())
}

fn quoted(value: &Value, kind: &PgType, out: &mut String) -> Option<()> {
    let mut text = String::new();
    literal_text(value, kind, &mut text)?;
    out.push('"');
    for character in text.chars() {
        if matches!(character, '"' | '\\') {
            out.push('\\');
        }
        out.push(character);
    }
    out.push('"');
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &Value, kind: &PgType) -> String {
        let mut out = Vec::new();
        write_text(value, kind, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_what_input_functions_read() {
        let texts = PgType::Array(Box::new(PgType::Text(None)), 25);
        for (value, kind, expected) in [
            (Value::Null, PgType::Bool, "\\N"),
            (
                Value::text("a\tb\\".into()),
                PgType::Text(None),
                "a\\tb\\\\",
            ),
            (Value::Date(-1), PgType::Date, "1999-12-31"),
            (
                Value::Timestamp(1),
                PgType::Timestamp(true),
                "2000-01-01 00:00:00.000001+00",
            ),
            (
                Value::Time(3_600_000_000),
                PgType::Time(false),
                "01:00:00.000000",
            ),
            (
                Value::Decimal(Decimal {
                    unscaled: -5,
                    scale: 2,
                }),
                PgType::Numeric(None),
                "-0.05",
            ),
            (
                Value::Array(vec![Value::text("a\"b".into()), Value::Null]),
                texts,
                "{\"a\\\\\"b\",NULL}",
            ),
            (
                Value::Range(Some(Box::new(Value::Int(1))), None),
                PgType::Range(Box::new(PgType::Int(4))),
                "[\"1\",)",
            ),
            (
                Value::Uuid(1),
                PgType::Uuid,
                "00000000-0000-0000-0000-000000000001",
            ),
        ] {
            assert_eq!(text(&value, &kind), expected);
        }
    }

    #[test]
    fn a_value_of_another_type_leaves_nothing_behind() {
        let mut out = vec![7];
        assert_eq!(
            write_binary(&Value::Int(70_000), &PgType::Int(2), &mut out),
            Err(Misfit)
        );
        assert_eq!(
            write_binary(&Value::Bool(true), &PgType::Date, &mut out),
            Err(Misfit)
        );
        assert_eq!(out, [7]);
        write_binary(&Value::Int(1), &PgType::Int(2), &mut out).unwrap();
        assert_eq!(out, [7, 0, 0, 0, 2, 0, 1]);
    }
}
