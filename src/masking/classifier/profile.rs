//! What the values of a column look like: counts, never values.

use std::collections::{BTreeMap, HashSet};

use super::document;
use super::facts::Family;
use super::value::{COUNTRIES, Kind, kinds, national, year};

/// Distinct values that are told apart in one column, by their hashes.
const DISTINCT: usize = 4_096;

/// Paths that are told apart in the documents of one column.
const PATHS: usize = 200;

/// The path of everything that has no path of its own.
const ELSEWHERE: &str = "$.*";

/// Counts over the sampled values of one column. It holds no value: hashes are made by the caller
/// under a key that ends with the run.
#[derive(Debug, Clone)]
pub struct Profile {
    pub(super) values: u32,
    pub(super) nulls: u32,
    pub(super) counts: [u32; Kind::COUNT],
    pub(super) countries: [u32; COUNTRIES.len()],
    pub(super) hashes: HashSet<u64>,
    /// Lengths of the shortest and the longest value, in characters.
    pub(super) lengths: Option<(usize, usize)>,
    pub(super) leading_zeros: u32,
    pub(super) words: u64,
    /// Numbers with four decimals or more.
    pub(super) fine_decimals: u32,
    /// The largest amount of a number.
    pub(super) largest: f64,
    /// Values by decade of their year, from 1900 to 2100.
    pub(super) decades: [u32; 20],
    pub(super) documents: u32,
    pub(super) leaves: BTreeMap<String, Profile>,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            values: 0,
            nulls: 0,
            counts: [0; Kind::COUNT],
            countries: [0; COUNTRIES.len()],
            hashes: HashSet::new(),
            lengths: None,
            leading_zeros: 0,
            words: 0,
            fine_decimals: 0,
            largest: 0.0,
            decades: [0; 20],
            documents: 0,
            leaves: BTreeMap::new(),
        }
    }
}

impl Profile {
    /// Counts one value as text (`None` for null). `hash` is that of the value under the key of the
    /// run; equal values of any columns must have equal ones.
    pub fn add(&mut self, value: Option<&str>, family: Family, hash: u64) {
        let Some(value) = value else {
            self.nulls += 1;
            return;
        };
        match family {
            Family::Document => self.add_document(value),
            Family::TextArray => {
                for element in document::array_elements(value) {
                    self.add_text(&element, hash);
                }
            }
            Family::Text | Family::Other => {
                if !(value.starts_with(['{', '[']) && self.add_json(value)) {
                    self.add_text(value, hash);
                }
            }
            _ => self.add_text(value, hash),
        }
    }

    fn add_text(&mut self, value: &str, hash: u64) {
        let value = value.trim();
        if value.is_empty() {
            self.nulls += 1;
            return;
        }
        self.values += 1;
        if self.hashes.len() < DISTINCT {
            self.hashes.insert(hash);
        }
        for place in kinds(value).places() {
            self.counts[place] += 1;
        }
        for place in national(value) {
            self.countries[place] += 1;
        }
        let length = value.chars().count();
        let (low, high) = self.lengths.unwrap_or((length, length));
        self.lengths = Some((low.min(length), high.max(length)));
        self.words += value.split_whitespace().count() as u64;
        self.leading_zeros += u32::from(value.starts_with('0') && value.len() > 1);
        if let Ok(number) = value.parse::<f64>() {
            self.largest = self.largest.max(number.abs());
            let fraction = value
                .split_once('.')
                .map_or(0, |(_, fraction)| fraction.len());
            self.fine_decimals += u32::from(fraction >= 4);
        }
        if let Some(decade) = year(value).and_then(|year| usize::from(year).checked_sub(1900)) {
            self.decades[(decade / 10).min(19)] += 1;
        }
    }

    fn add_document(&mut self, value: &str) {
        if self.add_json(value) {
            return;
        }
        if value.starts_with(['{', '[']) {
            // Cut off, or not JSON after all.
            self.add_text(value, u64::from(self.values));
            return;
        }
        let leaves = document::marked_leaves(value);
        self.documents += 1;
        self.add_leaves(leaves);
    }

    fn add_json(&mut self, value: &str) -> bool {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(value) else {
            return false;
        };
        self.documents += 1;
        self.add_leaves(document::leaves(&json));
        true
    }

    fn add_leaves(&mut self, leaves: Vec<(String, String)>) {
        for (path, text) in leaves {
            let known = self.leaves.contains_key(&path) || self.leaves.len() < PATHS;
            let path = if known { path } else { ELSEWHERE.to_owned() };
            // Leaves are not compared with other columns: their number is what tells values apart.
            let hash = u64::from(self.leaves.get(&path).map_or(0, |leaf| leaf.values));
            self.leaves.entry(path).or_default().add_text(&text, hash);
        }
    }

    /// Values that were counted, nulls left out.
    #[must_use]
    pub fn values(&self) -> u32 {
        self.values + self.documents
    }

    /// Distinct values among them, at most some thousands.
    #[must_use]
    pub fn distinct(&self) -> usize {
        self.hashes.len()
    }

    pub(super) fn count(&self, kind: Kind) -> u32 {
        self.counts[kind as usize]
    }

    pub(super) fn share(&self, kind: Kind) -> f64 {
        f64::from(self.count(kind)) / f64::from(self.values.max(1))
    }
}
