//! Unsalted digests of values that can be guessed. A phone number, a card or a date of birth has so
//! few values that whoever sees `sha256(value)` finds the value by trying them all; an e-mail address
//! is looked up in lists. So a digest of a raw value is a leak as the value is.
//!
//! It is sought the other way round, so that it costs nothing where there is none: whatever looks
//! like a digest in the target is remembered, and only then values are hashed and looked up.

use std::collections::HashMap;

use base64::Engine as _;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use md5::Md5;
use sha1::Sha1;
use sha2::{Digest as _, Sha256};

use super::digits;
use crate::masking::Class;

/// Digests that are remembered: above, every second one, then every fourth: a column of digests is
/// still seen. 48 MB.
const MAX_TOKENS: usize = 1 << 20;

/// What a text holds that may be a digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Token {
    /// The first eight bytes.
    head: u64,
    algorithm: Algorithm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Algorithm {
    Md5,
    Sha1,
    Sha256,
}

impl Algorithm {
    const ALL: [Self; 3] = [Self::Md5, Self::Sha1, Self::Sha256];

    const fn bytes(self) -> usize {
        match self {
            Self::Md5 => 16,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    fn head(self, text: &[u8]) -> u64 {
        match self {
            Self::Md5 => head(&Md5::digest(text)),
            Self::Sha1 => head(&Sha1::digest(text)),
            Self::Sha256 => head(&Sha256::digest(text)),
        }
    }
}

fn head(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .take(8)
        .fold(0, |all, byte| all << 8 | u64::from(*byte))
}

impl Token {
    /// Bytes as long as a digest.
    #[must_use]
    pub fn of_bytes(bytes: &[u8]) -> Option<Self> {
        let algorithm = Algorithm::ALL
            .into_iter()
            .find(|one| one.bytes() == bytes.len())?;
        Some(Self {
            head: head(bytes),
            algorithm,
        })
    }

    /// A word of hexadecimal digits, or of the alphabet of Base64 (RFC 4648, either one) without its
    /// padding.
    #[must_use]
    pub fn of_word(word: &[u8]) -> Option<Self> {
        let mut bytes = [0; 33];
        match word.len() {
            32 | 40 | 64 => {
                let bytes = bytes.get_mut(..word.len() / 2)?;
                hex::decode_to_slice(word, bytes).ok()?;
                Self::of_bytes(bytes)
            }
            22 | 27 | 43 => {
                let config = GeneralPurposeConfig::new()
                    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
                    .with_decode_allow_trailing_bits(true);
                let url = word.iter().any(|byte| matches!(byte, b'-' | b'_'));
                let alphabet = if url { &URL_SAFE } else { &STANDARD };
                let engine = GeneralPurpose::new(alphabet, config);
                let length = engine.decode_slice(word, &mut bytes).ok()?;
                Self::of_bytes(bytes.get(..length)?)
            }
            _ => None,
        }
    }
}

/// Whether values of a class are few enough to be guessed from their digest, or stand in lists.
#[must_use]
pub const fn guessable(class: Class) -> bool {
    matches!(
        class,
        Class::Email
            | Class::Phone
            | Class::CardNumber
            | Class::BankAccount
            | Class::Iban
            | Class::NationalId
            | Class::DocumentId
            | Class::BirthDate
            | Class::IpAddress
            | Class::DeviceId
    )
}

/// Digests met in the target, each with the place where it was met first and how often.
#[derive(Debug, Default)]
pub struct Tokens {
    seen: HashMap<Token, (u32, u64)>,
    /// Only digests with so many zeros at the end are remembered.
    thinned: u32,
}

impl Tokens {
    /// Remembers one.
    pub fn add(&mut self, token: Token, place: u32) {
        self.put(token, (place, 1));
    }

    /// Takes in those of another part.
    pub fn merge(&mut self, other: Self) {
        self.thin(other.thinned);
        for (token, seen) in other.seen {
            self.put(token, seen);
        }
    }

    fn put(&mut self, token: Token, (place, count): (u32, u64)) {
        if token.head.trailing_zeros() < self.thinned {
            return;
        }
        self.seen.entry(token).or_insert((place, 0)).1 += count;
        if self.seen.len() > MAX_TOKENS {
            self.thin(self.thinned + 1);
        }
    }

    fn thin(&mut self, zeros: u32) {
        if zeros > self.thinned {
            self.thinned = zeros;
            self.seen
                .retain(|token, _| token.head.trailing_zeros() >= zeros);
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// One of so many digests is remembered.
    #[must_use]
    pub fn one_of(&self) -> u64 {
        1 << self.thinned.min(63)
    }

    /// The digests that this value has and that were met, with place and count. A value is hashed as it
    /// is written, in lower case, as its digits, and as its digits behind a plus.
    pub fn look_up(&self, class: Class, value: &str, found: &mut dyn FnMut(Token, u32, u64)) {
        let value = value.trim();
        if value.is_empty() {
            return;
        }
        let mut look = |text: &[u8]| {
            for algorithm in Algorithm::ALL {
                let head = algorithm.head(text);
                let token = Token { head, algorithm };
                if let Some((place, count)) = self.seen.get(&token) {
                    found(token, *place, *count);
                }
            }
        };
        look(value.as_bytes());
        if value.bytes().any(|byte| byte.is_ascii_uppercase()) {
            look(value.to_lowercase().as_bytes());
        }
        if class == Class::Email {
            return;
        }
        let digits: Vec<u8> = value.bytes().filter(u8::is_ascii_digit).collect();
        let compact: Vec<u8> = value.bytes().filter(u8::is_ascii_alphanumeric).collect();
        if compact != value.as_bytes() {
            look(&compact);
        }
        if digits.len() >= digits::MIN && digits != compact {
            look(&digits);
        }
        if class == Class::Phone && digits.len() >= digits::MIN {
            let international = [b"+".as_slice(), &digits].concat();
            if international != value.as_bytes() {
                look(&international);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(tokens: &Tokens, class: Class, value: &str) -> Vec<(u32, u64)> {
        let mut all = Vec::new();
        tokens.look_up(class, value, &mut |_, place, count| {
            all.push((place, count))
        });
        all
    }

    #[test]
    fn digests_are_known_in_every_writing() {
        // echo -n 912-34-5678 | md5sum, sha1sum, sha256sum.
        let number = "912-34-5678";
        let digests: [Vec<u8>; 3] = [
            Md5::digest(number).to_vec(),
            Sha1::digest(number).to_vec(),
            Sha256::digest(number).to_vec(),
        ];
        for digest in digests {
            let hexadecimal = hex::encode(&digest);
            let engines = [
                base64::engine::general_purpose::STANDARD_NO_PAD,
                base64::engine::general_purpose::URL_SAFE_NO_PAD,
            ];
            let mut writings = vec![hexadecimal.to_uppercase(), hexadecimal];
            writings.extend(engines.iter().map(|engine| engine.encode(&digest)));
            for writing in writings {
                let token = Token::of_word(writing.as_bytes());
                assert_eq!(token, Token::of_bytes(&digest), "{writing}");
                let mut tokens = Tokens::default();
                tokens.add(token.unwrap(), 7);
                assert_eq!(found(&tokens, Class::NationalId, number), [(7, 1)]);
                assert_eq!(found(&tokens, Class::NationalId, "912-34-5679"), []);
            }
        }
        assert_eq!(Token::of_word(b"0123456789abcdef0123456789abcdeg"), None);
        assert_eq!(Token::of_word(b"short"), None);
        assert_eq!(
            hex::encode(Md5::digest("a")),
            "0cc175b9c0f1b6a831c399e269772661"
        );
    }

    #[test]
    fn a_value_is_hashed_in_its_usual_forms() {
        for (class, value, hashed) in [
            (Class::Phone, "+49 30 1234567", "49301234567"),
            (Class::Phone, "0049 30 1234567", "+0049301234567"),
            (Class::Email, "Ann@Corp.Example", "ann@corp.example"),
            (Class::CardNumber, "4111 1111 1111 1111", "4111111111111111"),
            (Class::BirthDate, "1980-02-03", "1980-02-03"),
            (Class::BirthDate, "1980-02-03", "19800203"),
        ] {
            let mut tokens = Tokens::default();
            tokens.add(Token::of_bytes(&Sha256::digest(hashed)).unwrap(), 0);
            assert_eq!(found(&tokens, class, value), [(0, 1)], "{value}");
        }
    }

    #[test]
    fn however_many_there_are_a_column_of_them_is_seen() {
        let mut tokens = Tokens::default();
        let mut other = Tokens::default();
        for i in 0..3 * MAX_TOKENS as u64 {
            let head = i.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let token = Token {
                head,
                algorithm: Algorithm::Md5,
            };
            if i % 2 == 0 {
                tokens.add(token, 0)
            } else {
                other.add(token, 0)
            }
        }
        tokens.merge(other);
        assert!(tokens.seen.len() <= MAX_TOKENS && tokens.one_of() >= 2);
        let hits = (0..1_000).filter(|i| {
            let digest = Md5::digest(i.to_string());
            let mut all = Tokens {
                seen: HashMap::new(),
                thinned: tokens.thinned,
            };
            all.add(Token::of_bytes(&digest).unwrap(), 3);
            !found(&all, Class::Phone, &i.to_string()).is_empty()
        });
        assert!(hits.count() > 100);
    }
}
