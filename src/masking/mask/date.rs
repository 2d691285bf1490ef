//! Dates: shifted per subject, or cut.

use std::sync::Arc;

use chrono::{DateTime, Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Utc};

use super::encode::{DAY, EPOCH_DAYS};
use super::range::Bound;
use super::site::{Compiled, Distinct, Site};
use crate::error::Result;
use crate::masking::prf::Prf;
use crate::masking::{DatePart, FieldMask, Mask, Masked, Row, Shape, Unmaskable};

pub(super) fn compile(site: &Site<'_>) -> Compiled {
    Ok(Arc::new(Dates::of(site)?))
}

fn supported(site: &Site<'_>) -> Result<Shape> {
    match site.facts.shape {
        shape @ (Shape::Date | Shape::Timestamp | Shape::Text) => Ok(shape),
        _ => Err(site.unfit("date, timestamp and ISO dates in text")),
    }
}

fn change(site: &Site<'_>) -> Result<Change> {
    let (max, per) = match &site.rule.mask {
        Mask::Truncate { to } => {
            site.prove_distinct(Distinct::Few)?;
            return Ok(Change::Truncate(*to));
        }
        Mask::ShiftDays { max, per } => (*max, per.as_deref()),
        _ => return Err(site.refuse("is no mask of dates", "shift_days, truncate")),
    };
    if !(1..=36_525).contains(&max) {
        return Err(site.refuse("has a `max` that is not 1 to 36525 days", "max = 30"));
    }
    let prf = Box::new(site.prf()?);
    let per = per.or(site.rule.with.as_deref());
    if per.is_none() && (site.facts.unique || site.rule.unique) {
        let block = i64::from(max) + 1;
        return Ok(Change::Turn { prf, block });
    }
    site.prove_distinct(Distinct::Few)?;
    Ok(Change::Shift {
        prf,
        max: u64::from(max),
        per: per.map(|name| site.column(name)).transpose()?,
    })
}

#[derive(Debug)]
enum Change {
    Shift {
        prf: Box<Prf>,
        max: u64,
        per: Option<usize>,
    },
    /// One to one, for unique columns: the calendar is cut into blocks of so many days, and the
    /// days of each block are turned by a keyed number of places, never 0.
    Turn {
        prf: Box<Prf>,
        block: i64,
    },
    Truncate(DatePart),
}

impl Change {
    /// The days by which a value moves.
    fn days(&self, day: i64, subject: &[u8], row: &Row<'_>) -> Option<i64> {
        match self {
            Self::Shift { prf, max, per } => {
                let subject = match per {
                    Some(column) => row
                        .fields
                        .get(*column)
                        .copied()
                        .flatten()
                        .unwrap_or_default(),
                    None => subject,
                };
                let choice = prf.seed(subject).draws().below(2 * max) as i64;
                let max = *max as i64;
                Some(if choice < max {
                    choice - max
                } else {
                    choice - max + 1
                })
            }
            Self::Turn { prf, block } => {
                let (number, place) = (day.div_euclid(*block), day.rem_euclid(*block));
                let mut draws = prf.seed(&number.to_be_bytes()).draws();
                // Below 36525.
                let turn = 1 + draws.below(block.unsigned_abs() - 1) as i64;
                Some((place + turn).rem_euclid(*block) - place)
            }
            Self::Truncate(part) => {
                let date =
                    NaiveDate::default().checked_add_signed(chrono::TimeDelta::try_days(day)?)?;
                let back = match part {
                    DatePart::Day => 0,
                    DatePart::Week => i64::from(date.weekday().num_days_from_monday()),
                    DatePart::Month => i64::from(date.day0()),
                    DatePart::Year => i64::from(date.ordinal0()),
                };
                Some(-back)
            }
        }
    }

    const fn drops_time(&self) -> bool {
        matches!(self, Self::Truncate(_))
    }
}

#[derive(Debug)]
pub(super) struct Dates {
    change: Change,
    shape: Shape,
}

const BAD: Unmaskable = Unmaskable {
    reason: "not a date, or one that leaves the range of its type",
};

/// PostgreSQL's ranges: 4713 BC to 5874897 (date), 294276 (timestamp). The result must stay
/// inside by a margin of a century at least, so years from -4700 to 200000 are masked.
const DAY_RANGE: std::ops::Range<i64> = -2_440_000..72_000_000;

impl FieldMask for Dates {
    fn value(
        &self,
        value: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> std::result::Result<Masked, Unmaskable> {
        self.bound(value, value, row, out)?;
        Ok(Masked::Value)
    }
}

impl Bound for Dates {
    fn bound(
        &self,
        bound: &[u8],
        subject: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), Unmaskable> {
        match self.shape {
            Shape::Date => {
                let raw = i32::from_be_bytes(bound.try_into().map_err(|_| BAD)?);
                // Infinity tells nothing about anybody and stays.
                if raw == i32::MIN || raw == i32::MAX {
                    out.extend_from_slice(bound);
                    return Ok(());
                }
                let day = self.moved(i64::from(raw) + EPOCH_DAYS, subject, row)?;
                let day = i32::try_from(day - EPOCH_DAYS).map_err(|_| BAD)?;
                out.extend_from_slice(&day.to_be_bytes());
            }
            Shape::Timestamp => {
                let raw = i64::from_be_bytes(bound.try_into().map_err(|_| BAD)?);
                if raw == i64::MIN || raw == i64::MAX {
                    out.extend_from_slice(bound);
                    return Ok(());
                }
                let (day, time) = (raw.div_euclid(DAY), raw.rem_euclid(DAY));
                let day = self.moved(day + EPOCH_DAYS, subject, row)? - EPOCH_DAYS;
                let time = if self.change.drops_time() { 0 } else { time };
                let micros = day.checked_mul(DAY).and_then(|day| day.checked_add(time));
                out.extend_from_slice(&micros.ok_or(BAD)?.to_be_bytes());
            }
            _ => self.text(bound, subject, row, out)?,
        }
        Ok(())
    }
}

impl Dates {
    pub(super) fn of(site: &Site<'_>) -> Result<Self> {
        Ok(Self {
            shape: supported(site)?,
            change: change(site)?,
        })
    }

    fn moved(
        &self,
        day: i64,
        subject: &[u8],
        row: &Row<'_>,
    ) -> std::result::Result<i64, Unmaskable> {
        let by = self.change.days(day, subject, row).ok_or(BAD)?;
        let moved = day + by;
        DAY_RANGE.contains(&moved).then_some(moved).ok_or(BAD)
    }

    /// `2024-05-01`, perhaps followed by a time, which stays or is dropped.
    fn text(
        &self,
        value: &[u8],
        subject: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), Unmaskable> {
        if value.is_empty() {
            return Ok(());
        }
        let text = std::str::from_utf8(value).map_err(|_| BAD)?;
        let (head, time) = text.split_at_checked(10).ok_or(BAD)?;
        let date: NaiveDate = head.parse().map_err(|_| BAD)?;
        let valid = time.is_empty()
            || format!("{head}{time}").parse::<DateTime<Utc>>().is_ok()
            || format!("{head}T{}", time.trim_start_matches([' ', 'T']))
                .parse::<NaiveDateTime>()
                .is_ok()
            || time
                .trim_start_matches([' ', 'T'])
                .parse::<NaiveTime>()
                .is_ok();
        if !valid {
            return Err(BAD);
        }
        let day = date.signed_duration_since(NaiveDate::default()).num_days();
        let day = self.moved(day, subject, row)?;
        let date = match u64::try_from(day) {
            Ok(day) => NaiveDate::default().checked_add_days(Days::new(day)),
            Err(_) => NaiveDate::default().checked_sub_days(Days::new(day.unsigned_abs())),
        };
        let date = date
            .filter(|date| (0..=9999).contains(&date.year()))
            .ok_or(BAD)?;
        put(out, date.year().unsigned_abs(), 4);
        out.push(b'-');
        put(out, date.month(), 2);
        out.push(b'-');
        put(out, date.day(), 2);
        if !self.change.drops_time() {
            out.extend_from_slice(time.as_bytes());
        }
        Ok(())
    }
}

/// Appends a number with so many digits.
fn put(out: &mut Vec<u8>, number: u32, digits: u32) {
    for place in (0..digits).rev() {
        out.push(b'0' + (number / 10_u32.pow(place) % 10) as u8);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests_support::{facts, mask, masked, masked_in, refusal, text};

    const SHIFT: &str = "{ mask = \"shift_days\", max = 30, per = \"id\" }";

    #[test]
    fn dates_are_cut() {
        for (part, expected) in [
            ("year", "2024-01-01"),
            ("month", "2024-05-01"),
            ("week", "2024-05-13"),
            ("day", "2024-05-16"),
        ] {
            let mask = mask(
                &format!("{{ mask = \"truncate\", to = \"{part}\" }}"),
                "text",
            );
            assert_eq!(text(&mask, "2024-05-16 10:11:12"), expected);
        }
    }

    #[test]
    fn unique_dates_stay_unique() {
        let date = mask("{ mask = \"shift_days\", max = 30, unique = true }", "date");
        let mut seen = std::collections::HashSet::new();
        for day in -1000_i32..1000 {
            let image = masked(&date, &day.to_be_bytes());
            let image = i32::from_be_bytes(image.try_into().unwrap());
            assert!(image != day && (image - day).abs() <= 30, "{day} {image}");
            assert!(seen.insert(image), "{day}");
        }
        let per = "{ mask = \"shift_days\", max = 30, per = \"id\", unique = true }";
        assert!(refusal(per, &facts("date")).contains("too few"));
    }

    #[test]
    fn infinity_stays_and_nonsense_is_refused() {
        let date = mask(SHIFT, "date");
        for infinity in [i32::MIN, i32::MAX] {
            assert_eq!(
                masked(&date, &infinity.to_be_bytes()),
                infinity.to_be_bytes()
            );
        }
        assert!(masked_in(&date, 1, &(i32::MAX - 1).to_be_bytes()).is_err());
        let stamp = mask(SHIFT, "timestamp with time zone");
        assert_eq!(
            masked(&stamp, &i64::MAX.to_be_bytes()),
            i64::MAX.to_be_bytes()
        );
        let words = mask(SHIFT, "text");
        for bad in [
            "yesterday",
            "2024-13-01",
            "2024-05-01 born in Ulm",
            "2024-05-01ü",
        ] {
            assert!(masked_in(&words, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        let gone = "{ mask = \"shift_days\", max = 30, per = \"idd\" }";
        assert!(refusal(gone, &facts("date")).contains("\"idd\", which its table has not"));
        assert!(refusal("{ mask = \"shift_days\", max = 0 }", &facts("date")).contains("max"));
    }

    proptest! {
        #[test]
        fn intervals_of_a_subject_stay(id: u32, a in -50_000_i32..50_000, b in -50_000_i32..50_000) {
            let date = mask(SHIFT, "date");
            let day = |n: i32| i32::from_be_bytes(masked_in(&date, id, &n.to_be_bytes()).unwrap().try_into().unwrap());
            prop_assert_eq!(day(a) - day(b), a - b);
            prop_assert!(day(a) != a && (day(a) - a).abs() <= 30);
            let stamp = mask(SHIFT, "timestamp");
            let micros = i64::from(a) * 86_400_000_000 + 12_345;
            let moved = masked_in(&stamp, id, &micros.to_be_bytes()).unwrap();
            let moved = i64::from_be_bytes(moved.try_into().unwrap());
            prop_assert_eq!(moved - micros, i64::from(day(a) - a) * 86_400_000_000);
        }
    }
}
