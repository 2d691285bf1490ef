//! Strings: by format, pattern, name and length.

use super::shape::Shape;
use crate::generate::infer::Empty;
use crate::generate::pg_type::PgType;
use crate::generate::source::{Locale, Source, Topic};
use crate::generate::stream::StreamKey;
use crate::generate::value::Value;

/// Strings by which a source is judged.
const SAMPLE: u64 = 64;
/// Characters that a string of which nothing is known has beyond its least.
const USUAL: u32 = 24;
/// Years before today that times lie in, in microseconds.
const PAST: i64 = 2 * 365 * DAY;
const DAY: i64 = 86_400_000_000;
const SECOND: i64 = 1_000_000;

/// What formats are known, and their strings; `today` in microseconds since 2000-01-01.
pub(super) fn of_format(format: &str, today: i64) -> Option<Shape> {
    let known = |topic| {
        let locale = Locale::default();
        Shape::Text(Box::new(Source::Known { topic, locale }))
    };
    let network = |range: &str, prefix| {
        let (first, last, _) = crate::generate::source::block(range)?;
        let source = Source::Network {
            first,
            last,
            prefix,
        };
        Some(Shape::Text(Box::new(source)))
    };
    let between = |from, to, step| Box::new(Source::Temporal { from, to, step });
    let day = today.div_euclid(DAY) * DAY;
    Some(match format {
        "email" | "idn-email" => known(Topic::Email),
        "uri" | "url" | "iri" => known(Topic::Url),
        "hostname" | "idn-hostname" => known(Topic::Domain),
        "uuid" => Shape::Text(Box::new(Source::Uuid)),
        "date-time" => Shape::Instant(between(today - PAST, today, SECOND)),
        "date" => Shape::Date(between(day - PAST, day, DAY)),
        "time" => Shape::Time(between(0, DAY - SECOND, SECOND)),
        // Ranges that reach nobody: RFC 1918 and RFC 3849.
        "ipv4" => network("10.0.0.0/8", 32)?,
        "ipv6" => network("2001:db8::/32", 128)?,
        _ => return None,
    })
}

/// The formats that are known.
pub(super) const FORMATS: [&str; 9] = [
    "email",
    "uri",
    "hostname",
    "uuid",
    "date-time",
    "date",
    "time",
    "ipv4",
    "ipv6",
];

/// Strings of a length of which nothing else is said.
pub(super) fn of_length((min, max): (u32, Option<u32>), named: Option<Source>) -> Shape {
    if let Some(source) = named.filter(|source| has_length(source, (min, max))) {
        return Shape::Text(Box::new(source));
    }
    let max = max.unwrap_or(min.saturating_add(USUAL));
    if max == 0 {
        return Shape::constant(&serde_json::Value::from(""));
    }
    Shape::Text(Box::new(Source::Prose {
        min: min.max(1),
        max,
    }))
}

/// Whether strings of a shape have a length: a sample has.
pub(super) fn keeps_length(shape: &Shape, length: (u32, Option<u32>)) -> bool {
    match shape {
        Shape::Text(source) => has_length(source, length),
        Shape::Instant(_) => fits(20, length),
        Shape::Date(_) => fits(10, length),
        Shape::Time(_) => fits(9, length),
        _ => true,
    }
}

fn fits(length: u32, (min, max): (u32, Option<u32>)) -> bool {
    min <= length && max.is_none_or(|max| length <= max)
}

fn has_length(source: &Source, length: (u32, Option<u32>)) -> bool {
    let key = StreamKey::new(0, "document", "sample");
    let Ok(make) = source.compile(&PgType::Text(None), key) else {
        return false;
    };
    let counted = make.size().unwrap_or(SAMPLE).min(SAMPLE);
    let drawn = (0..SAMPLE).map(|row| make.draw(&mut key.row(row, 0), &Empty));
    let mut all = drawn.chain((0..counted).map(|index| make.nth(index, &Empty)));
    all.all(|value| match value {
        Value::Text(text) => fits(text.chars().count() as u32, length),
        _ => false,
    })
}
