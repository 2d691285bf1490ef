//! Masks of texts, and how they are applied to columns of text and integers.

use crate::masking::prf::{Prf, Seed};
use crate::masking::{FieldMask, Masked, Row, Unmaskable};

/// Replaces one text.
pub(super) trait TextMask: Send + Sync + std::fmt::Debug {
    /// Appends the mask of `input`, which is not empty. The seed comes from the value itself or
    /// from another column of its row; what must be one to one looks at `input`.
    ///
    /// # Errors
    /// [`Unmaskable`] for a text that breaks the format.
    fn write(&self, input: &str, seed: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable>;

    /// Whether the mask looks at its seed at all.
    fn uses_seed(&self) -> bool {
        true
    }

    /// Whether a text may be its own mask: of few values, any is as good, and another try would
    /// be that of another seed.
    fn may_stay(&self) -> bool {
        false
    }

    /// Whether a text of digits gives a text of as many digits.
    fn keeps_digits(&self) -> bool {
        false
    }
}

/// What seeds a mask.
#[derive(Debug)]
pub(super) struct Seeder {
    pub(super) prf: Prf,
    /// The column of the row that does; the value itself by default, and where that one is null.
    pub(super) with: Option<usize>,
}

impl Seeder {
    pub(super) fn seed(&self, value: &[u8], row: &Row<'_>) -> Seed {
        let other = self
            .with
            .and_then(|column| row.fields.get(column).copied().flatten());
        self.prf.seed(other.unwrap_or(value))
    }
}

/// Where a text mask is applied.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) seeder: Seeder,
    /// Characters that fit.
    pub(super) max_length: Option<usize>,
    /// Whether the output must not be shortened nor tried again, since distinctness is in it.
    pub(super) fixed: bool,
}

/// Tries to find a mask that differs from the value.
const TRIES: u64 = 4;

impl Place {
    /// Masks a text. The empty text tells nothing and stays.
    fn mask(
        &self,
        mask: &impl TextMask,
        value: &[u8],
        row: &Row<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Unmaskable> {
        if value.is_empty() {
            return Ok(());
        }
        let input = std::str::from_utf8(value).map_err(|_| NOT_UTF8)?;
        let start = out.len();
        let seed = if mask.uses_seed() {
            self.seeder.seed(value, row)
        } else {
            Seed(0)
        };
        for attempt in 0..TRIES {
            out.truncate(start);
            mask.write(
                input,
                if attempt == 0 {
                    seed
                } else {
                    seed.other(attempt)
                },
                out,
            )?;
            if self.fixed {
                break;
            }
            if let Some(limit) = self.max_length {
                shorten(out, start, limit);
            }
            if mask.may_stay() || &out[start..] != value {
                break;
            }
        }
        Ok(())
    }
}

const NOT_UTF8: Unmaskable = Unmaskable {
    reason: "a text that is not UTF-8",
};

/// Cuts the text that begins at `start` to so many characters.
fn shorten(out: &mut Vec<u8>, start: usize, limit: usize) {
    if out.len() - start <= limit {
        return;
    }
    let text = std::str::from_utf8(&out[start..]).unwrap_or_default();
    if let Some((end, _)) = text.char_indices().nth(limit) {
        let end = start + text[..end].trim_end().len();
        out.truncate(end);
    }
}

/// On a column of text.
#[derive(Debug)]
pub(super) struct OnText<M> {
    pub(super) mask: M,
    pub(super) place: Place,
}

impl<M: TextMask> FieldMask for OnText<M> {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        self.place.mask(&self.mask, value, row, out)?;
        Ok(Masked::Value)
    }
}

/// On an integer, whose decimal digits are the text.
#[derive(Debug)]
pub(super) struct OnInteger<M> {
    pub(super) mask: M,
    pub(super) place: Place,
    pub(super) bytes: u8,
}

impl<M: TextMask> FieldMask for OnInteger<M> {
    fn value(&self, value: &[u8], row: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        const BAD: Unmaskable = Unmaskable {
            reason: "a number whose mask does not fit its type",
        };
        let number = super::permute::read_integer(value).ok_or(BAD)?;
        let number = u64::try_from(number).map_err(|_| BAD)?;
        let mut digits = [0_u8; 20];
        let digits = super::permute::decimal(number, &mut digits);
        let start = out.len();
        self.place.mask(&self.mask, digits, row, out)?;
        let masked = &out[start..];
        // A zero in front would be lost, and two masks could become one.
        let fits = masked.len() == digits.len() && (masked.len() == 1 || masked[0] != b'0');
        let number = masked.iter().try_fold(0_i64, |sum, byte| {
            let digit = byte.is_ascii_digit().then(|| i64::from(byte - b'0'))?;
            sum.checked_mul(10)?.checked_add(digit)
        });
        let number = number.filter(|_| fits).ok_or(BAD)?;
        out.truncate(start);
        super::permute::write_integer(number, self.bytes, out).ok_or(BAD)?;
        Ok(Masked::Value)
    }
}
