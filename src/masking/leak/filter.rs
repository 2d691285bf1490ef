//! The set of what is sought.

use super::entry::{Entry, Shape};
use super::identifying::Form;
use super::key::RunKey;
use super::search::MAX_DIGITS;
use crate::masking::Class;

/// Entries of one filter at most: with 8 bytes an entry at a load of 5/8 to the power of two above,
/// the table has 128 MiB. More values are sought in several passes.
const MAX_ENTRIES: usize = 10 << 20;
/// The lowest bits of an entry hold the class.
const CLASS_BITS: u64 = 63;
/// The class of an entry that is only the beginning of a sequence.
const BEGINNING: u64 = 63;
/// Bits of the first stage for one entry.
const BITS_PER_ENTRY: usize = 16;

/// The filter cannot hold more: the values must be split over twice the passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FilterFull;

/// A keyed set of identifying values. Two stages: a small blocked Bloom filter (Putze, Sanders,
/// Singler 2007; one machine word a key) that stays in the cache and turns away nearly everything,
/// then a table of 58-bit hashes with the class in the lowest bits. No false negatives.
#[derive(Debug)]
pub struct Filter {
    pub(super) key: RunKey,
    table: Vec<u64>,
    entries: usize,
    values: u64,
    bloom: Vec<u64>,
    /// Numbers of each length, for what chance explains.
    numbers: [u64; MAX_DIGITS + 1],
    /// A bit for each length of numbers.
    number_lengths: u32,
    /// A bit for each length of single words: without and with a digit.
    word_lengths: [u64; 2],
    part: (u64, u64),
}

impl Filter {
    /// An empty filter of pass `part.0` of `part.1`, a power of two: it takes only values whose
    /// hash falls into the pass.
    #[must_use]
    pub fn new(key: RunKey, part: (u64, u64)) -> Self {
        Self {
            key,
            table: vec![0; 1 << 10],
            entries: 0,
            values: 0,
            bloom: Vec::new(),
            numbers: [0; MAX_DIGITS + 1],
            number_lengths: 0,
            word_lengths: [0; 2],
            part: (part.0, part.1.next_power_of_two()),
        }
    }

    /// Takes one form of a value.
    ///
    /// # Errors
    /// [`FilterFull`] when the bound on memory is reached.
    pub fn insert(&mut self, class: Class, form: &Form<'_>) -> Result<(), FilterFull> {
        match Entry::of(&self.key, class, form) {
            Some(entry) => self.take(&entry, false),
            None => Ok(()),
        }
    }

    /// Takes a form that was hashed under the same key.
    ///
    /// # Errors
    /// As [`Filter::insert`].
    pub fn insert_entry(&mut self, entry: &Entry) -> Result<(), FilterFull> {
        self.take(entry, false)
    }

    /// Takes a form that was hashed under the same key, whatever pass the filter is of; it is not
    /// counted.
    ///
    /// # Errors
    /// As [`Filter::insert`].
    pub fn insert_always(&mut self, entry: &Entry) -> Result<(), FilterFull> {
        self.take(entry, true)
    }

    fn take(&mut self, entry: &Entry, always: bool) -> Result<(), FilterFull> {
        self.bloom.clear();
        if !always && !self.mine(entry.hash) {
            return Ok(());
        }
        let new = self.put(entry.hash, entry.class as u64)?;
        self.values += u64::from(new && !always);
        match entry.shape {
            Shape::Number(digits) => {
                self.number_lengths |= 1 << digits;
                self.numbers[digits.min(MAX_DIGITS)] += u64::from(new);
            }
            Shape::Word(length, digit) => {
                self.word_lengths[usize::from(digit)] |= 1 << length.min(63);
            }
            Shape::Sequence(beginning) => {
                self.put(beginning, BEGINNING)?;
            }
        }
        Ok(())
    }

    /// Whether a single word of so many bytes may be sought.
    #[inline]
    pub(super) fn seeks_word(&self, length: u32, digit: bool) -> bool {
        self.word_lengths[usize::from(digit)] >> length.min(63) & 1 == 1
    }

    /// The lengths of the numbers that are sought, a bit for each.
    #[inline]
    pub(super) fn number_lengths(&self) -> u32 {
        self.number_lengths
    }

    /// Ends the building: makes the first stage.
    pub fn seal(&mut self) {
        let words = (self.entries.max(64) * BITS_PER_ENTRY / 64).next_power_of_two();
        self.bloom = vec![0; words];
        for i in 0..self.table.len() {
            let entry = self.table[i];
            if entry != 0 {
                let (word, bits) = self.block(entry | CLASS_BITS);
                self.bloom[word] |= bits;
            }
        }
    }

    /// How many distinct forms of values it holds.
    #[must_use]
    pub fn values(&self) -> u64 {
        self.values
    }

    /// How many numbers of so many digits it holds.
    #[must_use]
    pub fn numbers(&self, digits: usize) -> u64 {
        self.numbers.get(digits).copied().unwrap_or(0)
    }

    /// Bytes of memory that it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        (self.table.len() + self.bloom.len()) * 8
    }

    /// The key of the run.
    #[must_use]
    pub fn key(&self) -> &RunKey {
        &self.key
    }

    /// The class of the value with this hash; `None` when it is none.
    #[inline]
    pub(super) fn class(&self, hash: u64) -> Option<Class> {
        let entry = self.entry(hash)?;
        Class::ALL
            .get(usize::try_from(entry & CLASS_BITS).ok()?)
            .copied()
    }

    /// Whether a sequence with this beginning is sought.
    #[inline]
    pub(super) fn begins(&self, hash: u64) -> bool {
        self.entry(hash).is_some()
    }

    #[inline]
    fn entry(&self, hash: u64) -> Option<u64> {
        let hash = hash | CLASS_BITS;
        if !self.bloom.is_empty() {
            let (word, bits) = self.block(hash);
            if self.bloom[word] & bits != bits {
                return None;
            }
        }
        let mut slot = self.slot(hash);
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                return None;
            }
            if entry | CLASS_BITS == hash {
                return Some(entry);
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
    }

    fn mine(&self, hash: u64) -> bool {
        (hash >> 40) & (self.part.1 - 1) == self.part.0
    }

    /// Where probing begins: the top bits.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "shifted below the table's size"
    )]
    fn slot(&self, hash: u64) -> usize {
        (hash >> (64 - self.table.len().trailing_zeros())) as usize
    }

    /// The word of the first stage and four bits of it.
    #[allow(clippy::cast_possible_truncation, reason = "masked to the size")]
    fn block(&self, hash: u64) -> (usize, u64) {
        let word = (hash >> 6) as usize & (self.bloom.len() - 1);
        let mix = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let bits = 1_u64 << (mix & 63)
            | 1 << (mix >> 8 & 63)
            | 1 << (mix >> 16 & 63)
            | 1 << (mix >> 58 & 63);
        (word, bits)
    }

    /// Puts an entry; whether it is new.
    fn put(&mut self, hash: u64, class: u64) -> Result<bool, FilterFull> {
        if (self.entries + 1) * 8 > self.table.len() * 5 {
            self.grow()?;
        }
        let mut slot = self.slot(hash | CLASS_BITS);
        loop {
            let entry = self.table[slot];
            if entry == 0 {
                self.table[slot] = hash & !CLASS_BITS | class;
                self.entries += 1;
                return Ok(true);
            }
            if entry | CLASS_BITS == hash | CLASS_BITS {
                let known = usize::try_from(entry & CLASS_BITS).unwrap_or(usize::MAX);
                let soft = Class::ALL.get(known).is_some_and(|c| super::coincides(*c));
                if soft {
                    // The stricter class decides about a value that is of two.
                    self.table[slot] = hash & !CLASS_BITS | class;
                }
                return Ok(false);
            }
            slot = (slot + 1) & (self.table.len() - 1);
        }
    }

    fn grow(&mut self) -> Result<(), FilterFull> {
        if self.entries >= MAX_ENTRIES {
            return Err(FilterFull);
        }
        let old = std::mem::take(&mut self.table);
        self.table = vec![0; old.len() * 2];
        for entry in old.into_iter().filter(|entry| *entry != 0) {
            let mut slot = self.slot(entry | CLASS_BITS);
            while self.table[slot] != 0 {
                slot = (slot + 1) & (self.table.len() - 1);
            }
            self.table[slot] = entry;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::identifying::FormKind;
    use super::super::key::test_key;
    use super::super::{Searcher, forms};
    use super::*;
    use proptest::prelude::*;

    fn filled(values: &[(Class, String)], part: (u64, u64)) -> Filter {
        let mut filter = Filter::new(test_key(9), part);
        for (class, value) in values {
            forms(*class, value, &mut |_, form| {
                filter.insert(*class, &form).unwrap();
            });
        }
        filter.seal();
        filter
    }

    fn found(filter: &Filter, text: &str) -> Vec<Class> {
        let mut classes = Vec::new();
        Searcher::default().search(filter, text.as_bytes(), &mut |hit| classes.push(hit.class));
        classes
    }

    #[test]
    fn growth_loses_nothing_and_parts_cover_everything() {
        let values: Vec<_> = (0..5_000)
            .map(|i| (Class::Email, format!("user{i}@corp{}.example", i % 7)))
            .collect();
        let whole = filled(&values, (0, 1));
        let parts: Vec<_> = (0..4).map(|i| filled(&values, (i, 4))).collect();
        assert_eq!(whole.values(), 5_000);
        assert_eq!(parts.iter().map(Filter::values).sum::<u64>(), 5_000);
        for (_, value) in &values {
            assert_eq!(found(&whole, value), [Class::Email], "{value}");
            let hits: usize = parts.iter().map(|part| found(part, value).len()).sum();
            assert_eq!(hits, 1, "{value}");
        }
        assert_eq!(found(&whole, "user5000@corp2.example"), []);
    }

    #[test]
    fn an_unsealed_filter_finds_the_same() {
        let mut filter = Filter::new(test_key(9), (0, 1));
        let form = Form {
            kind: FormKind::Words,
            text: "Ann Miller".into(),
        };
        filter.insert(Class::PersonName, &form).unwrap();
        assert_eq!(found(&filter, "x ann miller y"), [Class::PersonName]);
    }

    proptest! {
        #[test]
        fn no_false_negatives(
            names in proptest::collection::vec("[A-Za-zäöüßéç]{3,9}( |-)[A-Za-zäöüßéç]{3,12}", 1..200),
            before in "\\PC{0,20}",
            after in "\\PC{0,20}",
        ) {
            let values: Vec<_> = names.iter().map(|n| (Class::PersonName, n.clone())).collect();
            let filter = filled(&values, (0, 1));
            for name in &names {
                for text in [
                    format!("{before} {name}, {after}"),
                    format!("{{\"n\":\"{}\"}}", name.to_uppercase().to_lowercase()),
                ] {
                    prop_assert!(found(&filter, &text).contains(&Class::PersonName), "{}", text);
                }
            }
        }
    }
}
