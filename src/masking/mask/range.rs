//! Ranges and multiranges: both bounds of a value move together and keep their order. Empty ranges,
//! missing and infinite bounds stay.
//!
//! Binary form: a byte of flags, then the bounds that there are, with their lengths (`range_send`);
//! a multirange is a count and ranges with their lengths (`multirange_send`). The server stores a
//! canonical form of each, so what is written here has it, too.

use std::cmp::Ordering;
use std::sync::Arc;

use super::date::Dates;
use super::field::write_field;
use super::number::Number;
use super::order::order;
use super::permute::{read_integer, write_integer};
use super::site::{Compiled, Distinct, Site};
use crate::masking::structure::RANGES;
use crate::masking::{FieldMask, Mask, Masked, Part, Row, Shape, Unmaskable};
use crate::sql::{begin_field, end_field, read_field, read_word};

/// A mask of bounds that keeps their order when all bounds of a value have one subject.
pub(super) trait Bound: Send + Sync + std::fmt::Debug {
    /// Appends the masked form of a bound. What is drawn is drawn for the subject.
    ///
    /// # Errors
    /// [`Unmaskable`] for a bound that breaks the format.
    fn bound(
        &self,
        bound: &[u8],
        subject: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unmaskable>;
}

pub(super) fn compile(site: &Site<'_>, bound: &Part, many: bool) -> Compiled {
    let facts = site.facts.part(bound, " (bound)");
    let inner = Site {
        facts: &facts,
        ..*site
    };
    site.prove_distinct(Distinct::Few)?;
    let number = matches!(
        facts.shape,
        Shape::Integer(_) | Shape::Float(_) | Shape::Numeric
    );
    let bound: Box<dyn Bound> = match &site.rule.mask {
        Mask::ShiftDays { .. } | Mask::Truncate { .. } if facts.shape != Shape::Text => {
            Box::new(Dates::of(&inner)?)
        }
        Mask::Noise { .. } | Mask::Range { .. } | Mask::AgeBand { .. } | Mask::TopCoding { .. }
            if number =>
        {
            Box::new(Number::of(&inner)?)
        }
        _ => {
            return Err(site.refuse(
                &format!("does not keep the order of bounds, which {} needs", site.facts.data_type),
                "shift_days and truncate fit ranges of dates; noise, range and top_coding ranges of numbers; redact and null all",
            ));
        }
    };
    let built_in = RANGES
        .iter()
        .any(|(one, other, _)| [*one, *other].contains(&site.facts.data_type.as_str()));
    let ranges = Ranges {
        bound,
        shape: facts.shape,
        discrete: built_in && matches!(facts.shape, Shape::Integer(_) | Shape::Date),
    };
    Ok(if many {
        Arc::new(Many(ranges))
    } else {
        Arc::new(ranges)
    })
}

const EMPTY: u8 = 0x01;
const LOWER_INCLUSIVE: u8 = 0x02;
const UPPER_INCLUSIVE: u8 = 0x04;
const LOWER_INFINITE: u8 = 0x08;
const UPPER_INFINITE: u8 = 0x10;

const BAD: Unmaskable = Unmaskable {
    reason: "a range whose binary form is broken",
};

/// One range, read or masked.
#[derive(Debug, Default)]
struct Span {
    flags: u8,
    lower: Vec<u8>,
    upper: Vec<u8>,
}

impl Span {
    const fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    const fn has_lower(&self) -> bool {
        !self.has(EMPTY | LOWER_INFINITE)
    }

    const fn has_upper(&self) -> bool {
        !self.has(EMPTY | UPPER_INFINITE)
    }

    fn write(&self, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        out.push(self.flags);
        for (there, bound) in [
            (self.has_lower(), &self.lower),
            (self.has_upper(), &self.upper),
        ] {
            if there {
                let place = begin_field(out);
                out.extend_from_slice(bound);
                end_field(out, place).ok_or(BAD)?;
            }
        }
        Ok(())
    }
}

#[derive(Debug)]
struct Ranges {
    bound: Box<dyn Bound>,
    shape: Shape,
    /// Whether the server writes these ranges as `[lower, upper)`.
    discrete: bool,
}

impl Ranges {
    /// Reads a range and masks its bounds.
    fn masked(&self, value: &[u8], subject: &[u8], row: &Row<'_>) -> Result<Span, Unmaskable> {
        let (flags, mut rest) = value.split_first().ok_or(BAD)?;
        let mut span = Span {
            flags: flags
                & (EMPTY | LOWER_INCLUSIVE | UPPER_INCLUSIVE | LOWER_INFINITE | UPPER_INFINITE),
            ..Span::default()
        };
        if span.has_lower() {
            let raw = read_field(&mut rest).flatten().ok_or(BAD)?;
            self.bound.bound(raw, subject, row, &mut span.lower)?;
        }
        if span.has_upper() {
            let raw = read_field(&mut rest).flatten().ok_or(BAD)?;
            self.bound.bound(raw, subject, row, &mut span.upper)?;
        }
        if !rest.is_empty() {
            return Err(BAD);
        }
        if span.has_lower() && span.has_upper() {
            match self.order(&span.lower, &span.upper)? {
                Ordering::Less => {}
                // A range that was not empty holds its one value; bounds of another scale may even
                // be rounded past each other.
                _ if self.discrete => {
                    let after = read_integer(&span.lower).and_then(|n| n.checked_add(1));
                    let width = span.lower.len() as u8;
                    span.upper.clear();
                    after
                        .and_then(|after| write_integer(after, width, &mut span.upper))
                        .ok_or(BAD)?;
                }
                _ => {
                    span.flags |= LOWER_INCLUSIVE | UPPER_INCLUSIVE;
                    span.upper.clone_from(&span.lower);
                }
            }
        }
        Ok(span)
    }

    fn order(&self, one: &[u8], other: &[u8]) -> Result<Ordering, Unmaskable> {
        order(self.shape, one, other).ok_or(BAD)
    }

    /// Whether a range touches the next one, so that the server makes one of both.
    fn touches(&self, one: &Span, next: &Span) -> Result<bool, Unmaskable> {
        if !one.has_upper() || !next.has_lower() {
            return Ok(true);
        }
        Ok(match self.order(&one.upper, &next.lower)? {
            Ordering::Less => false,
            Ordering::Equal => one.has(UPPER_INCLUSIVE) || next.has(LOWER_INCLUSIVE),
            Ordering::Greater => true,
        })
    }

    /// Takes the end of `next` when it is the later one.
    fn extend(&self, one: &mut Span, next: Span) -> Result<(), Unmaskable> {
        let later = match (one.has_upper(), next.has_upper()) {
            (false, _) => false,
            (true, false) => true,
            (true, true) => match self.order(&one.upper, &next.upper)? {
                Ordering::Less => true,
                Ordering::Equal => next.has(UPPER_INCLUSIVE),
                Ordering::Greater => false,
            },
        };
        if later {
            let end = UPPER_INCLUSIVE | UPPER_INFINITE;
            one.flags = one.flags & !end | next.flags & end;
            one.upper = next.upper;
        }
        Ok(())
    }
}

impl FieldMask for Ranges {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        self.masked(value, value, row)?.write(out)?;
        Ok(Masked::Value)
    }
}

/// A multirange. Ranges that came to touch each other are one.
#[derive(Debug)]
struct Many(Ranges);

impl FieldMask for Many {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let mut rest = value;
        let count = read_word(&mut rest).ok_or(BAD)?;
        let mut spans: Vec<Span> = Vec::new();
        for _ in 0..count {
            let range = read_field(&mut rest).flatten().ok_or(BAD)?;
            let span = self.0.masked(range, value, row)?;
            match spans.last_mut() {
                Some(last) if self.0.touches(last, &span)? => self.0.extend(last, span)?,
                _ => spans.push(span),
            }
        }
        if !rest.is_empty() {
            return Err(BAD);
        }
        out.extend_from_slice(&(spans.len() as u32).to_be_bytes());
        for span in &spans {
            write_field(out, |out| {
                span.write(out)?;
                Ok(Masked::Value)
            })?;
        }
        Ok(Masked::Value)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked, masked_in, refusal};
    use super::*;

    fn days(flags: u8, bounds: &[i32]) -> Vec<u8> {
        let mut bytes = vec![flags];
        for bound in bounds {
            bytes.extend([0, 0, 0, 4]);
            bytes.extend(bound.to_be_bytes());
        }
        bytes
    }

    fn many(ranges: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = (ranges.len() as u32).to_be_bytes().to_vec();
        for range in ranges {
            bytes.extend((range.len() as u32).to_be_bytes());
            bytes.extend(range);
        }
        bytes
    }

    fn bound(bytes: &[u8], at: usize) -> i32 {
        let start = 1 + 8 * at + 4;
        i32::from_be_bytes(bytes[start..start + 4].try_into().unwrap())
    }

    const SHIFT: &str = "{ mask = \"shift_days\", max = 30 }";

    proptest! {
        #[test]
        fn both_bounds_of_a_stay_move_alike(from in -40_000_i32..40_000, length in 1_i32..900) {
            let shift = mask(SHIFT, "daterange");
            let out = masked(&shift, &days(2, &[from, from + length]));
            prop_assert_eq!(bound(&out, 1) - bound(&out, 0), length);
            let moved = bound(&out, 0) - from;
            prop_assert!(moved != 0 && moved.abs() <= 30);
            let open = masked(&shift, &days(2 | UPPER_INFINITE, &[from]));
            prop_assert_eq!((open[0], open.len()), (2 | UPPER_INFINITE, 9));
        }

        #[test]
        fn numbers_keep_their_order_and_ranges_never_get_empty(from in -9_000_i32..9_000, length in 1_i32..90, step in 1_u32..50) {
            for rule in [
                format!("{{ mask = \"range\", step = {step} }}"),
                format!("{{ mask = \"noise\", percent = {step} }}"),
                "{ mask = \"top_coding\", min = -100, max = 100 }".to_owned(),
            ] {
                let out = masked(&mask(&rule, "int4range"), &days(2, &[from, from + length]));
                prop_assert!(out[0] == 2 && bound(&out, 0) < bound(&out, 1), "{}", rule);
            }
        }

        #[test]
        fn multiranges_stay_sorted_and_apart(starts in prop::collection::btree_set(-500_i32..500, 1..8), step in 1_u32..40) {
            let starts: Vec<i32> = starts.into_iter().map(|n| n * 3).collect();
            let ranges: Vec<Vec<u8>> = starts.iter().map(|n| days(2, &[*n, n + 2])).collect();
            let rule = format!("{{ mask = \"range\", step = {step} }}");
            let out = masked(&mask(&rule, "int4multirange"), &many(&ranges));
            let mut rest = &out[4..];
            let mut last = i32::MIN;
            while let Some(Some(range)) = read_field(&mut rest) {
                prop_assert!(bound(range, 0) > last && bound(range, 1) > bound(range, 0));
                last = bound(range, 1);
            }
            let shift = mask(SHIFT, "datemultirange");
            prop_assert_eq!(masked(&shift, &many(&ranges)).len(), many(&ranges).len());
        }
    }

    #[test]
    fn empty_and_infinite_ranges_stay_and_order_must_be_kept() {
        let shift = mask(SHIFT, "daterange");
        assert_eq!(masked(&shift, &[EMPTY]), [EMPTY]);
        assert_eq!(masked(&shift, &[LOWER_INFINITE | UPPER_INFINITE]), [0x18]);
        let endless = days(2, &[1, i32::MAX]);
        assert_eq!(bound(&masked(&shift, &endless), 1), i32::MAX);
        assert_eq!(masked(&mask(SHIFT, "datemultirange"), &[0; 4]), [0; 4]);
        assert_eq!(
            masked(&mask("\"redact\"", "daterange"), &days(2, &[1, 2])),
            [EMPTY]
        );
        for bad in [&[][..], &[2, 0, 0, 0, 4, 0, 0, 0, 1], &[EMPTY, 0]] {
            assert!(masked_in(&shift, 1, bad).is_err());
        }
        assert!(refusal("\"permute\"", &facts("int4range")).contains("order of bounds"));
        assert!(
            refusal(SHIFT, &facts("int4range")).contains("order of bounds")
                || refusal(SHIFT, &facts("int4range")).contains("does not work")
        );
        let mut unique = facts("daterange");
        unique.unique = true;
        assert!(refusal(SHIFT, &unique).contains("too few"));
    }
}
