//! Something valid for every type.

use chrono::Datelike as _;

use crate::generate::distribution::Distribution;
use crate::generate::pg_type::{IntervalField, PgType};
use crate::generate::source::{Source, Weighted};
use crate::generate::stream::StreamKey;

/// Microseconds of a day, an hour and a second.
pub(super) const DAY: i64 = 86_400_000_000;
pub(super) const HOUR: i64 = DAY / 24;
pub(super) const SECOND: i64 = 1_000_000;

/// Letters of tokens: lower case, so that no two are told apart by case alone.
pub(super) const LETTERS: &str = "abcdefghijklmnopqrstuvwxyz";

/// A source for a type; `None` when it is not known here.
pub(super) fn source(kind: &PgType, today: i64) -> Option<Source> {
    Some(match kind {
        PgType::Bool => Source::Bool { share: 0.5 },
        PgType::Int(2) => whole(0, 30_000),
        PgType::Int(_) => whole(0, 1_000_000_000),
        PgType::Float(_) | PgType::Money => decimal(0.0, 1000.0, 2),
        PgType::Numeric(limits) => numeric(*limits),
        PgType::Text(room) => Source::Prose {
            min: room.unwrap_or(4).min(4),
            max: 40,
        },
        PgType::Char(length) => Source::Token {
            length: *length,
            alphabet: LETTERS.to_owned(),
        },
        PgType::Bytes => Source::Bytes { min: 8, max: 16 },
        PgType::Date => past(today.div_euclid(DAY) * DAY, DAY),
        PgType::Timestamp(_) => past(today, SECOND),
        PgType::Time(_) => between(0, DAY - SECOND, SECOND),
        PgType::Interval | PgType::IntervalOf(IntervalField::Minute) => {
            between(60 * SECOND, 30 * DAY, 60 * SECOND)
        }
        PgType::IntervalOf(field) => {
            let most = match field {
                IntervalField::Year => 100,
                IntervalField::Month => 1200,
                IntervalField::Day | IntervalField::Hour | IntervalField::Minute => 1000,
            };
            between(field.micros(), most * field.micros(), field.micros())
        }
        PgType::Uuid => Source::Uuid,
        PgType::Enum(labels) => choice(labels.iter().cloned()),
        PgType::Composite(attributes) => Source::Composite(
            attributes
                .iter()
                .map(|(_, kind)| source(kind, today).unwrap_or(Source::Null))
                .collect(),
        ),
        PgType::Array(element, _) => array(source(element, today)),
        PgType::Range(of) | PgType::Multirange(of) => range(of, today)?,
        PgType::Json(_)
        | PgType::Xml
        | PgType::Inet(_)
        | PgType::Mac(_)
        | PgType::Bits(..)
        | PgType::Other(_) => {
            let known = Source::Native
                .compile(kind, StreamKey::new(0, "", ""))
                .is_ok();
            known.then_some(Source::Native)?
        }
    })
}

/// Of elements that are not known only the empty array is.
fn array(element: Option<Source>) -> Source {
    let max = if element.is_some() { 4 } else { 0 };
    Source::Array {
        element: Box::new(element.unwrap_or(Source::Null)),
        min: 0,
        max,
    }
}

fn range(of: &PgType, today: i64) -> Option<Source> {
    let (lower, least, most) = match of {
        PgType::Int(2) => (whole(0, 10_000), 1, 100),
        PgType::Int(_) | PgType::Numeric(_) => (whole(0, 1_000_000), 1, 1000),
        PgType::Date => (source(of, today)?, 1, 30),
        PgType::Timestamp(_) => (source(of, today)?, HOUR, 72 * HOUR),
        other => (source(other, today)?, 1, 100),
    };
    Some(Source::Range {
        lower: Box::new(lower),
        least,
        most,
    })
}

fn numeric(limits: Option<(u16, i16)>) -> Source {
    match limits {
        // Digits before the point are rounded away: only their multiples are values.
        Some((precision, scale @ ..0)) => {
            let unit = 10_i64.pow(scale.unsigned_abs().min(15).into());
            let most = 10_i64.pow(u32::from(precision).min(2)) - 1;
            choice((0..=most).map(|value| (value * unit).to_string()))
        }
        Some((_, scale)) => decimal(0.0, 1000.0, scale.unsigned_abs()),
        None => decimal(0.0, 1000.0, 2),
    }
}

/// Whole numbers, each as likely as the others.
pub(super) fn whole(min: i64, max: i64) -> Source {
    Source::Whole {
        min,
        max,
        spread: Distribution::Uniform {
            min: min as f64,
            max: max as f64,
        },
    }
}

/// Decimal numbers, each as likely as the others.
pub(super) fn decimal(min: f64, max: f64, scale: u16) -> Source {
    Source::Decimal {
        min,
        max,
        scale,
        spread: Distribution::Uniform { min, max },
    }
}

/// One of some texts.
pub(super) fn choice(values: impl Iterator<Item = String>) -> Source {
    Source::Choice(
        values
            .map(|value| Weighted { value, weight: 1.0 })
            .collect(),
    )
}

/// Times between two.
pub(super) fn between(from: i64, to: i64, step: i64) -> Source {
    Source::Temporal { from, to, step }
}

/// The year of a time in microseconds since 2000-01-01 UTC.
pub(super) fn year(today: i64) -> i32 {
    let micros = today.saturating_add(10_957 * DAY);
    chrono::DateTime::from_timestamp_micros(micros).map_or(2000, |time| time.year())
}

/// The two years before now.
pub(super) fn past(today: i64, step: i64) -> Source {
    between(today - 730 * DAY, today, step)
}
