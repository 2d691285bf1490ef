//! Searching a text for what a filter holds.

use super::digest::Token;
use super::digits;
use super::entry::{TAG_BEGINNING, TAG_DIGITS, TAG_SEQUENCE, TAG_WORD};
use super::filter::Filter;
use super::identifying::FormKind;
use super::key::WordHash;
use super::words::{Word, canonical, words};
use crate::masking::Class;

/// Words of a sequence that count; the rest of a longer value is not looked at.
pub(super) const MAX_WORDS: usize = 12;
/// The longest number that is sought, in digits.
pub const MAX_DIGITS: usize = digits::MAX;
/// Shorter words are never sought alone.
pub(super) const MIN_WORD: usize = 7;

/// Something that the filter knows, at a place of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hit {
    /// The class of the value.
    pub class: Class,
    /// Its hash in the filter.
    pub hash: u64,
    /// Words or digits.
    pub kind: FormKind,
    /// Where it begins, in bytes.
    pub start: usize,
    /// Where it ends.
    pub end: usize,
    /// How many digits a number has; 0 for words.
    pub digits: usize,
}

impl Hit {
    /// The bytes by which the hit is confirmed: canonical words, or digits.
    #[must_use]
    pub fn canonical(&self, text: &[u8]) -> Vec<u8> {
        let slice = text.get(self.start..self.end).unwrap_or_default();
        match self.kind {
            FormKind::Words => canonical(slice),
            FormKind::Compact => canonical(slice)
                .into_iter()
                .filter(|byte| *byte != b' ')
                .collect(),
            FormKind::Digits => digits::digits_of(slice),
        }
    }
}

/// A sequence that has begun.
#[derive(Debug, Clone, Copy)]
struct Open {
    state: u64,
    start: usize,
    words: usize,
}

/// Searches texts; keeps its buffers and counts the numbers it has looked up.
#[derive(Debug, Default)]
pub struct Searcher {
    open: Vec<Open>,
    /// Numbers looked up, by length: what chance may explain grows with them.
    pub probes: [u64; MAX_DIGITS + 1],
    /// What looked like a digest since this was emptied.
    pub tokens: Vec<Token>,
}

/// Words that only signs of Base64's alphabets keep apart.
#[derive(Debug, Clone, Copy, Default)]
struct Run {
    start: usize,
    end: usize,
}

impl Run {
    /// Takes the next word; the run that ends before it.
    #[inline]
    fn take(&mut self, word: &Word, text: &[u8]) -> Option<Self> {
        let gap = &text[self.end.min(word.start)..word.start];
        if gap.len() <= 4 && gap.iter().all(|byte| is_sign(*byte)) && self.end > 0 {
            self.end = word.end;
            return None;
        }
        let signs = gap
            .iter()
            .rev()
            .take(4)
            .take_while(|byte| is_sign(**byte))
            .count();
        let done = *self;
        *self = Self {
            start: word.start - signs,
            end: word.end,
        };
        Some(done)
    }

    /// What it holds, with signs that stand behind it.
    fn token(self, text: &[u8]) -> Option<Token> {
        let rest = text.get(self.end..)?;
        let signs = rest
            .iter()
            .take(4)
            .take_while(|byte| is_sign(**byte))
            .count();
        let run = text.get(self.start..self.end + signs)?;
        if (20..=64).contains(&run.len()) {
            Token::of_word(run)
        } else {
            None
        }
    }
}

#[inline]
fn is_sign(byte: u8) -> bool {
    matches!(byte, b'+' | b'/' | b'-' | b'_')
}

impl Searcher {
    /// Calls `found` for everything in `text` that the filter knows.
    pub fn search(&mut self, filter: &Filter, text: &[u8], found: &mut dyn FnMut(Hit)) {
        let key = &filter.key;
        let mut digit_count = 0;
        let mut account = false;
        let mut last: Option<Word> = None;
        let mut run = Run::default();
        let (open, tokens) = (&mut self.open, &mut self.tokens);
        open.clear();
        words(text, key, |word| {
            digit_count += word.digits;
            if let Some(done) = run.take(&word, text) {
                tokens.extend(done.token(text));
            }
            account = account || begins_account(&word, text);
            let mut report = |hash, start, kind| {
                if let Some(class) = filter.class(hash)
                    && plausible(class, text, start, word.end)
                {
                    let end = word.end;
                    found(Hit {
                        class,
                        hash,
                        kind,
                        start,
                        end,
                        digits: 0,
                    });
                }
            };
            if filter.seeks_word(word.folded, word.digits > 0) {
                report(key.finish(word.hash, TAG_WORD), word.start, FormKind::Words);
            }
            open.retain_mut(|open| {
                open.state = key.then(open.state, word.hash);
                open.words += 1;
                report(
                    key.finish(open.state, TAG_SEQUENCE),
                    open.start,
                    FormKind::Words,
                );
                open.words < MAX_WORDS
            });
            if let Some(first) = last {
                let state = key.then(key.then(key.empty(), first.hash), word.hash);
                if filter.begins(key.finish(state, TAG_BEGINNING)) {
                    report(
                        key.finish(state, TAG_SEQUENCE),
                        first.start,
                        FormKind::Words,
                    );
                    open.push(Open {
                        state,
                        start: first.start,
                        words: 2,
                    });
                }
            }
            last = Some(word);
        });
        tokens.extend(run.token(text));
        if digit_count as usize >= digits::MIN {
            if filter.number_lengths() > 0 {
                self.numbers(filter, text, found);
            }
            if account {
                compact(filter, text, found);
            }
        }
    }

    fn numbers(&mut self, filter: &Filter, text: &[u8], found: &mut dyn FnMut(Hit)) {
        digits::numbers(text, (&filter.key, filter.number_lengths()), |number| {
            self.probes[number.digits.min(MAX_DIGITS)] += 1;
            let hash = filter.key.finish(number.hash, TAG_DIGITS);
            if let Some(class) = filter.class(hash) {
                found(Hit {
                    class,
                    hash,
                    kind: FormKind::Digits,
                    start: number.start,
                    end: number.end,
                    digits: number.digits,
                });
            }
        });
    }
}

/// Words alone do not make an address: `info shop de` is not `info@shop.de`.
fn plausible(class: Class, text: &[u8], start: usize, end: usize) -> bool {
    class != Class::Email
        || text[start..end]
            .windows(3)
            .any(|part| part.contains(&b'@') || part == b"%40")
}

/// Two letters and two digits begin an account number (ISO 13616).
fn begins_account(word: &Word, text: &[u8]) -> bool {
    word.digits == 2
        && word.folded == 4
        && word.end - word.start == 4
        && text[word.start].is_ascii_alphabetic()
        && text[word.start + 1].is_ascii_alphabetic()
}

/// Account numbers in groups: `DE89 3704 0044 0532 0130 00`; at most 34 characters long.
fn compact(filter: &Filter, text: &[u8], found: &mut dyn FnMut(Hit)) {
    let key = &filter.key;
    let mut begun: Vec<(usize, WordHash)> = Vec::new();
    words(text, key, |word| {
        let slice = &text[word.start..word.end];
        begun.retain_mut(|(start, hash)| {
            for byte in slice {
                hash.push(byte.to_ascii_lowercase());
            }
            if filter.seeks_word(hash.bytes(), true) {
                let whole = key.finish(hash.finish(), TAG_WORD);
                if let Some(class) = filter.class(whole) {
                    found(Hit {
                        class,
                        hash: whole,
                        kind: FormKind::Compact,
                        start: *start,
                        end: word.end,
                        digits: 0,
                    });
                }
            }
            hash.bytes() < 34 && slice.len() <= 5
        });
        if begins_account(&word, text) {
            let mut hash = key.word();
            slice
                .iter()
                .for_each(|byte| hash.push(byte.to_ascii_lowercase()));
            begun.push((word.start, hash));
        }
    });
}

#[cfg(test)]
mod tests {
    use super::super::key::test_key;
    use super::super::{forms, identifying::Form};
    use super::*;

    fn filter(values: &[(Class, &str)]) -> Filter {
        let mut filter = Filter::new(test_key(4), (0, 1));
        for (class, value) in values {
            forms(*class, value, &mut |class, form: Form<'_>| {
                filter.insert(class, &form).unwrap();
            });
        }
        filter.seal();
        filter
    }

    fn classes(filter: &Filter, text: &str) -> Vec<Class> {
        let mut all = Vec::new();
        Searcher::default().search(filter, text.as_bytes(), &mut |hit| {
            assert!(!hit.canonical(text.as_bytes()).is_empty());
            all.push(hit.class);
        });
        all
    }

    #[test]
    fn values_are_found_inside_of_texts() {
        let filter = filter(&[
            (Class::Email, "Ann.Miller@corp.example"),
            (Class::PersonName, "Ann Miller"),
            (Class::Iban, "DE89 3704 0044 0532 0130 00"),
            (Class::Phone, "+49 30 1234567"),
            (Class::Secret, "s3cr3t-t0ken-value-77"),
        ]);
        for (text, class) in [
            ("write to <ann.miller@CORP.example>!", Class::Email),
            ("{\"who\": \"MILLER, Ann\"}", Class::PersonName),
            ("iban=de89370400440532013000;", Class::Iban),
            ("pay DE89 3704 0044 0532 0130 00 now", Class::Iban),
            ("0049 (30) 1234-567", Class::Phone),
            ("{\"t\":\"s3cr3t-t0ken-value-77\"}", Class::Secret),
        ] {
            assert!(classes(&filter, text).contains(&class), "{text}");
        }
        for text in [
            "ann of miller",
            "ann miller corp example",
            "Ann",
            "de89370400440532013001",
            "30 123456",
        ] {
            assert!(!classes(&filter, text).contains(&Class::Email), "{text}");
            assert!(!classes(&filter, text).contains(&Class::Iban), "{text}");
            assert!(!classes(&filter, text).contains(&Class::Phone), "{text}");
        }
        assert_eq!(classes(&filter, "ann of miller"), []);
    }

    #[test]
    fn what_looks_like_a_digest_is_noted() {
        let filter = filter(&[(Class::Email, "ann@corp.example")]);
        let md5 = "0cc175b9c0f1b6a831c399e269772661";
        for (text, count) in [
            (md5.to_owned(), 1),
            (format!("{{\"h\": \"{md5}\", \"i\": \"x{md5}\"}}"), 1),
            // Base64 with signs at both ends and inside.
            ("/JB1fKxNgVPhmsNpoCh7+g==".to_owned(), 1),
            ("a DMF1ucDxtqgxw5niaXcmYQ== b".to_owned(), 1),
            ("no digest in this text-of-many_words/at/all".to_owned(), 0),
        ] {
            let mut searcher = Searcher::default();
            searcher.search(&filter, text.as_bytes(), &mut |_| ());
            assert_eq!(searcher.tokens.len(), count, "{text}");
        }
    }

    #[test]
    fn overlapping_sequences_are_all_found() {
        let filter = filter(&[
            (Class::PersonName, "Ann Lee"),
            (Class::PersonName, "Lee Ann Miller"),
            (Class::PersonName, "Ann Miller"),
        ]);
        assert_eq!(
            classes(&filter, "Ann Lee Ann Miller").len(),
            4,
            "with Lee, Ann"
        );
    }
}
