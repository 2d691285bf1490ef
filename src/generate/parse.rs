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
        PgType::Array(element, _) => Value::Array(array(word, element)?),
        PgType::Interval | PgType::IntervalOf(_) => interval(word)?,
        _ => Value::text(text.to_owned()),
    })
}

/// `{a,"b c",NULL}`: one dimension.
fn array(text: &str, element: &PgType) -> Option<Vec<Value>> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut items = Vec::new();
    while !rest.is_empty() {
        let (item, quoted, after) = item(rest)?;
        items.push(if !quoted && item.eq_ignore_ascii_case("null") {
            Value::Null
        } else {
            parse(&item, element)?
        });
        rest = match after.strip_prefix(',') {
            Some(more) if !more.trim().is_empty() => more.trim_start(),
            None if after.is_empty() => after,
            _ => return None,
        };
    }
    Some(items)
}

/// The first item, whether it is quoted, and what follows it.
fn item(text: &str) -> Option<(String, bool, &str)> {
    let Some(inner) = text.strip_prefix('"') else {
        let end = text.find(',').unwrap_or(text.len());
        let plain = text[..end].trim();
        let clean = !plain.is_empty() && !plain.contains(['{', '}', '"', '\\']);
        return clean.then(|| (plain.to_owned(), false, &text[end..]));
    };
    let mut item = String::new();
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((item, true, inner[at + 1..].trim_start())),
            '\\' => item.push(characters.next()?.1),
            other => item.push(other),
        }
    }
    None
}

/// `1 year 2 mons 3 days 04:05:06.5`, as PostgreSQL and people write it.
fn interval(text: &str) -> Option<Value> {
    let (mut months, mut days, mut micros) = (0_i64, 0_i64, 0_i64);
    let mut words = text.split_whitespace();
    let mut any = false;
    while let Some(word) = words.next() {
        any = true;
        if word.contains(':') {
            let time: NaiveTime = word.parse().ok()?;
            let seconds = i64::from(time.num_seconds_from_midnight());
            micros += seconds * 1_000_000 + i64::from(time.nanosecond() / 1000);
            continue;
        }
        let number: i64 = word.parse().ok()?;
        let (sum, factor) = match words.next()?.trim_end_matches('s') {
            "year" => (&mut months, 12),
            "mon" | "month" => (&mut months, 1),
            "week" => (&mut days, 7),
            "day" => (&mut days, 1),
            "hour" => (&mut micros, 3_600_000_000),
            "minute" | "min" => (&mut micros, 60_000_000),
            "second" | "sec" => (&mut micros, 1_000_000),
            "microsecond" => (&mut micros, 1),
            _ => return None,
        };
        *sum = sum.checked_add(number.checked_mul(factor)?)?;
    }
    any.then_some(Value::Interval {
        months: i32::try_from(months).ok()?,
        days: i32::try_from(days).ok()?,
        micros,
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
            (
                "{1, NULL}",
                PgType::Array(Box::new(PgType::Int(4)), 23),
                Value::Array(vec![Value::Int(1), Value::Null]),
            ),
            (
                r#"{"a \"b",NULL,"null"}"#,
                PgType::Array(Box::new(PgType::Text(None)), 25),
                Value::Array(vec![
                    Value::text("a \"b".into()),
                    Value::Null,
                    Value::text("null".into()),
                ]),
            ),
            (
                "{}",
                PgType::Array(Box::new(PgType::Text(None)), 25),
                Value::Array(Vec::new()),
            ),
            (
                "1 year 2 days 00:00:01",
                PgType::Interval,
                Value::Interval {
                    months: 12,
                    days: 2,
                    micros: 1_000_000,
                },
            ),
        ] {
            assert_eq!(parse(text, &kind), Some(expected), "{text}");
        }
        for (text, kind) in [
            ("x", PgType::Int(4)),
            ("{", PgType::Json(true)),
            ("c", PgType::Enum(vec!["a".into()])),
            ("abc", PgType::Text(Some(2))),
            ("soon", PgType::Interval),
            ("{1,}", PgType::Array(Box::new(PgType::Int(4)), 23)),
        ] {
            assert_eq!(parse(text, &kind), None, "{text}");
        }
    }
}
