//! The order of two values of a type, from their binary forms.

use std::cmp::Ordering;

use super::permute::read_integer;
use crate::masking::Shape;
use crate::sql::Decimal;

/// How two values compare; `None` for types without an order here, and for broken values.
pub(super) fn order(shape: Shape, one: &[u8], other: &[u8]) -> Option<Ordering> {
    match shape {
        Shape::Float(4) => {
            let read = |b: &[u8]| Some(f32::from_be_bytes(b.try_into().ok()?));
            read(one)?.partial_cmp(&read(other)?)
        }
        Shape::Float(_) => {
            let read = |b: &[u8]| Some(f64::from_be_bytes(b.try_into().ok()?));
            read(one)?.partial_cmp(&read(other)?)
        }
        Shape::Numeric => Some(Decimal::read(one)?.compare(Decimal::read(other)?)),
        Shape::Integer(_) | Shape::Date | Shape::Timestamp | Shape::Time => {
            Some(read_integer(one)?.cmp(&read_integer(other)?))
        }
        _ => None,
    }
}
