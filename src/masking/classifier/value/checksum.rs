//! Check digits of cards and accounts.

/// The digits of a number that may be grouped by blanks, dashes, dots or slashes; `None` when
/// anything else stands in it.
pub(super) fn digits(value: &str) -> Option<Vec<u8>> {
    let mut found = Vec::with_capacity(value.len());
    for byte in value.bytes() {
        match byte {
            b'0'..=b'9' => found.push(byte - b'0'),
            b' ' | b'-' | b'.' | b'/' => {}
            _ => return None,
        }
    }
    Some(found)
}

/// Luhn's formula (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &[u8]) -> bool {
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(i, digit)| {
            let digit = u32::from(*digit) * (1 + u32::from(i % 2 == 1));
            digit / 10 + digit % 10
        })
        .sum();
    !digits.is_empty() && sum.is_multiple_of(10)
}

/// A payment card: 13 to 19 digits of a range that cards use, with its check digit.
pub(super) fn is_card(value: &str) -> bool {
    if value.contains(['.', '/']) {
        return false;
    }
    digits(value).is_some_and(|digits| {
        let start = digits
            .iter()
            .take(4)
            .fold(0_u32, |n, d| n * 10 + u32::from(*d));
        let brand = matches!(start / 1000, 4)
            || matches!(
                start / 100,
                34 | 37 | 36 | 38 | 39 | 50..=59 | 62 | 64 | 65 | 67
            )
            || matches!(start, 2221..=2720 | 3000..=3059 | 3528..=3589 | 6011 | 6304);
        (13..=19).contains(&digits.len()) && brand && luhn(&digits)
    })
}

/// An IBAN (ISO 13616): country, two check digits, up to 30 letters and digits; modulo 97 is 1.
pub(super) fn is_iban(value: &str) -> bool {
    let bare: Vec<u8> = value.bytes().filter(|b| *b != b' ').collect();
    if !(15..=34).contains(&bare.len())
        || !bare[..2].iter().all(u8::is_ascii_uppercase)
        || !bare[2..4].iter().all(u8::is_ascii_digit)
    {
        return false;
    }
    let mut rest = 0_u32;
    for byte in bare[4..].iter().chain(&bare[..4]) {
        rest = match byte {
            b'0'..=b'9' => (rest * 10 + u32::from(byte - b'0')) % 97,
            b'A'..=b'Z' => (rest * 100 + u32::from(byte - b'A') + 10) % 97,
            _ => return false,
        };
    }
    rest == 1
}
