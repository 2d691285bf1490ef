//! Check digits.

/// The digit that makes a number pass the Luhn formula (ISO/IEC 7812-1, annex B).
pub(super) fn luhn(digits: &str) -> char {
    let sum: u32 = digits
        .chars()
        .rev()
        .filter_map(|c| c.to_digit(10))
        .enumerate()
        .map(|(place, digit)| match place % 2 {
            0 if digit > 4 => digit * 2 - 9,
            0 => digit * 2,
            _ => digit,
        })
        .sum();
    char::from_digit((10 - sum % 10) % 10, 10).unwrap_or('0')
}

/// Puts the check digits of an account number into its third and fourth place (ISO 13616: 98 less
/// the remainder by 97, letters counted from 10).
pub(super) fn iban(text: &mut String) {
    let (Some(country), Some(account)) = (text.get(..2), text.get(4..)) else {
        return;
    };
    let digits = account.chars().chain(country.chars()).chain("00".chars());
    let rest = digits.fold(0, |rest, character| {
        let value = character.to_digit(36).unwrap_or_default();
        (rest * if value > 9 { 100 } else { 10 } + value) % 97
    });
    let check = format!("{:02}", 98 - rest);
    text.replace_range(2..4, &check);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_numbers_have_their_check_digits() {
        // The test card of all payment providers, and the examples of the IBAN registry.
        assert_eq!(luhn("411111111111111"), '1');
        assert_eq!(luhn("555555555555444"), '4');
        for known in ["DE89370400440532013000", "GB82WEST12345698765432"] {
            let mut text = format!("{}00{}", &known[..2], &known[4..]);
            iban(&mut text);
            assert_eq!(text, known);
        }
    }
}
