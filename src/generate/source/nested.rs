//! Values made of values: arrays, ranges and composites.

use super::{Make, RowView, Source};
use crate::error::Result;
use crate::generate::pg_type::PgType;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;
use crate::sql::Decimal;

#[derive(Debug)]
struct Array {
    element: Box<dyn Make>,
    min: u32,
    max: u32,
    key: StreamKey,
}

#[derive(Debug)]
struct Range {
    lower: Box<dyn Make>,
    least: i64,
    most: i64,
    key: StreamKey,
}

#[derive(Debug)]
struct Composite {
    attributes: Vec<Box<dyn Make>>,
    /// The attribute with most values: it makes the n-th differ.
    widest: usize,
    key: StreamKey,
}

/// Arrays of one dimension.
pub(super) fn array(
    element: &Source,
    (min, max): (u32, u32),
    key: StreamKey,
    kind: &PgType,
) -> Result<Option<Box<dyn Make>>> {
    let PgType::Array(of, _) = kind else {
        return Ok(None);
    };
    if min > max {
        return Ok(None);
    }
    let element = element.compile(of, key)?;
    Ok(Some(Box::new(Array {
        element,
        min,
        max,
        key,
    })))
}

/// Ranges from a lower bound to one that is `least` to `most` above it.
pub(super) fn range(
    lower: &Source,
    (least, most): (i64, i64),
    key: StreamKey,
    kind: &PgType,
) -> Result<Option<Box<dyn Make>>> {
    let (PgType::Range(of) | PgType::Multirange(of)) = kind else {
        return Ok(None);
    };
    if least < 1 || least > most {
        return Ok(None);
    }
    let lower = lower.compile(of, key)?;
    Ok(Some(Box::new(Range {
        lower,
        least,
        most,
        key,
    })))
}

/// A source for each attribute.
pub(super) fn composite(
    sources: &[Source],
    key: StreamKey,
    kind: &PgType,
) -> Result<Option<Box<dyn Make>>> {
    let PgType::Composite(of) = kind else {
        return Ok(None);
    };
    if of.len() != sources.len() {
        return Ok(None);
    }
    let attributes = sources.iter().zip(of);
    let attributes = attributes
        .map(|(source, (_, kind))| source.compile(kind, key))
        .collect::<Result<Vec<_>>>()?;
    let widest = (0..attributes.len()).max_by_key(|at| attributes[*at].size().unwrap_or(u64::MAX));
    Ok(Some(Box::new(Composite {
        attributes,
        widest: widest.unwrap_or_default(),
        key,
    })))
}

impl Make for Array {
    fn size(&self) -> Option<u64> {
        match self.max {
            0 => Some(1),
            _ => self.element.size(),
        }
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let count = stream.between(i64::from(self.min), i64::from(self.max));
        Value::Array((0..count).map(|_| self.element.draw(stream, row)).collect())
    }

    /// The first element is the n-th; others are drawn.
    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        if self.max == 0 {
            return Value::Array(Vec::new());
        }
        let mut stream = self.key.row(index, 0);
        let count = stream.between(i64::from(self.min.max(1)), i64::from(self.max));
        let others = (1..count).map(|_| self.element.draw(&mut stream, row));
        let first = std::iter::once(self.element.nth(index, row));
        Value::Array(first.chain(others).collect())
    }

    fn needs(&self) -> Vec<usize> {
        self.element.needs()
    }
}

impl Range {
    fn from(&self, low: Value, distance: i64) -> Value {
        let high = match &low {
            Value::Int(low) => low.checked_add(distance).map(Value::Int),
            Value::Date(low) => i32::try_from(distance)
                .ok()
                .and_then(|distance| low.checked_add(distance))
                .map(Value::Date),
            Value::Timestamp(low) => low.checked_add(distance).map(Value::Timestamp),
            Value::Float(low) => Some(Value::Float(low + distance as f64)),
            Value::Decimal(low) => above(*low, distance).map(Value::Decimal),
            // Without an arithmetic of its own the range is open: everything from there on.
            _ => None,
        };
        Value::Range(Some(Box::new(low)), high.map(Box::new))
    }
}

fn above(low: Decimal, distance: i64) -> Option<Decimal> {
    let unit = 10_i128.checked_pow(u32::from(low.scale))?;
    let unscaled = low
        .unscaled
        .checked_add(unit.checked_mul(i128::from(distance))?)?;
    Some(Decimal {
        unscaled,
        scale: low.scale,
    })
}

impl Make for Range {
    fn size(&self) -> Option<u64> {
        self.lower.size()
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let low = self.lower.draw(stream, row);
        self.from(low, stream.between(self.least, self.most))
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        let distance = self.key.row(index, 0).between(self.least, self.most);
        self.from(self.lower.nth(index, row), distance)
    }

    fn needs(&self) -> Vec<usize> {
        self.lower.needs()
    }
}

impl Make for Composite {
    fn size(&self) -> Option<u64> {
        self.attributes
            .get(self.widest)
            .map_or(Some(1), |a| a.size())
    }

    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value {
        let attributes = self.attributes.iter();
        Value::Composite(attributes.map(|a| a.draw(stream, row)).collect())
    }

    fn nth(&self, index: u64, row: &dyn RowView) -> Value {
        let mut stream = self.key.row(index, 0);
        let attributes = self.attributes.iter().enumerate();
        let attributes = attributes.map(|(place, attribute)| {
            if place == self.widest {
                attribute.nth(index, row)
            } else {
                attribute.draw(&mut stream, row)
            }
        });
        Value::Composite(attributes.collect())
    }

    fn needs(&self) -> Vec<usize> {
        self.attributes.iter().flat_map(|a| a.needs()).collect()
    }
}
