//! Values that a person or the catalog wrote as text.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::pg_type::PgType;
use super::value::Value;
use crate::sql::Decimal;

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
const EPOCH_DAYS: i64 = 10_957;
/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;

/// The value that `text` is in a column of type `kind`; `None` when it is none.
#[must_use]
pub fn parse(text: &str, kind: &PgType) -> Option<Value> {
    let word = text.trim();
    Some(match kind {
        PgType::Bool => match word.to_ascii_lowercase().as_str() {
            "true" | "t" | "yes" | "on" | "1" => Value::Bool(true),
            "false" | "f" | "no" | "off" | "0" => Value::Bool(false),
            _ => return None,
        },
        PgType::Int(_) => Value::Int(word.parse().ok()?),
        PgType::Float(_) => Value::Float(word.parse().ok()?),
        PgType::Numeric(_) | PgType::Money => Value::Decimal(Decimal::parse(word)?),
        PgType::Date => Value::Date(i32::try_from(date(word)? - EPOCH_DAYS).ok()?),
        PgType::Timestamp(_) => Value::Timestamp(instant(word)?),
        PgType::Time(_) => {
            let time: NaiveTime = word.parse().ok()?;
            let seconds = i64::from(time.num_seconds_from_midnight());
            Value::Time(seconds * 1_000_000 + i64::from(time.nanosecond() / 1000))
        }
        PgType::Uuid => {
            let digits: String = word.chars().filter(|c| *c != '-').collect();
            (digits.len() == 32)
                .then(|| u128::from_str_radix(&digits, 16).ok().map(Value::Uuid))??
        }
        PgType::Bytes => Value::Bytes(hex::decode(word.strip_prefix("\\x")?).ok()?),
        PgType::Enum(labels) => {
            if !labels.iter().any(|label| label == text) {
                return None;
            }
            Value::text(text.to_owned())
        }
        PgType::Text(room) => {
            let fits = room.is_none_or(|room| text.chars().count() <= room as usize);
            (fits && !text.contains('\0')).then(|| Value::text(text.to_owned()))?
        }
        PgType::Char(room) => {
            let fits = text.chars().count() <= *room as usize;
            (fits && !text.contains('\0')).then(|| Value::text(text.to_owned()))?
        }
        PgType::Json(_) => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            Value::text(text.to_owned())
        }
        _ => Value::text(text.to_owned()),
    })
}

/// Days since 1970-01-01.
fn date(text: &str) -> Option<i64> {
    let date: NaiveDate = text.parse().ok()?;
    Some(date.signed_duration_since(NaiveDate::default()).num_days())
}

/// Microseconds since 2000-01-01, of a date, a time without zone (taken as UTC) or one with.
fn instant(text: &str) -> Option<i64> {
    let since_1970 = if let Some(days) = date(text) {
        days * DAY
    } else if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        instant.timestamp_micros()
    } else if let Ok(instant) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%#z") {
        instant.timestamp_micros()
    } else {
        let text = text.replace(' ', "T");
        text.parse::<NaiveDateTime>()
            .ok()?
            .and_utc()
            .timestamp_micros()
    };
    since_1970.checked_sub(EPOCH_DAYS * DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_their_type() {
        for (text, kind, expected) in [
            ("2000-01-02", PgType::Date, Value::Date(1)),
            ("2000-01-01", PgType::Timestamp(true), Value::Timestamp(0)),
            (
                "2000-01-01 00:00:01+00",
                PgType::Timestamp(true),
                Value::Timestamp(1_000_000),
            ),
            (
                "2000-01-01 01:00:00",
                PgType::Timestamp(false),
                Value::Timestamp(3_600_000_000),
            ),
            ("00:00:00.5", PgType::Time(false), Value::Time(500_000)),
            ("yes", PgType::Bool, Value::Bool(true)),
            ("\\x01", PgType::Bytes, Value::Bytes(vec![1])),
        ] {
            assert_eq!(parse(text, &kind), Some(expected), "{text}");
        }
        for (text, kind) in [
            ("x", PgType::Int(4)),
            ("{", PgType::Json(true)),
            ("c", PgType::Enum(vec!["a".into()])),
            ("abc", PgType::Text(Some(2))),
        ] {
            assert_eq!(parse(text, &kind), None, "{text}");
        }
    }
}
