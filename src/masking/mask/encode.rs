//! The binary form of a text that a policy gives: what the type's input function would make of it.

use std::net::IpAddr;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Timelike};

use super::permute::write_integer;
use crate::masking::Shape;
use crate::sql::Decimal;

/// Days from 1970-01-01 to 2000-01-01, PostgreSQL's epoch.
pub(super) const EPOCH_DAYS: i64 = 10_957;
/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;

/// The binary form of `text` in a column of the shape; `None` when it is not of the type.
pub(super) fn encode(text: &str, shape: Shape) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    match shape {
        Shape::Text => (!text.contains('\0')).then(|| out.extend_from_slice(text.as_bytes()))?,
        Shape::Json | Shape::Jsonb => {
            serde_json::from_str::<serde::de::IgnoredAny>(text).ok()?;
            if shape == Shape::Jsonb {
                out.push(1);
            }
            out.extend_from_slice(text.as_bytes());
        }
        Shape::Integer(bytes) => write_integer(text.trim().parse().ok()?, bytes, &mut out)?,
        Shape::Float(4) => out.extend_from_slice(&text.trim().parse::<f32>().ok()?.to_be_bytes()),
        Shape::Float(_) => out.extend_from_slice(&text.trim().parse::<f64>().ok()?.to_be_bytes()),
        Shape::Numeric => Decimal::parse(text.trim())?.write(&mut out)?,
        Shape::Bool => out.push(boolean(text)?),
        Shape::Date => out.extend_from_slice(&date(text)?.to_be_bytes()),
        Shape::Timestamp => out.extend_from_slice(&timestamp(text)?.to_be_bytes()),
        Shape::Time => {
            let time: NaiveTime = text.parse().ok()?;
            let micros = i64::from(time.num_seconds_from_midnight()) * 1_000_000
                + i64::from(time.nanosecond() / 1000);
            out.extend_from_slice(&micros.to_be_bytes());
        }
        Shape::Uuid => {
            let digits: String = text.chars().filter(|c| *c != '-').collect();
            out = hex::decode(digits).ok().filter(|bytes| bytes.len() == 16)?;
        }
        Shape::Inet => inet(text, &mut out)?,
        Shape::Mac => {
            let digits: String = text.chars().filter(|c| !":-.".contains(*c)).collect();
            out = hex::decode(digits)
                .ok()
                .filter(|bytes| [6, 8].contains(&bytes.len()))?;
        }
        Shape::Bytes => out = hex::decode(text.strip_prefix("\\x")?).ok()?,
        Shape::TextArray | Shape::Other => return None,
    }
    Some(out)
}

fn boolean(text: &str) -> Option<u8> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "on" | "1" => Some(1),
        "false" | "f" | "no" | "off" | "0" => Some(0),
        _ => None,
    }
}

fn date(text: &str) -> Option<i32> {
    let date: NaiveDate = text.trim().parse().ok()?;
    i32::try_from(date.signed_duration_since(NaiveDate::default()).num_days() - EPOCH_DAYS).ok()
}

fn timestamp(text: &str) -> Option<i64> {
    let text = text.trim();
    let since_1970 = if let Ok(instant) = DateTime::parse_from_rfc3339(text) {
        instant.timestamp_micros()
    } else if let Ok(date) = text.parse::<NaiveDate>() {
        date.and_time(NaiveTime::MIN).and_utc().timestamp_micros()
    } else {
        let text = text.replace(' ', "T");
        text.parse::<NaiveDateTime>()
            .ok()?
            .and_utc()
            .timestamp_micros()
    };
    since_1970.checked_sub(EPOCH_DAYS * DAY)
}

/// Families as PostgreSQL numbers them (`PGSQL_AF_INET` is 2).
fn inet(text: &str, out: &mut Vec<u8>) -> Option<()> {
    let (address, bits) = match text.trim().split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse::<u8>().ok()?)),
        None => (text.trim(), None),
    };
    let address: IpAddr = address.parse().ok()?;
    let (family, width) = if address.is_ipv4() { (2, 32) } else { (3, 128) };
    let bits = bits.unwrap_or(width);
    out.extend_from_slice(&[family, (bits <= width).then_some(bits)?, 0, width / 8]);
    match address {
        IpAddr::V4(four) => out.extend_from_slice(&four.octets()),
        IpAddr::V6(six) => out.extend_from_slice(&six.octets()),
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_become_what_the_server_sends() {
        for (text, shape, hex) in [
            ("2000-01-02", Shape::Date, "00000001"),
            ("1999-12-31 23:59:59", Shape::Timestamp, "fffffffffff0bdc0"),
            (
                "2000-01-01T01:00:00+01:00",
                Shape::Timestamp,
                "0000000000000000",
            ),
            ("00:00:01", Shape::Time, "00000000000f4240"),
            ("-1", Shape::Integer(2), "ffff"),
            ("yes", Shape::Bool, "01"),
            ("10.0.0.0/8", Shape::Inet, "020800040a000000"),
            (
                "::1",
                Shape::Inet,
                "0380001000000000000000000000000000000001",
            ),
            ("08:00:2b:01:02:03", Shape::Mac, "08002b010203"),
            ("\\xdead", Shape::Bytes, "dead"),
            ("{\"a\":1}", Shape::Jsonb, "017b2261223a317d"),
        ] {
            assert_eq!(
                encode(text, shape).map(hex::encode).as_deref(),
                Some(hex),
                "{text}"
            );
        }
        for (text, shape) in [
            ("40000", Shape::Integer(2)),
            ("{", Shape::Json),
            ("maybe", Shape::Bool),
            ("a\0b", Shape::Text),
            ("x", Shape::Other),
        ] {
            assert_eq!(encode(text, shape), None, "{text:?}");
        }
    }
}
