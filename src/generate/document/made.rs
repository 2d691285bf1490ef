//! Makes documents.

use std::fmt::Write as _;

use chrono::{DateTime, NaiveDate, NaiveTime, SecondsFormat};

use super::shape::Shape;
use crate::error::Result;
use crate::generate::encode::literal_text;
use crate::generate::pg_type::PgType;
use crate::generate::source::{Make, RowView};
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// Days from 1970-01-01 to 2000-01-01, and seconds.
const EPOCH_DAYS: i32 = 10_957;
const EPOCH: i64 = EPOCH_DAYS as i64 * 86_400;

#[derive(Debug)]
struct Document {
    part: Part,
    key: StreamKey,
}

/// A shape that is ready.
#[derive(Debug)]
enum Part {
    OneOf(Vec<String>),
    Leaf(Box<dyn Make>),
    Array(Box<Part>, u32, u32),
    Object {
        /// Name as JSON, share, value.
        fields: Vec<(String, f64, Part)>,
        /// The field that makes the n-th object differ from all others.
        widest: Option<usize>,
    },
    Either(Vec<(f64, Part)>),
}

/// Documents of a shape, for `json` and `jsonb`.
pub(in crate::generate) fn document(
    shape: &Shape,
    key: StreamKey,
    kind: &PgType,
) -> Result<Option<Box<dyn Make>>> {
    if !matches!(kind, PgType::Json(_)) {
        return Ok(None);
    }
    let part = Part::new(shape, key)?;
    Ok(Some(Box::new(Document { part, key })))
}

impl Part {
    fn new(shape: &Shape, key: StreamKey) -> Result<Self> {
        Ok(match shape {
            Shape::OneOf(values) => Self::OneOf(values.clone()),
            Shape::Bool => Self::OneOf(["true", "false"].map(str::to_owned).to_vec()),
            Shape::Number(of) => Self::Leaf(of.compile(&PgType::Numeric(None), key)?),
            Shape::Text(of) => Self::Leaf(of.compile(&PgType::Text(None), key)?),
            Shape::Instant(of) => Self::Leaf(of.compile(&PgType::Timestamp(true), key)?),
            Shape::Date(of) => Self::Leaf(of.compile(&PgType::Date, key)?),
            Shape::Time(of) => Self::Leaf(of.compile(&PgType::Time(false), key)?),
            Shape::Array { element, min, max } => {
                Self::Array(Box::new(Self::new(element, key)?), *min, *max)
            }
            Shape::Object(fields) => {
                let fields = fields
                    .iter()
                    .map(|field| {
                        let name = serde_json::Value::from(field.name.as_str()).to_string();
                        Ok((name, field.share, Self::new(&field.shape, key)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                let places = 0..fields.len();
                let widest = places.max_by_key(|at| fields[*at].2.size());
                Self::Object { fields, widest }
            }
            Shape::Either(shapes) => Self::Either(
                shapes
                    .iter()
                    .map(|(weight, shape)| Ok((*weight, Self::new(shape, key)?)))
                    .collect::<Result<Vec<_>>>()?,
            ),
        })
    }

    /// How many different values [`Part::write`] gives for different numbers.
    fn size(&self) -> u64 {
        match self {
            Self::OneOf(values) => values.len() as u64,
            Self::Leaf(make) => make.size().unwrap_or(u64::MAX),
            Self::Array(_, _, 0) => 1,
            Self::Array(element, ..) => element.size(),
            Self::Object { fields, widest } => widest.map_or(1, |at| fields[at].2.size()),
            Self::Either(parts) => parts.iter().map(|(_, part)| part.size()).max().unwrap_or(1),
        }
    }

    /// Appends a value: the one of a number, or any.
    fn write(
        &self,
        index: Option<u64>,
        (stream, row): (&mut Stream, &dyn RowView),
        out: &mut String,
    ) {
        match self {
            Self::OneOf(values) => {
                let value = match index {
                    Some(index) => values.get(index as usize),
                    None => stream.pick(values),
                };
                out.push_str(value.map_or("null", String::as_str));
            }
            Self::Leaf(make) => {
                let value = match index {
                    Some(index) => make.nth(index, row),
                    None => make.draw(stream, row),
                };
                spell(&value, out);
            }
            Self::Array(element, min, max) => {
                let least = if index.is_some() { (*min).max(1) } else { *min };
                let count = stream.between(i64::from(least.min(*max)), i64::from(*max));
                out.push('[');
                for at in 0..count {
                    if at > 0 {
                        out.push_str(", ");
                    }
                    let index = index.filter(|_| at == 0);
                    element.write(index, (stream, row), out);
                }
                out.push(']');
            }
            Self::Object { fields, widest } => {
                let mut first = true;
                out.push('{');
                for (at, (name, share, part)) in fields.iter().enumerate() {
                    let index = index.filter(|_| *widest == Some(at));
                    // A field that all have costs no draw.
                    if index.is_none() && *share < 1.0 && !stream.chance(*share) {
                        continue;
                    }
                    if !first {
                        out.push_str(", ");
                    }
                    first = false;
                    let _ = write!(out, "{name}: ");
                    part.write(index, (stream, row), out);
                }
                out.push('}');
            }
            Self::Either(parts) => {
                let part = match index {
                    Some(_) => parts.iter().max_by_key(|(_, part)| part.size()),
                    None => chosen(parts, stream),
                };
                match part {
                    Some((_, part)) => part.write(index, (stream, row), out),
                    None => out.push_str("null"),
                }
            }
        }
    }
}

fn chosen<'p>(parts: &'p [(f64, Part)], stream: &mut Stream) -> Option<&'p (f64, Part)> {
    let mut place = stream.unit() * parts.iter().map(|(weight, _)| weight).sum::<f64>();
    for found in parts {
        place -= found.0;
        if place < 0.0 {
            return Some(found);
        }
    }
    parts.last()
}

/// A value as JSON.
fn spell(value: &Value, out: &mut String) {
    let text = match value {
        Value::Int(_) | Value::Decimal(_) => {
            if literal_text(value, &PgType::Numeric(None), out).is_none() {
                out.push('0');
            }
            return;
        }
        Value::Text(text) => text.to_string(),
        Value::Date(days) => date(*days),
        Value::Timestamp(micros) => instant(*micros),
        Value::Time(micros) => time(*micros),
        _ => {
            out.push_str("null");
            return;
        }
    };
    let _ = write!(out, "{}", serde_json::Value::from(text));
}

fn date(days: i32) -> String {
    let day = NaiveDate::from_epoch_days(days.saturating_add(EPOCH_DAYS));
    day.unwrap_or_default().to_string()
}

fn instant(micros: i64) -> String {
    let nanos = micros.rem_euclid(1_000_000) as u32 * 1000;
    let at = DateTime::from_timestamp(micros.div_euclid(1_000_000) + EPOCH, nanos);
    at.unwrap_or_default()
        .to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn time(micros: i64) -> String {
    let seconds = micros.div_euclid(1_000_000).rem_euclid(86_400) as u32;
    let nanos = micros.rem_euclid(1_000_000) as u32 * 1000;
    let at = NaiveTime::from_num_seconds_from_midnight_opt(seconds, nanos);
    format!("{}Z", at.unwrap_or_default().format("%H:%M:%S%.f"))
}

impl Make for Document {
    fn size(&self) -> Option<u64> {
        Some(self.part.size())
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let mut text = String::with_capacity(128);
        self.part.write(None, (stream, row), &mut text);
        Value::text(text)
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        let mut text = String::with_capacity(128);
        let mut stream = self.key.row(index, 0);
        self.part.write(Some(index), (&mut stream, row), &mut text);
        Value::text(text)
    }
}
