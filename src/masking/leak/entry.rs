//! A form of a value as the filter knows it.

use super::digits;
use super::identifying::{Form, FormKind};
use super::key::RunKey;
use super::search::MAX_WORDS;
use super::words::words;
use crate::masking::Class;

/// Tags that keep single words, beginnings, whole sequences and numbers apart.
pub(super) const TAG_WORD: u64 = 1;
pub(super) const TAG_BEGINNING: u64 = 2;
pub(super) const TAG_SEQUENCE: u64 = 3;
pub(super) const TAG_DIGITS: u64 = 4;

/// One form of a value, hashed under the key of a run.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    pub(super) class: Class,
    pub(super) hash: u64,
    pub(super) shape: Shape,
}

/// What tells quickly that something in a text cannot be the value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Shape {
    /// A number of so many digits.
    Number(usize),
    /// One word of so many bytes, case folded; whether a digit is among them.
    Word(u32, bool),
    /// Several words; the hash of the first two.
    Sequence(u64),
}

impl Entry {
    /// Hashes a form; `None` when it has no word.
    #[must_use]
    pub fn of(key: &RunKey, class: Class, form: &Form<'_>) -> Option<Self> {
        let text = form.text.as_bytes();
        if form.kind == FormKind::Digits {
            return Some(Self {
                class,
                hash: key.finish(digits::hash(text, key), TAG_DIGITS),
                shape: Shape::Number(digits::count(text).min(digits::MAX)),
            });
        }
        let (mut state, mut beginning, mut count, mut first) = (key.empty(), 0, 0, None);
        words(text, key, |word| {
            if count < MAX_WORDS {
                state = key.then(state, word.hash);
                count += 1;
                if count == 2 {
                    beginning = state;
                }
                first.get_or_insert(word);
            }
        });
        let first = first?;
        Some(if count == 1 {
            Self {
                class,
                hash: key.finish(first.hash, TAG_WORD),
                shape: Shape::Word(first.folded, first.digits > 0),
            }
        } else {
            Self {
                class,
                hash: key.finish(state, TAG_SEQUENCE),
                shape: Shape::Sequence(key.finish(beginning, TAG_BEGINNING)),
            }
        })
    }

    /// Its hash, equal to that of a [`super::Hit`] on it.
    #[must_use]
    pub fn hash(&self) -> u64 {
        self.hash
    }
}
