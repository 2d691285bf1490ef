//! Numbers as people write them: groups of digits with blanks, dashes, dots, slashes or brackets
//! between.

use super::key::RunKey;

/// Fewer digits identify nobody: too many counts, prices and years look alike.
pub(super) const MIN: usize = 7;
/// The longest number that is sought (a payment card has at most 19 digits).
pub(super) const MAX: usize = 19;
/// Groups that one number may be written in.
const GROUPS: usize = 8;
/// Characters between two groups: `) ` and the like.
const GAP: usize = 2;

/// One way to read digits of a text as a number.
#[derive(Debug, Clone, Copy)]
pub(super) struct Number {
    /// The keyed hash of its digits, zeros in front left out.
    pub(super) hash: u64,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// How many digits it has, zeros in front left out.
    pub(super) digits: usize,
}

/// The digits of a text alone, zeros in front left out.
pub(super) fn digits_of(text: &[u8]) -> Vec<u8> {
    text.iter()
        .copied()
        .filter(u8::is_ascii_digit)
        .skip_while(|digit| *digit == b'0')
        .collect()
}

/// How many digits a text has, zeros in front left out.
pub(super) fn count(text: &[u8]) -> usize {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    digits.skip_while(|digit| **digit == b'0').count()
}

/// The keyed hash of the digits of a text, at most [`MAX`] of them.
pub(super) fn hash(text: &[u8], key: &RunKey) -> u64 {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    key.number(digits.fold(0, |value, digit| add(value, *digit)))
}

fn add(value: u64, digit: u8) -> u64 {
    value.wrapping_mul(10).wrapping_add(u64::from(digit & 0x0f))
}

/// Calls `visit` for every run of neighbouring groups that has one of the lengths in `wanted` (a bit
/// for each): a text does not say where a number begins.
pub(super) fn numbers(text: &[u8], (key, wanted): (&RunKey, u32), mut visit: impl FnMut(Number)) {
    let mut at = 0;
    while let Some(group) = next_group(text, at) {
        from_group(text, group, (key, wanted), &mut visit);
        at = group.1;
    }
}

/// The next run of digits at or after `at`.
fn next_group(text: &[u8], at: usize) -> Option<(usize, usize)> {
    let start = at + text.get(at..)?.iter().position(u8::is_ascii_digit)?;
    Some((start, end_of_group(text, start)))
}

fn end_of_group(text: &[u8], start: usize) -> usize {
    text[start..]
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .map_or(text.len(), |length| start + length)
}

fn from_group(
    text: &[u8],
    (start, end): (usize, usize),
    (key, wanted): (&RunKey, u32),
    visit: &mut impl FnMut(Number),
) {
    let mut value = 0;
    let mut digits = 0;
    let mut group = (start, end);
    for _ in 0..GROUPS {
        for digit in &text[group.0..group.1] {
            if digits > 0 || *digit != b'0' {
                digits += 1;
                if digits > MAX {
                    return;
                }
                value = add(value, *digit);
            }
        }
        if wanted >> digits & 1 == 1 {
            visit(Number {
                hash: key.number(value),
                start,
                end: group.1,
                digits,
            });
        }
        if wanted >> digits <= 1 {
            return;
        }
        let gap = text[group.1..]
            .iter()
            .take_while(|byte| b" -./()".contains(byte))
            .count();
        let next = group.1 + gap;
        if gap == 0 || gap > GAP || !text.get(next).is_some_and(u8::is_ascii_digit) {
            return;
        }
        group = (next, end_of_group(text, next));
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::test_key;
    use super::*;
    use proptest::prelude::*;

    fn finds(text: &str, number: &str) -> bool {
        let key = test_key(1);
        let wanted = hash(number.as_bytes(), &key);
        let mut found = false;
        let length = 1 << count(number.as_bytes());
        numbers(text.as_bytes(), (&key, length), |number| {
            found |= number.hash == wanted
        });
        found
    }

    #[test]
    fn numbers_are_found_however_they_are_grouped() {
        for text in [
            "4930123456",
            "+49 30 123456",
            "0049 (30) 123-456",
            "call 12, +49.30.123456, thanks",
            "on 5 49 30 123456",
            "{\"tel\":\"+49-30-123456\"}",
            "x4930123456y",
        ] {
            assert!(finds(text, "+49 30 123456"), "{text}");
        }
        assert!(!finds("493012345", "4930123456"));
        assert!(!finds("49,30,123456", "4930123456"));
    }

    proptest! {
        #[test]
        fn any_grouping_is_found(groups in proptest::collection::vec("[1-9]{2,5}", 2..4), gap in "[ ./-]") {
            let number = groups.concat();
            prop_assume!((MIN..=MAX).contains(&number.len()));
            let text = format!("a {}: 7", groups.join(&gap));
            prop_assert!(finds(&text, &number));
        }
    }
}
