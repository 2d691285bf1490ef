//! Words: runs of letters and digits, case folded.

use super::key::RunKey;

/// One word of a text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    /// Its keyed hash, case folded.
    pub(super) hash: u64,
    /// Where it begins, in bytes.
    pub(super) start: usize,
    /// Where it ends.
    pub(super) end: usize,
    /// How many digits it has.
    pub(super) digits: u32,
    /// How many bytes it has, case folded.
    pub(super) folded: u32,
}

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = LOW * 0x80;

/// Calls `visit` for every word. Bytes that are not UTF-8 separate words, so that raw bytes can be
/// searched, too.
pub(super) fn words(text: &[u8], key: &RunKey, mut visit: impl FnMut(Word)) {
    let mut at = 0;
    loop {
        at += gap(&text[at..]);
        if at == text.len() {
            return;
        }
        let start = at;
        let mut hash = key.word();
        let mut digits = 0;
        let mut other = 0;
        loop {
            let block = Block::load(text, at);
            if block.run > 0 {
                hash.push_block(block.folded, block.run);
                digits += block.digits;
                at += block.run as usize;
            }
            if block.run == 8 {
                continue;
            }
            if text.get(at).is_none_or(u8::is_ascii) {
                break;
            }
            match step(text, at) {
                Some(Step::Letter(letter)) => {
                    fold(letter, |byte| hash.push(byte));
                    at += letter.len_utf8();
                }
                Some(Step::Other(length)) => {
                    other = length;
                    break;
                }
                _ => break,
            }
        }
        if at > start {
            visit(Word {
                hash: hash.finish(),
                start,
                end: at,
                digits,
                folded: hash.bytes(),
            });
        }
        at += other;
    }
}

/// Length of the ASCII characters in front that are neither letters nor digits.
#[inline]
fn gap(text: &[u8]) -> usize {
    const STOPS: [bool; 256] = {
        let mut stops = [true; 256];
        let mut byte = 0_u8;
        while byte.is_ascii() {
            stops[byte as usize] = byte.is_ascii_alphanumeric();
            byte += 1;
        }
        stops
    };
    text.iter()
        .position(|byte| STOPS[usize::from(*byte)])
        .unwrap_or(text.len())
}

/// The letters and digits that eight bytes begin with.
struct Block {
    /// How many, 0 to 8.
    run: u32,
    /// These, in lower case, the first one lowest; the rest is zero.
    folded: u64,
    /// How many of them are digits.
    digits: u32,
}

impl Block {
    /// All eight bytes at once: additions that carry into the highest bit of each byte compare
    /// (Warren, Hacker's Delight, 6-1).
    #[inline]
    fn load(text: &[u8], at: usize) -> Self {
        let bytes = eight(text, at);
        let lower = bytes | (LOW * 0x20);
        let plain = lower & !HIGH;
        let letters = (plain + LOW * (0x80 - 0x61)) & !(plain + LOW * (0x7f - 0x7a));
        let seven = bytes & !HIGH;
        let digits = (seven + LOW * (0x80 - 0x30)) & !(seven + LOW * (0x7f - 0x39));
        let ascii = !bytes & HIGH;
        let run = (!((letters | digits) & ascii) & HIGH).trailing_zeros() / 8;
        let keep = 1_u64.checked_shl(run * 8).map_or(u64::MAX, |bit| bit - 1);
        Self {
            run,
            folded: lower & keep,
            digits: (digits & ascii & keep).count_ones(),
        }
    }
}

/// The bytes from `at` on, the first one lowest; zeros behind the end.
#[inline]
fn eight(text: &[u8], at: usize) -> u64 {
    let rest = text.get(at..).unwrap_or_default();
    if let Some(chunk) = rest.first_chunk() {
        return u64::from_le_bytes(*chunk);
    }
    match text.last_chunk() {
        // Fewer than eight are left, so that the last ones begin with some that came before.
        Some(chunk) if !rest.is_empty() => u64::from_le_bytes(*chunk) >> ((8 - rest.len()) * 8),
        _ => rest
            .iter()
            .rev()
            .fold(0, |all, byte| all << 8 | u64::from(*byte)),
    }
}

/// The words of a text, case folded and joined by single blanks: what is compared in the end.
#[must_use]
pub fn canonical(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let mut gap = false;
    while let Some(step) = step(text, at) {
        if gap && !out.is_empty() && !matches!(step, Step::Other(_)) {
            out.push(b' ');
        }
        gap = false;
        match step {
            Step::Ascii(byte) => {
                out.push(byte.to_ascii_lowercase());
                at += 1;
            }
            Step::Letter(letter) => {
                fold(letter, |byte| out.push(byte));
                at += letter.len_utf8();
            }
            Step::Other(length) => {
                gap = true;
                at += length;
            }
        }
    }
    out
}

enum Step {
    Ascii(u8),
    Letter(char),
    Other(usize),
}

#[inline]
fn step(text: &[u8], at: usize) -> Option<Step> {
    let byte = *text.get(at)?;
    Some(if byte.is_ascii_alphanumeric() {
        Step::Ascii(byte)
    } else if byte < 0x80 {
        Step::Other(1)
    } else {
        match character(&text[at..]) {
            Some(letter) if letter.is_alphanumeric() => Step::Letter(letter),
            Some(other) => Step::Other(other.len_utf8()),
            None => Step::Other(1),
        }
    })
}

/// The character that `bytes` begin with, when they are UTF-8.
fn character(bytes: &[u8]) -> Option<char> {
    let head = &bytes[..bytes.len().min(4)];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&head[..error.valid_up_to()]).ok()?,
    };
    valid.chars().next()
}

fn fold(letter: char, mut push: impl FnMut(u8)) {
    if matches!(letter, 'ß' | 'ẞ') {
        // Its capital form is mostly written SS.
        b"ss".iter().copied().for_each(push);
        return;
    }
    let mut buffer = [0; 4];
    // `İ` becomes `i` and a combining dot, which is no letter and would end the word.
    for lower in letter
        .to_lowercase()
        .filter(|lower| lower.is_alphanumeric())
    {
        lower.encode_utf8(&mut buffer).bytes().for_each(&mut push);
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::test_key;
    use super::*;
    use proptest::prelude::*;

    fn hashes(text: &[u8]) -> Vec<u64> {
        let mut all = Vec::new();
        words(text, &test_key(3), |word| all.push(word.hash));
        all
    }

    #[test]
    fn case_and_punctuation_do_not_count() {
        assert_eq!(hashes(b"Ann MILLER"), hashes(b" {\"ann\",miller}"));
        assert_eq!(
            hashes("MÜLLER-Özgür".as_bytes()),
            hashes("müller özgür".as_bytes())
        );
        assert_eq!(
            canonical("  Zoë O'Brien, Jr. ".as_bytes()),
            "zoë o brien jr".as_bytes()
        );
        assert_ne!(hashes(b"annmiller"), hashes(b"ann miller"));
    }

    #[test]
    fn a_letter_whose_small_form_is_two_characters_stays_one_word() {
        assert_eq!(canonical("İstanbul".as_bytes()), b"istanbul");
        assert_eq!(hashes("İstanbul".as_bytes()), hashes(b"istanbul"));
    }

    #[test]
    fn bytes_that_are_not_utf8_separate() {
        assert_eq!(hashes(b"\xff\xfeann\x80miller\xc3"), hashes(b"ann miller"));
    }

    proptest! {
        #[test]
        fn eight_bytes_at_once_are_the_same_as_each_alone(
            text in proptest::collection::vec(proptest::prop_oneof![any::<u8>(), b'0'..=b'z'], 0..60)
        ) {
            let key = test_key(3);
            let (mut all, mut at) = (Vec::new(), 0);
            while at < text.len() {
                let (start, mut hash, mut digits) = (at, key.word(), 0);
                let mut other = 0;
                while let Some(step) = step(&text, at) {
                    match step {
                        Step::Ascii(byte) => {
                            digits += u32::from(byte.is_ascii_digit());
                            hash.push(byte.to_ascii_lowercase());
                            at += 1;
                        }
                        Step::Letter(letter) => {
                            fold(letter, |byte| hash.push(byte));
                            at += letter.len_utf8();
                        }
                        Step::Other(length) => {
                            other = length;
                            break;
                        }
                    }
                }
                if at > start {
                    all.push((hash.finish(), start, at, digits, hash.bytes()));
                }
                at += other;
            }
            let mut fast = Vec::new();
            words(&text, &key, |word| fast.push((word.hash, word.start, word.end, word.digits, word.folded)));
            prop_assert_eq!(fast, all);
        }

        #[test]
        fn the_canonical_form_has_the_same_words(text in proptest::collection::vec(any::<u8>(), 0..60)) {
            let once = canonical(&text);
            prop_assert_eq!(hashes(&text), hashes(&once));
            prop_assert_eq!(canonical(&once), once);
        }

        #[test]
        fn any_text_is_tokenized(text in "\\PC{0,40}") {
            prop_assert_eq!(hashes(text.as_bytes()), hashes(&canonical(text.as_bytes())));
        }
    }
}
