//! Numbers that people write with signs between the digits: telephone numbers, cards, IBANs.

use super::permute::permute_form;
use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::masking::Unmaskable;
use crate::masking::checks::{iban_check_digits, is_card, is_iban, luhn_digit};
use crate::masking::prf::{Prf, Seed};

/// The longest number, in characters without signs.
const MAX: usize = 40;

/// The letters and digits of a text, apart from the signs between them.
#[derive(Debug)]
struct Compact {
    bytes: [u8; MAX],
    count: usize,
}

impl Compact {
    /// Collects what `keep` accepts; `None` when there is too much of it.
    fn of(text: &str, keep: fn(&u8) -> bool) -> Option<Self> {
        let mut compact = Self {
            bytes: [0; MAX],
            count: 0,
        };
        for byte in text.bytes().filter(keep) {
            *compact.bytes.get_mut(compact.count)? = byte;
            compact.count += 1;
        }
        Some(compact)
    }

    fn get(&mut self) -> &mut [u8] {
        &mut self.bytes[..self.count]
    }

    /// Appends `text` with what was collected replaced.
    fn write(&self, text: &str, keep: fn(&u8) -> bool, out: &mut Vec<u8>) {
        let mut replacements = self.bytes.iter();
        for byte in text.bytes() {
            let new = keep(&byte).then(|| replacements.next()).flatten();
            out.push(new.copied().unwrap_or(byte));
        }
    }
}

/// The number that ASCII digits spell: what selects the permutation of the digits after them.
fn spelt(digits: &[u8]) -> u64 {
    digits.iter().fold(1, |sum: u64, digit| {
        sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0'))
    })
}

pub(super) fn phone(site: &Site<'_>) -> Compiled {
    site.on_text(Phone { prf: site.prf()? }, Distinct::All)
}

/// Keeps the country code and the first digit after it, which tells mobile from fixed lines in
/// many countries; the other digits are permuted.
#[derive(Debug)]
struct Phone {
    prf: Prf,
}

/// Digits of the country code that a number in international form begins with (ITU-T E.164,
/// annex to Operational Bulletin 1114).
fn country_code(digits: &[u8]) -> usize {
    match digits {
        [b'1' | b'7', ..] => 1,
        [b'2', b'0' | b'7', ..]
        | [b'3', b'0'..=b'4' | b'6' | b'9', ..]
        | [b'4', b'0' | b'1' | b'3'..=b'9', ..]
        | [b'5', b'1'..=b'8', ..]
        | [b'6', b'0'..=b'6', ..]
        | [b'8', b'1' | b'2' | b'4' | b'6', ..]
        | [b'9', b'0'..=b'5' | b'8', ..] => 2,
        _ => 3,
    }
}

impl TextMask for Phone {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        const BAD: Unmaskable = Unmaskable {
            reason: "not a telephone number",
        };
        let signs = |c: char| c.is_ascii_digit() || " +()-./,;#*xXext".contains(c);
        if !input.chars().all(signs) {
            return Err(BAD);
        }
        let mut compact = Compact::of(input, u8::is_ascii_digit).ok_or(BAD)?;
        let digits = compact.get();
        let kept = if input.trim_start().starts_with('+') {
            country_code(digits) + 1
        } else if digits.starts_with(b"00") {
            2 + country_code(&digits[2..]) + 1
        } else {
            1 + digits.iter().take_while(|digit| **digit == b'0').count()
        };
        if digits.len() < kept + 3 {
            return Err(BAD);
        }
        let (head, rest) = digits.split_at_mut(kept);
        permute_form(&self.prf, spelt(head), rest);
        compact.write(input, u8::is_ascii_digit, out);
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        true
    }
}

pub(super) fn card(site: &Site<'_>) -> Compiled {
    site.on_text(Card { prf: site.prf()? }, Distinct::All)
}

/// Keeps the issuer (six digits) and the length, permutes the account and computes the last digit.
#[derive(Debug)]
struct Card {
    prf: Prf,
}

const ISSUER: usize = 6;

impl TextMask for Card {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        const BAD: Unmaskable = Unmaskable {
            reason: "not a card number (issuer, length or Luhn check)",
        };
        if !is_card(input) {
            return Err(BAD);
        }
        let mut compact = Compact::of(input, u8::is_ascii_digit).ok_or(BAD)?;
        let digits = compact.get();
        let (body, check) = digits.split_at_mut(digits.len() - 1);
        let (issuer, account) = body.split_at_mut(ISSUER);
        permute_form(&self.prf, spelt(issuer), account);
        let mut values = [0_u8; MAX];
        for (value, digit) in values.iter_mut().zip(&*body) {
            *value = digit - b'0';
        }
        check[0] = b'0' + luhn_digit(&values[..body.len()]);
        compact.write(input, u8::is_ascii_digit, out);
        Ok(())
    }

    fn keeps_digits(&self) -> bool {
        true
    }
}

pub(super) fn iban(site: &Site<'_>) -> Compiled {
    site.on_text(Iban { prf: site.prf()? }, Distinct::All)
}

/// Keeps country and form, permutes the account (bank code included) and computes the check digits. Check
/// digits inside the account that some countries have are not computed.
#[derive(Debug)]
struct Iban {
    prf: Prf,
}

impl TextMask for Iban {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        const BAD: Unmaskable = Unmaskable {
            reason: "not an IBAN in capital letters (country, length or check digits)",
        };
        if !is_iban(input) {
            return Err(BAD);
        }
        let mut compact = Compact::of(input, u8::is_ascii_alphanumeric).ok_or(BAD)?;
        let (head, account) = compact.get().split_at_mut(4);
        permute_form(
            &self.prf,
            u64::from(head[0]) << 8 | u64::from(head[1]),
            account,
        );
        let check = iban_check_digits(&head[..2], account).ok_or(BAD)?;
        head[2] = b'0' + check / 10;
        head[3] = b'0' + check % 10;
        compact.write(input, u8::is_ascii_alphanumeric, out);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::super::tests_support::{mask, masked, masked_in, text};
    use super::*;
    use crate::masking::checks::card_brand;

    #[test]
    fn numbers_keep_country_and_form() {
        let phone = mask("\"phone\"", "text");
        for (raw, head) in [
            ("+49 (30) 901820-0", "+49 (3"),
            ("+1-202-555-0143", "+1-2"),
            ("0049 30 901820", "0049 3"),
            ("030 901820", "03"),
            ("+353 1 679 6700 ext. 12", "+353 1 "),
        ] {
            let out = text(&phone, raw);
            assert!(
                out.starts_with(head) && out != raw && out.len() == raw.len(),
                "{raw} {out}"
            );
        }
        for bad in ["call Bob at 5551234567", "+4930", "—", "12"] {
            assert!(masked_in(&phone, 1, bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn bad_numbers_are_refused() {
        let card = mask("\"card_number\"", "text");
        for bad in ["4111111111111112", "0000000000000000", "card", "4111 1111"] {
            assert!(masked_in(&card, 1, bad.as_bytes()).is_err(), "{bad}");
        }
        let iban = mask("\"iban\"", "text");
        for bad in ["DE88370400440532013000", "DE", "XX89370400440532013000"] {
            assert!(masked_in(&iban, 1, bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn cards_as_numbers_and_as_text_agree() {
        let number = 4_111_111_111_111_111_i64;
        let out = masked(&mask("\"card_number\"", "bigint"), &number.to_be_bytes());
        let out = i64::from_be_bytes(out.try_into().unwrap()).to_string();
        assert_eq!(
            out,
            text(&mask("\"card_number\"", "text"), "4111111111111111")
        );
    }

    proptest! {
        #[test]
        fn cards_stay_cards(account in 0_u64..1_000_000_000, other in 0_u64..1_000_000_000) {
            let card = |account: u64| {
                let body = format!("411111{account:09}");
                let digits: Vec<u8> = body.bytes().map(|b| b - b'0').collect();
                format!("{body}{}", luhn_digit(&digits))
            };
            let mask = mask("\"card_number\"", "text");
            let (a, b) = (text(&mask, &card(account)), text(&mask, &card(other)));
            prop_assert!(is_card(&a) && a.starts_with("411111") && a != card(account));
            prop_assert_eq!(a == b, account == other);
            let digits: Vec<u8> = a.bytes().map(|b| b - b'0').collect();
            prop_assert!(card_brand(&digits).is_some());
        }

        #[test]
        fn ibans_stay_ibans(account in "[0-9]{18}", other in "[0-9]{18}") {
            let iban = |account: &str| {
                let check = iban_check_digits(b"DE", account.as_bytes()).unwrap();
                format!("DE{check:02} {account}")
            };
            let mask = mask("\"iban\"", "text");
            let (a, b) = (text(&mask, &iban(&account)), text(&mask, &iban(&other)));
            prop_assert!(is_iban(&a) && a.starts_with("DE") && a != iban(&account));
            prop_assert_eq!(a == b, account == other);
        }

        #[test]
        fn phones_are_one_to_one(national in 1_000_000_000_u64..9_999_999_999) {
            let mask = mask("\"phone\"", "text");
            let raw = format!("+44{national}");
            let out = text(&mask, &raw);
            prop_assert!(out != raw && out.starts_with(&raw[..4]) && out.len() == raw.len());
            prop_assert!(out[1..].bytes().all(|byte| byte.is_ascii_digit()));
            let other = format!("+44{}", national - 1);
            prop_assert_ne!(text(&mask, &other), out);
        }
    }

    #[test]
    fn a_whole_block_of_numbers_is_permuted() {
        let mask = mask("\"phone\"", "text");
        let seen: HashSet<_> = (0..10_000)
            .map(|i| text(&mask, &format!("+1 2{i:04}")))
            .collect();
        assert_eq!(seen.len(), 10_000);
    }
}
