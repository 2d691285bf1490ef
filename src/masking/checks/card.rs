//! Payment cards: ISO/IEC 7812.

/// A card scheme, as its first digits tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Brand {
    /// 4.
    Visa,
    /// 51 to 55, 2221 to 2720.
    Mastercard,
    /// 34, 37.
    Amex,
    /// 6011, 644 to 649, 65.
    Discover,
    /// 3528 to 3589.
    Jcb,
    /// 36, 38, 300 to 305.
    Diners,
    /// 62.
    UnionPay,
    /// 50, 56 to 58, 63, 67.
    Maestro,
}

/// The digit that completes `digits` (values 0 to 9, most significant first) to a number that
/// passes the Luhn check (ISO/IEC 7812-1, annex B).
#[must_use]
pub fn luhn_digit(digits: &[u8]) -> u8 {
    (10 - luhn_sum(digits, true) % 10) as u8 % 10
}

/// Whether `digits` (values 0 to 9) pass the Luhn check.
#[must_use]
pub fn is_luhn(digits: &[u8]) -> bool {
    digits.len() > 1 && luhn_sum(digits, false).is_multiple_of(10)
}

/// Every second digit from the right is doubled, beginning with the last one or the one before.
fn luhn_sum(digits: &[u8], double_last: bool) -> u32 {
    let mut double = double_last;
    let mut sum = 0;
    for digit in digits.iter().rev() {
        let value = u32::from(*digit) * if double { 2 } else { 1 };
        sum += if value > 9 { value - 9 } else { value };
        double = !double;
    }
    sum
}

/// The scheme of a card number (values 0 to 9); `None` when no scheme issues such numbers.
#[must_use]
pub fn card_brand(digits: &[u8]) -> Option<Brand> {
    let head = |n: usize| {
        digits
            .get(..n)
            .map_or(0, |d| d.iter().fold(0_u32, |a, b| a * 10 + u32::from(*b)))
    };
    let lengths = |range: std::ops::RangeInclusive<usize>| range.contains(&digits.len());
    let (one, two, three, four) = (head(1), head(2), head(3), head(4));
    match () {
        () if one == 4 && [13, 16, 19].contains(&digits.len()) => Some(Brand::Visa),
        () if ((51..=55).contains(&two) || (2221..=2720).contains(&four)) && lengths(16..=16) => {
            Some(Brand::Mastercard)
        }
        () if (two == 34 || two == 37) && lengths(15..=15) => Some(Brand::Amex),
        () if (four == 6011 || (644..=649).contains(&three) || two == 65) && lengths(16..=19) => {
            Some(Brand::Discover)
        }
        () if (3528..=3589).contains(&four) && lengths(16..=19) => Some(Brand::Jcb),
        () if (two == 36 || two == 38 || (300..=305).contains(&three)) && lengths(14..=19) => {
            Some(Brand::Diners)
        }
        () if two == 62 && lengths(16..=19) => Some(Brand::UnionPay),
        () if ([50, 63, 67].contains(&two) || (56..=58).contains(&two)) && lengths(12..=19) => {
            Some(Brand::Maestro)
        }
        () => None,
    }
}

/// Whether a text is a card number: 12 to 19 digits, perhaps in groups with spaces or hyphens, that
/// a scheme issues and that pass the Luhn check.
#[must_use]
pub fn is_card(text: &str) -> bool {
    let mut digits = [0_u8; 19];
    let mut count = 0;
    for byte in text.bytes() {
        match byte {
            b'0'..=b'9' if count < digits.len() => {
                digits[count] = byte - b'0';
                count += 1;
            }
            b' ' | b'-' if count > 0 => {}
            _ => return false,
        }
    }
    let digits = &digits[..count];
    card_brand(digits).is_some() && is_luhn(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_numbers() {
        for (text, brand) in [
            ("4111 1111 1111 1111", Brand::Visa),
            ("5555-5555-5555-4444", Brand::Mastercard),
            ("2223003122003222", Brand::Mastercard),
            ("378282246310005", Brand::Amex),
            ("6011111111111117", Brand::Discover),
            ("3530111333300000", Brand::Jcb),
            ("30569309025904", Brand::Diners),
        ] {
            assert!(is_card(text), "{text}");
            let digits: Vec<u8> = text
                .bytes()
                .filter(u8::is_ascii_digit)
                .map(|b| b - b'0')
                .collect();
            assert_eq!(card_brand(&digits), Some(brand), "{text}");
            let (last, rest) = digits.split_last().unwrap();
            assert_eq!(luhn_digit(rest), *last);
        }
        for text in [
            "",
            "4111111111111112",
            "0000000000000000",
            "41111111111111111111111",
            "4111x111",
        ] {
            assert!(!is_card(text), "{text}");
        }
    }
}
