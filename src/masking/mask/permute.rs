//! Keyed permutations of integers, UUIDs and texts of a form.

use std::sync::Arc;

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::prf::{Permutation, Prf, Seed};
use crate::masking::{FieldMask, Masked, Row, Shape, Unmaskable};

pub(super) fn compile(site: &Site<'_>) -> Compiled {
    match site.facts.shape {
        Shape::Integer(_) => InPlace::compile(site, permute_integer, "not an integer"),
        Shape::Uuid => InPlace::compile(site, permute_uuid, "not a UUID"),
        _ => site.on_text(Form { prf: site.prf()? }, Distinct::All),
    }
}

/// A mask of values of a fixed form, whose bytes change where they stand.
#[derive(Debug)]
pub(super) struct InPlace {
    prf: Prf,
    change: fn(&Prf, &mut [u8]) -> Option<()>,
    bad: Unmaskable,
}

impl InPlace {
    /// `change` gives `None` for bytes that are not of the form; `reason` says so then.
    pub(super) fn compile(
        site: &Site<'_>,
        change: fn(&Prf, &mut [u8]) -> Option<()>,
        reason: &'static str,
    ) -> Compiled {
        Ok(Arc::new(Self {
            prf: site.prf()?,
            change,
            bad: Unmaskable { reason },
        }))
    }
}

impl FieldMask for InPlace {
    fn value(&self, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<Masked, Unmaskable> {
        let start = out.len();
        out.extend_from_slice(value);
        (self.change)(&self.prf, &mut out[start..]).ok_or(self.bad.clone())?;
        Ok(Masked::Value)
    }
}

/// Reads a big-endian integer of 2, 4 or 8 bytes.
pub(super) fn read_integer(value: &[u8]) -> Option<i64> {
    match value.len() {
        2 => Some(i64::from(i16::from_be_bytes(value.try_into().ok()?))),
        4 => Some(i64::from(i32::from_be_bytes(value.try_into().ok()?))),
        8 => Some(i64::from_be_bytes(value.try_into().ok()?)),
        _ => None,
    }
}

/// Appends an integer; `None` when it does not fit.
pub(super) fn write_integer(number: i64, bytes: u8, out: &mut Vec<u8>) -> Option<()> {
    match bytes {
        2 => out.extend_from_slice(&i16::try_from(number).ok()?.to_be_bytes()),
        4 => out.extend_from_slice(&i32::try_from(number).ok()?.to_be_bytes()),
        8 => out.extend_from_slice(&number.to_be_bytes()),
        _ => return None,
    }
    Some(())
}

/// The decimal digits of a number.
pub(super) fn decimal(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    loop {
        at -= 1;
        buffer[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return &buffer[at..];
        }
    }
}

/// Upper bounds (exclusive) of the tiers, and the halves of a domain that holds each.
const TIERS: [(u64, Permutation); 4] = [
    (1 << 15, Permutation::new(1 << 8, 1 << 7)),
    (1 << 31, Permutation::new(1 << 16, 1 << 15)),
    (1 << 53, Permutation::new(1 << 27, 1 << 26)),
    (1 << 63, Permutation::new(1 << 32, 1 << 31)),
];

/// The image of a number below 2^63, in its tier.
fn permute_tier(prf: &Prf, number: u64) -> u64 {
    let mut floor = 0;
    for (tier, (end, permutation)) in TIERS.iter().enumerate() {
        if number < *end {
            let bits = 7 + [0, 8, 19, 24][tier];
            let mask = (1_u64 << bits) - 1;
            let mut image = number;
            // Cycle walking: the domain holds the tiers below, too, a share of 2^-16 or less
            // (2^-10 in the last tier).
            loop {
                let (l, r) = permutation.apply(prf, tier as u64, (image >> bits, image & mask));
                image = l << bits | r;
                if image >= floor {
                    return image;
                }
            }
        }
        floor = *end;
    }
    number
}

/// Integers in tiers, so that a value has the same mask in a column of any width: what fits two
/// bytes, what fits four, what JavaScript's numbers hold (53 bits), and the rest. Negative numbers
/// are permuted like -1 - n and stay negative.
fn permute_integer(prf: &Prf, bytes: &mut [u8]) -> Option<()> {
    let number = read_integer(bytes)?;
    let image = match number {
        0.. => permute_tier(prf, number as u64) as i64,
        _ => !(permute_tier(prf, !number as u64) as i64),
    };
    let width = bytes.len();
    bytes.copy_from_slice(&image.to_be_bytes()[8 - width..]);
    Some(())
}

const HALF: Permutation = Permutation::new(1 << 60, 1 << 62);

/// UUIDs of the same version and variant: 122 bits are permuted. Version (bits 48 to 51) and
/// variant (64, 65) stay.
fn permute_uuid(prf: &Prf, bytes: &mut [u8]) -> Option<()> {
    let bits = u128::from_be_bytes((&*bytes).try_into().ok()?);
    let (high, low) = ((bits >> 64) as u64, bits as u64);
    let version = high & 0xF000;
    let left = (high >> 16) << 12 | (high & 0xFFF);
    let right = low & (u64::MAX >> 2);
    let tweak = version | low >> 62;
    let (l, r) = HALF.apply(prf, tweak, (left, right));
    let high = (l >> 12) << 16 | version | (l & 0xFFF);
    let low = (low & !(u64::MAX >> 2)) | r;
    bytes.copy_from_slice(&(u128::from(high) << 64 | u128::from(low)).to_be_bytes());
    Some(())
}

/// Texts of the same form: digits stay digits, letters letters of the same case, all else stays.
#[derive(Debug)]
struct Form {
    prf: Prf,
}

impl TextMask for Form {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        if !input.bytes().any(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Unmaskable {
                reason: "a text without a digit or Latin letter: there is nothing to permute",
            });
        }
        let start = out.len();
        out.extend_from_slice(input.as_bytes());
        permute_form(&self.prf, 0, &mut out[start..]);
        Ok(())
    }
}

/// Permutes the ASCII digits and letters of a text among texts of the same form. Texts with too
/// many places for one permutation are cut into pieces, each permuted under a tweak of all the
/// others: a Feistel network over pieces, so the whole stays one to one.
pub(super) fn permute_form(prf: &Prf, tweak: u64, text: &mut [u8]) {
    let mut at = 0;
    while at < text.len() {
        let end = piece_end(text, at);
        let others = match (at, end) {
            (0, end) if end == text.len() => tweak,
            _ => {
                let before = prf.seed(&text[..at]).0 as u64;
                let after = prf.seed(&text[end..]).0 as u64;
                tweak ^ before.rotate_left(1) ^ after
            }
        };
        permute_piece(prf, others, &mut text[at..end]);
        at = end;
    }
}

fn radix(byte: u8) -> u64 {
    match byte {
        b'0'..=b'9' => 10,
        b'a'..=b'z' | b'A'..=b'Z' => 26,
        _ => 1,
    }
}

fn base(byte: u8) -> u8 {
    match byte {
        b'0'..=b'9' => b'0',
        b'a'..=b'z' => b'a',
        b'A'..=b'Z' => b'A',
        other => other,
    }
}

/// Where the piece that begins at `at` ends: at most 26 places (26^13 < 2^62).
fn piece_end(text: &[u8], at: usize) -> usize {
    let mut places = 0;
    for (i, byte) in text.iter().enumerate().skip(at) {
        places += usize::from(radix(*byte) > 1);
        if places > 26 {
            return i;
        }
    }
    text.len()
}

fn permute_piece(prf: &Prf, tweak: u64, piece: &mut [u8]) {
    let places = piece.iter().filter(|byte| radix(**byte) > 1).count();
    if places == 0 {
        return;
    }
    let mut seen = 0;
    let (mut left, mut right) = ((1, 0), (1, 0));
    for byte in piece.iter() {
        let n = radix(*byte);
        if n == 1 {
            continue;
        }
        let half: &mut (u64, u64) = if seen < places / 2 {
            &mut left
        } else {
            &mut right
        };
        *half = (half.0 * n, half.1 * n + u64::from(byte - base(*byte)));
        seen += 1;
    }
    let permutation = Permutation::new(left.0, right.0);
    let (mut l, mut r) = permutation.apply(prf, tweak, (left.1, right.1));
    for byte in piece.iter_mut().rev() {
        let n = radix(*byte);
        if n == 1 {
            continue;
        }
        let half = if seen > places / 2 { &mut r } else { &mut l };
        *byte = base(*byte) + (*half % n) as u8;
        *half /= n;
        seen -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::tests_support::{mask, masked, text};
    use super::*;

    #[test]
    fn small_integers_are_permuted_whole_and_alike_in_every_width() {
        let (two, four, eight) = (
            mask("\"permute\"", "smallint"),
            mask("\"permute\"", "integer"),
            mask("\"permute\"", "bigint"),
        );
        let mut seen = HashSet::new();
        for i in i16::MIN..=i16::MAX {
            let image = read_integer(&masked(&two, &i.to_be_bytes())).unwrap();
            assert!(seen.insert(image) && image != i64::from(i));
            assert_eq!(image < 0, i < 0);
            assert_eq!(
                read_integer(&masked(&four, &i32::from(i).to_be_bytes())),
                Some(image)
            );
            assert_eq!(
                read_integer(&masked(&eight, &i64::from(i).to_be_bytes())),
                Some(image)
            );
        }
    }

    #[test]
    fn short_forms_are_permuted_whole() {
        let mask = mask("\"permute\"", "text");
        let mut seen = HashSet::new();
        for i in 0..10_000 {
            let input = format!("A-{i:04}");
            let image = text(&mask, &input);
            assert!(image != input && seen.insert(image.clone()));
            let mut bytes = image.bytes();
            assert!(bytes.next().unwrap().is_ascii_uppercase() && bytes.next() == Some(b'-'));
            assert!(bytes.all(|byte| byte.is_ascii_digit()));
        }
    }

    proptest! {
        #[test]
        fn integers_stay_in_their_tier(a: i64, b: i64) {
            let mask = mask("\"permute\"", "bigint");
            let image = |n: i64| read_integer(&masked(&mask, &n.to_be_bytes())).unwrap();
            prop_assert!(image(a) != a);
            prop_assert_eq!(image(a) == image(b), a == b);
            let small = i64::from(a as i32);
            prop_assert!(i32::try_from(image(small)).is_ok());
            let safe = a >> 10;
            prop_assert!(image(safe).unsigned_abs() <= 1 << 53);
        }

        #[test]
        fn uuids_keep_their_version(a: u128, b: u128) {
            let mask = mask("\"uuid\"", "uuid");
            let (x, y) = (masked(&mask, &a.to_be_bytes()), masked(&mask, &b.to_be_bytes()));
            prop_assert_eq!(x == y, a == b);
            prop_assert!(x != a.to_be_bytes());
            prop_assert_eq!(x[6] >> 4, (a >> 76) as u8 & 15);
            prop_assert_eq!(x[8] >> 6, (a >> 62) as u8 & 3);
        }

        #[test]
        fn forms_of_any_length_are_one_to_one(a in "[0-9A-Za-z é-]{1,80}", flip in 0_usize..80) {
            let mask = mask("\"permute\"", "text");
            prop_assume!(a.bytes().any(|byte| byte.is_ascii_alphanumeric()));
            let image = text(&mask, &a);
            prop_assert_ne!(&image, &a);
            prop_assert_eq!(image.len(), a.len());
            // A neighbour: one digit further.
            let mut other = a.clone().into_bytes();
            let at = flip % other.len();
            if other[at].is_ascii_digit() {
                other[at] = b'0' + (other[at] - b'0' + 1) % 10;
                prop_assert_ne!(text(&mask, std::str::from_utf8(&other).unwrap()), image);
            }
        }
    }
}
