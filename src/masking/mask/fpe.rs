//! NIST SP 800-38G FF1.

use std::fmt;

use aes::Aes256;
use fpe::ff1::{FF1, FlexibleNumeralString};

use super::site::{Compiled, Distinct, Site};
use super::text::TextMask;
use crate::error::{Error, Kind};
use crate::masking::prf::Seed;
use crate::masking::{Alphabet, Unmaskable};

pub(super) fn compile(site: &Site<'_>, alphabet: Alphabet) -> Compiled {
    let domain = site.rule.domain.as_deref().unwrap_or("fpe");
    let key = site.key.derive(&format!("fpe/{domain}"))?;
    let symbols = symbols(alphabet);
    let cipher = FF1::new(key.bytes(), symbols.len() as u32)
        .map_err(|_| Error::new(Kind::Internal, "FF1 refused an alphabet"))?;
    site.on_text(Ff1 { cipher, symbols }, Distinct::All)
}

const fn symbols(alphabet: Alphabet) -> &'static [u8] {
    match alphabet {
        Alphabet::Digits => b"0123456789",
        Alphabet::Lower => b"0123456789abcdefghijklmnopqrstuvwxyz",
        Alphabet::Upper => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ",
        Alphabet::Alphanumeric => b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
    }
}

/// The standard's cipher works on vectors: it allocates, and costs some microseconds a value.
struct Ff1 {
    cipher: FF1<Aes256>,
    symbols: &'static [u8],
}

impl fmt::Debug for Ff1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ff1").finish_non_exhaustive()
    }
}

impl Ff1 {
    fn rank(&self, byte: u8) -> Option<u16> {
        self.symbols
            .iter()
            .position(|symbol| *symbol == byte)
            .map(|rank| rank as u16)
    }
}

impl TextMask for Ff1 {
    fn uses_seed(&self) -> bool {
        false
    }

    fn write(&self, input: &str, _: Seed, out: &mut Vec<u8>) -> Result<(), Unmaskable> {
        const SHORT: Unmaskable = Unmaskable {
            reason: "too short for FF1, which needs a million values",
        };
        let foreign =
            |c: char| c.is_alphanumeric() && !(c.is_ascii() && self.rank(c as u8).is_some());
        if input.chars().any(foreign) {
            return Err(Unmaskable {
                reason: "a text with letters or digits that are not of the alphabet",
            });
        }
        let numerals: Vec<u16> = input.bytes().filter_map(|byte| self.rank(byte)).collect();
        let plain = FlexibleNumeralString::from(numerals);
        let masked = self.cipher.encrypt(&[], &plain).map_err(|_| SHORT)?;
        let mut masked = Vec::<u16>::from(masked).into_iter();
        for byte in input.bytes() {
            let new = self.rank(byte).and_then(|_| masked.next());
            out.push(new.map_or(byte, |rank| self.symbols[usize::from(rank)]));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests_support::{mask, masked_in, text};
    use super::*;

    /// Samples 7 and 9 of NIST's FF1samples.pdf (AES-256).
    #[test]
    fn vectors_of_the_standard() {
        let key = hex::decode("2B7E151628AED2A6ABF7158809CF4F3CEF4359D8D580AA4F7F036D6F04FC6A94")
            .unwrap();
        for (alphabet, tweak, plain, expected) in [
            (Alphabet::Digits, "", "0123456789", "6657667009"),
            (
                Alphabet::Digits,
                "39383736353433323130",
                "0123456789",
                "1001623463",
            ),
            (
                Alphabet::Lower,
                "3737373770717273373737",
                "0123456789abcdefghi",
                "xs8a0azh2avyalyzuwd",
            ),
        ] {
            let symbols = symbols(alphabet);
            let cipher: FF1<Aes256> = FF1::new(&key, symbols.len() as u32).unwrap();
            let ff1 = Ff1 { cipher, symbols };
            let numerals: Vec<u16> = plain.bytes().map(|b| ff1.rank(b).unwrap()).collect();
            let tweak = hex::decode(tweak).unwrap();
            let out = ff1
                .cipher
                .encrypt(&tweak, &FlexibleNumeralString::from(numerals))
                .unwrap();
            let out: Vec<u8> = Vec::<u16>::from(out)
                .iter()
                .map(|r| symbols[usize::from(*r)])
                .collect();
            assert_eq!(String::from_utf8(out).unwrap(), expected);
        }
    }

    #[test]
    fn signs_stay_and_short_texts_are_refused() {
        let mask = mask("\"fpe\"", "text");
        let out = text(&mask, "123-456-789");
        assert!(out.as_bytes()[3] == b'-' && out != "123-456-789" && out.len() == 11);
        for bad in ["12345", "12345678a", "1234567ä"] {
            assert!(masked_in(&mask, 1, bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
