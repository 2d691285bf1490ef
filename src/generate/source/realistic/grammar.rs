//! Texts put together from parts, each a choice: a number of the whole is a digit for each part.

use std::fmt::Write as _;

use super::check::{iban, luhn};
use super::lists::{List, words};
use super::locale::Locale;
use crate::generate::source::numbered::Spell;
use crate::generate::stream::stir;

/// Most choices of one run of letters: as many as leave room for other parts.
const LETTERS: u64 = 1 << 40;

/// A part of a text.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// Always the same.
    Text(&'static str),
    /// One of some words, the short ones first.
    Words(&'static [String]),
    /// One of some fixed texts.
    Fixed(&'static [&'static str]),
    /// A number from `from` on, with zeros before it to `width` digits.
    Number { from: u64, count: u64, width: usize },
    /// As many characters of an alphabet.
    Letters {
        alphabet: &'static [u8],
        length: usize,
    },
}

/// What is done to the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finish {
    /// Nothing.
    None,
    /// A check digit is added (ISO/IEC 7812-1, the Luhn formula).
    Luhn,
    /// The third and fourth character become check digits (ISO 13616).
    Iban,
}

/// Texts of some parts.
#[derive(Debug, Clone)]
pub(super) struct Grammar {
    parts: Vec<Part>,
    finish: Finish,
}

impl Part {
    pub(super) fn list(list: List, locale: Locale) -> Self {
        Self::Words(words(list, locale, false))
    }

    pub(super) fn plain(list: List, locale: Locale) -> Self {
        Self::Words(words(list, locale, true))
    }

    fn size(&self) -> u64 {
        match self {
            Self::Text(_) => 1,
            Self::Words(words) => words.len() as u64,
            Self::Fixed(texts) => texts.len() as u64,
            Self::Number { count, .. } => *count,
            Self::Letters { alphabet, length } => {
                let length = u32::try_from(*length).unwrap_or(u32::MAX);
                (alphabet.len() as u64)
                    .checked_pow(length)
                    .map_or(LETTERS, |size| size.min(LETTERS))
            }
        }
    }

    /// Characters of its longest text.
    fn longest(&self) -> usize {
        match self {
            Self::Text(text) => text.chars().count(),
            Self::Words(words) => words.last().map_or(0, |word| word.chars().count()),
            Self::Fixed(texts) => texts.iter().map(|t| t.chars().count()).max().unwrap_or(0),
            Self::Number { from, count, width } => {
                let last = from.saturating_add(*count).saturating_sub(1);
                (last.max(1).ilog10() as usize + 1).max(*width)
            }
            Self::Letters { length, .. } => *length,
        }
    }

    fn write(&self, digit: u64, number: u64, out: &mut String) {
        match self {
            Self::Text(text) => out.push_str(text),
            Self::Words(words) => {
                out.push_str(words.get(digit as usize).map_or("", String::as_str));
            }
            Self::Fixed(texts) => out.push_str(texts.get(digit as usize).copied().unwrap_or("")),
            Self::Number { from, width, .. } => {
                let _ = write!(out, "{:0width$}", from + digit);
            }
            Self::Letters { alphabet, length } => {
                let (base, mut rest, mut left) = (alphabet.len() as u64, digit, self.size());
                for place in 0..*length {
                    let at = if left > 1 {
                        rest
                    } else {
                        stir(number ^ (place as u64) << 48)
                    };
                    rest /= base;
                    left = left.div_ceil(base);
                    out.push(char::from(alphabet[(at % base) as usize]));
                }
            }
        }
    }
}

impl Grammar {
    pub(super) fn new(parts: Vec<Part>) -> Self {
        Self {
            parts,
            finish: Finish::None,
        }
    }

    pub(super) fn finish(mut self, finish: Finish) -> Self {
        self.finish = finish;
        self
    }

    /// Characters of its longest text.
    fn longest(&self) -> usize {
        let parts: usize = self.parts.iter().map(Part::longest).sum();
        parts + usize::from(self.finish == Finish::Luhn)
    }

    /// The same with words so short that every text fits into `room` characters.
    pub(super) fn fit(mut self, room: usize) -> Option<Self> {
        let mut cap = self.longest();
        while self.longest() > room {
            cap = cap.checked_sub(1)?;
            for part in &mut self.parts {
                if let Part::Words(words) = part {
                    let kept = words.partition_point(|word| word.chars().count() <= cap);
                    *words = &words[..kept];
                }
            }
            if self.size() == 0 {
                return None;
            }
        }
        Some(self)
    }
}

impl Spell for Grammar {
    fn size(&self) -> u64 {
        let sizes = self.parts.iter().map(Part::size);
        sizes.fold(1, u64::saturating_mul)
    }

    fn spell(&self, number: u64, out: &mut String) {
        let mut rest = number;
        for part in &self.parts {
            let size = part.size().max(1);
            part.write(rest % size, number, out);
            rest /= size;
        }
        match self.finish {
            Finish::None => {}
            Finish::Luhn => out.push(luhn(out)),
            Finish::Iban => iban(out),
        }
    }

    fn length(&self) -> usize {
        self.longest()
    }
}
