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

/// The keyed hash of a number's digits.
pub(super) fn hash(digits: &[u8], key: &RunKey) -> u64 {
    let mut hash = key.word();
    digits.iter().for_each(|digit| hash.push(*digit));
    hash.finish()
}

/// Calls `visit` for every run of neighbouring groups that has the length of a number: a text
/// does not say where a number begins.
pub(super) fn numbers(text: &[u8], key: &RunKey, mut visit: impl FnMut(Number)) {
    let mut at = 0;
    while let Some(group) = next_group(text, at) {
        from_group(text, group, key, &mut visit);
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
    key: &RunKey,
    visit: &mut impl FnMut(Number),
) {
    let mut hash = key.word();
    let mut digits = 0;
    let mut group = (start, end);
    for _ in 0..GROUPS {
        for digit in &text[group.0..group.1] {
            if digits > 0 || *digit != b'0' {
                digits += 1;
                if digits > MAX {
                    return;
                }
                hash.push(*digit);
            }
        }
        if digits >= MIN {
            visit(Number {
                hash: hash.finish(),
                start,
                end: group.1,
                digits,
            });
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
        let wanted = hash(&digits_of(number.as_bytes()), &key);
        let mut found = false;
        numbers(text.as_bytes(), &key, |number| {
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
        assert!(!finds("123456", "123456"), "too short");
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
