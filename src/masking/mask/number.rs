//! Numbers made vaguer: noise, ranges, age bands, cut-off extremes.

use std::sync::Arc;

use super::permute::{read_integer, write_integer};
use super::range::Bound;
use super::site::{Compiled, Distinct, Site};
use super::text::Seeder;
use crate::masking::{FieldMask, Mask, Masked, Row, Shape, Unmaskable};
use crate::sql::Decimal;

/// What happens to a number.
#[derive(Debug)]
enum Change {
    /// Moved by up to this share of itself.
    Noise { share: f64, seeder: Box<Seeder> },
    /// Rounded down to a multiple.
    Step(f64),
    /// Rounded down to a multiple, at most this.
    Band { step: f64, top: f64 },
    /// Between these.
    Clamp { min: f64, max: f64 },
}

pub(super) fn compile(site: &Site<'_>) -> Compiled {
    Ok(Arc::new(Number::of(site)?))
}

fn change(site: &Site<'_>) -> crate::error::Result<Change> {
    let refuse = |why: &str, fits: &str| Err(site.refuse(why, fits));
    match &site.rule.mask {
        Mask::Noise { percent } if *percent > 0.0 && *percent <= 100.0 => Ok(Change::Noise {
            share: percent / 100.0,
            seeder: Box::new(site.seeder()?),
        }),
        Mask::Noise { .. } => refuse("has a percent that is not above 0 to 100", "percent = 10"),
        Mask::Range { step } if *step > 0.0 && step.is_finite() => Ok(Change::Step(*step)),
        Mask::Range { .. } => refuse("has a step that is not above 0", "step = 1000"),
        Mask::AgeBand { step, top } if *step > 0 => Ok(Change::Band {
            step: f64::from(*step),
            top: f64::from(*top),
        }),
        Mask::AgeBand { .. } => refuse("has a step that is not above 0", "step = 5"),
        Mask::TopCoding {
            min: None,
            max: None,
        } => refuse("has neither `max` nor `min`", "max = 100000"),
        Mask::TopCoding { min, max } => {
            let (min, max) = (min.unwrap_or(f64::MIN), max.unwrap_or(f64::MAX));
            if min <= max {
                Ok(Change::Clamp { min, max })
            } else {
                refuse("has a `min` above its `max`", "min = 0, max = 100000")
            }
        }
        _ => refuse("is no mask of numbers", "noise"),
    }
}

impl Change {
    fn apply(&self, number: f64, subject: &[u8], row: &Row<'_>) -> f64 {
        match self {
            Self::Noise { share, seeder } => {
                let bits = seeder.seed(subject, row).draws().bits();
                // Half to all of the share, in either direction, so that a value moves.
                let size = 0.5 + 0.5 * ((bits >> 12) as f64 / (1_u64 << 52) as f64);
                let sign = if bits & 1 == 0 { 1.0 } else { -1.0 };
                number + number * share * size * sign
            }
            Self::Step(step) => (number / step).floor() * step,
            Self::Band { step, top } => (number.min(*top) / step).floor() * step,
            Self::Clamp { min, max } => number.clamp(*min, *max),
        }
    }
}

#[derive(Debug)]
pub(super) struct Number {
    change: Change,
    shape: Shape,
}

impl Number {
    pub(super) fn of(site: &Site<'_>) -> crate::error::Result<Self> {
        let change = change(site)?;
        let shape = site.facts.shape;
        if !matches!(shape, Shape::Integer(_) | Shape::Float(_) | Shape::Numeric) {
            return Err(site.unfit("integers, floats and numeric"));
        }
        site.prove_distinct(Distinct::Few)?;
        Ok(Self { change, shape })
    }
}

const NOT_FINITE: Unmaskable = Unmaskable {
    reason: "NaN, infinity or a number of more than 38 digits",
};

impl FieldMask for Number {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        self.bound(value, value, row, out)?;
        Ok(Masked::Value)
    }
}

impl Bound for Number {
    fn bound(
        &self,
        bound: &[u8],
        subject: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unmaskable> {
        match self.shape {
            Shape::Integer(bytes) => {
                let number = read_integer(bound).ok_or(NOT_FINITE)?;
                let changed = self.change.apply(number as f64, subject, row).round();
                // `as` saturates; the type's own bounds follow.
                let (min, max) = match bytes {
                    2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
                    4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
                    _ => (i64::MIN, i64::MAX),
                };
                let changed = (changed as i64).clamp(min, max);
                write_integer(changed, bytes, out).ok_or(NOT_FINITE)?;
            }
            Shape::Float(4) => {
                let bytes = bound.try_into().map_err(|_| NOT_FINITE)?;
                let number = finite(f64::from(f32::from_be_bytes(bytes)))?;
                let changed = finite(self.change.apply(number, subject, row))? as f32;
                out.extend_from_slice(&changed.to_be_bytes());
            }
            Shape::Numeric => {
                let number = Decimal::read(bound).ok_or(NOT_FINITE)?;
                let changed = self.change.apply(number.to_f64(), subject, row);
                let changed = Decimal::of_f64(changed, number.scale).ok_or(NOT_FINITE)?;
                changed.write(out).ok_or(NOT_FINITE)?;
            }
            _ => {
                let bytes = bound.try_into().map_err(|_| NOT_FINITE)?;
                let number = finite(f64::from_be_bytes(bytes))?;
                let changed = finite(self.change.apply(number, subject, row))?;
                out.extend_from_slice(&changed.to_be_bytes());
            }
        }
        Ok(())
    }
}

fn finite(number: f64) -> Result<f64, Unmaskable> {
    number.is_finite().then_some(number).ok_or(NOT_FINITE)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked, masked_in, refusal};
    use super::*;

    fn number(rule: &str, text: &str) -> String {
        let mut value = Vec::new();
        Decimal::parse(text).unwrap().write(&mut value).unwrap();
        let out = Decimal::read(&masked(&mask(rule, "numeric"), &value)).unwrap();
        format!("{:.*}", usize::from(out.scale), out.to_f64())
    }

    #[test]
    fn numbers_are_rounded_and_cut() {
        assert_eq!(
            number("{ mask = \"range\", step = 1000 }", "52340.55"),
            "52000.00"
        );
        assert_eq!(number("{ mask = \"range\", step = 10 }", "-3.5"), "-10.0");
        assert_eq!(
            number("{ mask = \"top_coding\", max = 100 }", "52340.55"),
            "100.00"
        );
        let age = mask("\"age_band\"", "integer");
        for (from, to) in [(37_i32, 35_i32), (40, 40), (103, 90)] {
            assert_eq!(masked(&age, &from.to_be_bytes()), to.to_be_bytes());
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        let noise = mask("{ mask = \"noise\", percent = 10 }", "double precision");
        for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(masked_in(&noise, 1, &bad.to_be_bytes()).is_err());
        }
        let noise = mask("{ mask = \"noise\", percent = 10 }", "numeric");
        assert!(masked_in(&noise, 1, &[0, 0, 0, 0, 0xC0, 0, 0, 0]).is_err());
        assert!(
            refusal("{ mask = \"noise\", percent = 0 }", &facts("integer")).contains("percent")
        );
        assert!(refusal("{ mask = \"range\", step = 5 }", &facts("text")).contains("on text"));
    }

    proptest! {
        #[test]
        fn noise_is_bounded(n in -1e12_f64..1e12) {
            let noise = mask("{ mask = \"noise\", percent = 10 }", "double precision");
            let out = masked(&noise, &n.to_be_bytes());
            let out = f64::from_be_bytes(out.try_into().unwrap());
            prop_assert!((out - n).abs() <= n.abs() * 0.1 * 1.000_001);
            prop_assert!(out != n || n == 0.0);
        }
    }
}
