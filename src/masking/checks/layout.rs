//! What stands at each place of a number with a check.

use chrono::{Datelike, NaiveDate};

/// A place of a [`Layout`], or several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// A free digit.
    Digit,
    /// A free capital letter.
    Letter,
    /// One of these characters.
    OneOf(&'static [u8]),
    /// Two digits, 01 to 12.
    Month,
    /// Six digits, year, month, day; the month may be raised by 20, 40, 60 or 80 to tell the century.
    Ymd,
    /// Six digits: day, month, year.
    Dmy,
    /// A character that stays: a century, a country.
    Kept,
    /// A digit or letter computed from the others.
    Check,
}

impl Field {
    /// Characters that it takes.
    #[must_use]
    pub const fn width(self) -> usize {
        match self {
            Self::Digit | Self::Letter | Self::OneOf(_) | Self::Kept | Self::Check => 1,
            Self::Month => 2,
            Self::Ymd | Self::Dmy => 6,
        }
    }

    /// How many values it has.
    #[must_use]
    pub const fn radix(self) -> u32 {
        match self {
            Self::Digit => 10,
            Self::Letter => 26,
            Self::OneOf(set) => set.len() as u32,
            Self::Month => 12,
            Self::Ymd | Self::Dmy => DAYS,
            Self::Kept | Self::Check => 1,
        }
    }

    /// The rank of the characters among the field's values; `None` when they are none of them.
    #[must_use]
    pub fn rank(self, text: &[u8]) -> Option<u32> {
        match self {
            Self::Digit => digits(text),
            Self::Letter => text[0]
                .is_ascii_uppercase()
                .then(|| u32::from(text[0] - b'A')),
            Self::OneOf(set) => set.iter().position(|c| *c == text[0]).map(|i| i as u32),
            Self::Month => digits(text).filter(|m| (1..=12).contains(m)).map(|m| m - 1),
            Self::Ymd => {
                let month = digits(&text[2..4])? % 20;
                day_number(digits(&text[..2])?, month, digits(&text[4..])?)
            }
            Self::Dmy => {
                let month = digits(&text[2..4])?;
                day_number(digits(&text[4..])?, month, digits(&text[..2])?)
            }
            Self::Kept | Self::Check => text[0].is_ascii_alphanumeric().then_some(0),
        }
    }

    /// Writes the value of a rank over the characters.
    pub fn write(self, rank: u32, text: &mut [u8]) {
        match self {
            Self::Digit => text[0] = b'0' + rank as u8,
            Self::Letter => text[0] = b'A' + rank as u8,
            Self::OneOf(set) => text[0] = set[rank as usize],
            Self::Month => two_digits(rank + 1, text),
            Self::Ymd => {
                let (year, month, day) = date_of(rank);
                let century = two(text[2], text[3]) / 20 * 20;
                two_digits(year, text);
                two_digits(month + century, &mut text[2..]);
                two_digits(day, &mut text[4..]);
            }
            Self::Dmy => {
                let (year, month, day) = date_of(rank);
                two_digits(day, text);
                two_digits(month, &mut text[2..]);
                two_digits(year, &mut text[4..]);
            }
            Self::Kept | Self::Check => {}
        }
    }
}

/// Days of a century that begins with a leap year.
const DAYS: u32 = 36_525;

/// The places of a number, from left to right.
pub type Layout = &'static [Field];

/// Years of two digits are of the century from 2000, whose year 00 is a leap year, so that every
/// date of either century has a place.
fn day_number(year: u32, month: u32, day: u32) -> Option<u32> {
    let date = NaiveDate::from_ymd_opt(2000 + i32::try_from(year).ok()?, month, day)?;
    let first = NaiveDate::from_ymd_opt(2000, 1, 1)?;
    u32::try_from(date.signed_duration_since(first).num_days()).ok()
}

fn date_of(number: u32) -> (u32, u32, u32) {
    let date = NaiveDate::from_ymd_opt(2000, 1, 1)
        .and_then(|first| first.checked_add_days(chrono::Days::new(u64::from(number))))
        .unwrap_or_default();
    (date.year().unsigned_abs() % 100, date.month(), date.day())
}

fn digits(text: &[u8]) -> Option<u32> {
    text.iter().try_fold(0, |sum, byte| {
        byte.is_ascii_digit()
            .then(|| sum * 10 + u32::from(byte - b'0'))
    })
}

fn two(tens: u8, ones: u8) -> u32 {
    u32::from(tens - b'0') * 10 + u32::from(ones - b'0')
}

fn two_digits(value: u32, text: &mut [u8]) {
    text[0] = b'0' + (value / 10) as u8;
    text[1] = b'0' + (value % 10) as u8;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_and_values_are_one_to_one() {
        for field in [
            Field::Ymd,
            Field::Dmy,
            Field::Month,
            Field::Digit,
            Field::Letter,
        ] {
            for rank in 0..field.radix() {
                let mut text = *b"000000";
                field.write(rank, &mut text);
                assert_eq!(field.rank(&text[..field.width()]), Some(rank), "{field:?}");
            }
        }
        assert_eq!(Field::Ymd.rank(b"440514"), Field::Ymd.rank(b"442514"));
        assert_eq!(Field::Ymd.rank(b"991332"), None);
    }
}
