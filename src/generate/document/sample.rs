//! The shape of a sample: its members, the types of its values and about their size.

use serde_json::{Number, Value};

use super::shape::{DEPTH, Field, Named, Shape};
use super::text;
use crate::generate::distribution::Distribution;
use crate::generate::parse::parse;
use crate::generate::pg_type::PgType;
use crate::generate::source::Source;

/// Elements of an array at most.
const ELEMENTS: usize = 1000;
/// Digits behind the point at most.
const DECIMALS: usize = 9;

/// The shape that a sample shows; `named` tells strings by their member's name, `today` is in
/// microseconds since 2000-01-01.
pub(in crate::generate) fn of_sample(
    sample: &Value,
    named: Named<'_>,
    today: i64,
) -> Result<Shape, String> {
    Reader { named, today }.shape(sample, "", 0)
}

struct Reader<'n> {
    named: Named<'n>,
    today: i64,
}

impl Reader<'_> {
    fn shape(&self, sample: &Value, name: &str, depth: usize) -> Result<Shape, String> {
        if depth > DEPTH {
            return Err(format!("sample: documents have {DEPTH} levels at most"));
        }
        Ok(match sample {
            Value::Null => Shape::constant(sample),
            Value::Bool(_) => Shape::Bool,
            Value::Number(number) => of_number(number),
            Value::String(text) => self.string(text, name),
            Value::Array(elements) => self.array(elements, name, depth)?,
            Value::Object(members) => {
                let fields = members.iter().map(|(name, value)| {
                    Ok(Field {
                        name: name.clone(),
                        share: 1.0,
                        shape: self.shape(value, name, depth + 1)?,
                    })
                });
                Shape::Object(fields.collect::<Result<_, String>>()?)
            }
        })
    }

    /// As many elements as the sample has, or some fewer or more; each of one of its elements' shapes.
    fn array(&self, elements: &[Value], name: &str, depth: usize) -> Result<Shape, String> {
        if elements.len() > ELEMENTS {
            return Err(format!("sample: arrays have {ELEMENTS} elements at most"));
        }
        let mut shapes: Vec<(f64, Shape)> = Vec::new();
        for element in elements {
            let shape = self.shape(element, name, depth + 1)?;
            match shapes.iter_mut().find(|(_, known)| *known == shape) {
                Some((weight, _)) => *weight += 1.0,
                None => shapes.push((1.0, shape)),
            }
        }
        let count = elements.len() as u32;
        let element = match shapes.len() {
            0 => return Ok(Shape::OneOf(vec!["[]".to_owned()])),
            1 => shapes.swap_remove(0).1,
            _ => Shape::Either(shapes),
        };
        Ok(Shape::Array {
            element: Box::new(element),
            min: count.div_ceil(2),
            max: count + count / 2,
        })
    }

    /// By its form where that tells, then by its member's name, else words of about its length.
    fn string(&self, text: &str, name: &str) -> Shape {
        if let Some(shape) = form(text).and_then(|format| text::of_format(format, self.today)) {
            return shape;
        }
        let length = text.chars().count() as u32;
        match (self.named)(name) {
            Some(source) => Shape::Text(Box::new(source)),
            None => text::of_length((length.div_ceil(2), Some(length + length / 2)), None),
        }
    }
}

/// The format that a string has.
fn form(text: &str) -> Option<&'static str> {
    let is = |kind: PgType| parse(text, &kind).is_some();
    let dashed = text.len() == 36 && text.matches('-').count() == 4;
    let host = |host: &str| host.contains('.') && !host.contains(char::is_whitespace);
    if dashed && is(PgType::Uuid) {
        Some("uuid")
    } else if text.contains("://") && !text.contains(char::is_whitespace) {
        Some("uri")
    } else if text
        .split_once('@')
        .is_some_and(|(user, domain)| !user.is_empty() && host(domain))
    {
        Some("email")
    } else if text.parse::<std::net::Ipv4Addr>().is_ok() {
        Some("ipv4")
    } else if text.parse::<std::net::Ipv6Addr>().is_ok() {
        Some("ipv6")
    } else if text.len() == 10 && is(PgType::Date) {
        Some("date")
    } else if text.len() > 10 && text.contains(':') && is(PgType::Timestamp(true)) {
        Some("date-time")
    } else {
        None
    }
}

/// From 0 to twice the sample's, with its digits behind the point.
fn of_number(number: &Number) -> Shape {
    let far = 2.0 * number.as_f64().unwrap_or_default();
    let (min, max) = (
        far.min(0.0),
        far.max(0.0).max(if far == 0.0 { 1.0 } else { 0.0 }),
    );
    let spread = Distribution::Uniform { min, max };
    Shape::Number(Box::new(if number.is_f64() {
        let text = number.to_string();
        let decimals = text.split_once('.').map_or(0, |(_, behind)| behind.len());
        Source::Decimal {
            min,
            max,
            scale: decimals.clamp(1, DECIMALS) as u16,
            spread,
        }
    } else {
        Source::Whole {
            min: min as i64,
            max: max as i64,
            spread,
        }
    }))
}
