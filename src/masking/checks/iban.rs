//! IBANs: ISO 13616, check digits by ISO 7064 MOD 97-10.

/// Length by country: the SWIFT IBAN registry.
const LENGTHS: &[(&str, u8)] = &[
    ("AD", 24),
    ("AE", 23),
    ("AL", 28),
    ("AT", 20),
    ("AZ", 28),
    ("BA", 20),
    ("BE", 16),
    ("BG", 22),
    ("BH", 22),
    ("BI", 27),
    ("BR", 29),
    ("BY", 28),
    ("CH", 21),
    ("CR", 22),
    ("CY", 28),
    ("CZ", 24),
    ("DE", 22),
    ("DJ", 27),
    ("DK", 18),
    ("DO", 28),
    ("EE", 20),
    ("EG", 29),
    ("ES", 24),
    ("FI", 18),
    ("FK", 18),
    ("FO", 18),
    ("FR", 27),
    ("GB", 22),
    ("GE", 22),
    ("GI", 23),
    ("GL", 18),
    ("GR", 27),
    ("GT", 28),
    ("HN", 28),
    ("HR", 21),
    ("HU", 28),
    ("IE", 22),
    ("IL", 23),
    ("IQ", 23),
    ("IS", 26),
    ("IT", 27),
    ("JO", 30),
    ("KW", 30),
    ("KZ", 20),
    ("LB", 28),
    ("LC", 32),
    ("LI", 21),
    ("LT", 20),
    ("LU", 20),
    ("LV", 21),
    ("LY", 25),
    ("MC", 27),
    ("MD", 24),
    ("ME", 22),
    ("MK", 19),
    ("MN", 20),
    ("MR", 27),
    ("MT", 31),
    ("MU", 30),
    ("NI", 28),
    ("NL", 18),
    ("NO", 15),
    ("OM", 23),
    ("PK", 24),
    ("PL", 28),
    ("PS", 29),
    ("PT", 25),
    ("QA", 29),
    ("RO", 24),
    ("RS", 22),
    ("RU", 33),
    ("SA", 24),
    ("SC", 31),
    ("SD", 18),
    ("SE", 24),
    ("SI", 19),
    ("SK", 24),
    ("SM", 27),
    ("SO", 23),
    ("ST", 25),
    ("SV", 28),
    ("TL", 23),
    ("TN", 24),
    ("TR", 26),
    ("UA", 29),
    ("VA", 22),
    ("VG", 24),
    ("XK", 20),
    ("YE", 30),
];

/// Characters of a country's IBANs; `None` when the country has none.
#[must_use]
pub fn iban_length(country: &str) -> Option<usize> {
    let place = LENGTHS.binary_search_by(|(name, _)| (*name).cmp(country));
    place.ok().map(|i| usize::from(LENGTHS[i].1))
}

/// The two check digits, 2 to 98, of a country's account; `None` for other characters than
/// digits and capital letters.
#[must_use]
pub fn iban_check_digits(country: &[u8], account: &[u8]) -> Option<u8> {
    let rest = mod97(account.iter().chain(country).chain(b"00"))?;
    Some((98 - rest) as u8)
}

/// Whether a text is an IBAN, in capital letters, perhaps in groups with spaces.
#[must_use]
pub fn is_iban(text: &str) -> bool {
    let mut bytes = [0_u8; 34];
    let mut count = 0;
    for byte in text.bytes().filter(|byte| *byte != b' ') {
        if count == bytes.len() {
            return false;
        }
        bytes[count] = byte;
        count += 1;
    }
    let bytes = &bytes[..count];
    let Some((head, account)) = bytes.split_at_checked(4) else {
        return false;
    };
    let Ok(country) = std::str::from_utf8(&head[..2]) else {
        return false;
    };
    head[2..].iter().all(u8::is_ascii_digit)
        && iban_length(country) == Some(count)
        && iban_check_digits(&head[..2], account) == Some((head[2] - b'0') * 10 + head[3] - b'0')
}

/// The number that letters (A = 10) and digits spell, modulo 97.
fn mod97<'a>(bytes: impl Iterator<Item = &'a u8>) -> Option<u32> {
    let mut rest = 0_u32;
    for byte in bytes {
        rest = match byte {
            b'0'..=b'9' => rest * 10 + u32::from(byte - b'0'),
            b'A'..=b'Z' => rest * 100 + u32::from(byte - b'A') + 10,
            _ => return None,
        } % 97;
    }
    Some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_of_the_registry() {
        for text in [
            "DE89 3704 0044 0532 0130 00",
            "GB29NWBK60161331926819",
            "FR1420041010050500013M02606",
            "NO9386011117947",
            "MT84MALT011000012345MTLCAST001S",
        ] {
            assert!(is_iban(text), "{text}");
        }
        for text in [
            "",
            "DE",
            "DE88370400440532013000",
            "de89370400440532013000",
            "XX893704004405",
        ] {
            assert!(!is_iban(text), "{text}");
        }
        assert!(LENGTHS.is_sorted());
    }
}
