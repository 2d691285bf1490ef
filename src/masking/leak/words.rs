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
}

/// Calls `visit` for every word. Bytes that are not UTF-8 separate words, so that raw bytes can be
/// searched, too.
pub(super) fn words(text: &[u8], key: &RunKey, mut visit: impl FnMut(Word)) {
    let mut at = 0;
    while at < text.len() {
        let start = at;
        let mut hash = key.word();
        let mut digits = 0;
        while let Some(step) = step(text, at) {
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
                Step::Other(_) => break,
            }
        }
        if at > start {
            visit(Word {
                hash: hash.finish(),
                start,
                end: at,
                digits,
            });
        }
        if let Some(Step::Other(length)) = step(text, at) {
            at += length;
        }
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
    for lower in letter.to_lowercase() {
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
    fn bytes_that_are_not_utf8_separate() {
        assert_eq!(hashes(b"\xff\xfeann\x80miller\xc3"), hashes(b"ann miller"));
    }

    proptest! {
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
