//! What a scan has found so far; bounded whatever it meets.

use std::collections::{HashMap, HashSet};

use crate::masking::Class;
use crate::masking::leak::{FormKind, LiveKind, MAX_DIGITS, Tokens};

/// Distinct values remembered of one place: enough to decide; all occurrences are counted.
const PER_PLACE: u32 = 500;
/// Allowed values that are remembered, to explain what is computed from them: 16 MB.
const MAX_ALLOWED: usize = 1 << 20;

/// One distinct value at one place.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) class: Class,
    pub(super) kind: FormKind,
    pub(super) digits: usize,
    /// The hash by which it is confirmed.
    pub(super) exact: u128,
    pub(super) count: u64,
}

/// What a scan has found; places are numbers.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) found: HashMap<(u32, u64), Found>,
    distinct: HashMap<u32, u32>,
    /// Occurrences of values beyond [`PER_PLACE`].
    pub(super) more: HashMap<(u32, Class), u64>,
    /// Hashes of values met where they are allowed.
    pub(super) allowed: HashSet<u64>,
    pub(super) allowed_count: u64,
    /// Whether there were more of them than are remembered.
    pub(super) allowed_full: bool,
    pub(super) probes: HashMap<u32, [u64; MAX_DIGITS + 1]>,
    pub(super) live: HashMap<(u32, LiveKind), u64>,
    /// What may be digests of values.
    pub(super) tokens: Tokens,
    pub(super) bytes: u64,
}

impl Findings {
    pub(super) fn allow(&mut self, hash: u64) {
        self.allowed_count += 1;
        if self.allowed.len() < MAX_ALLOWED {
            self.allowed.insert(hash);
        } else {
            self.allowed_full = true;
        }
    }

    /// Counts an occurrence; `make` is called for a value that is new at its place.
    pub(super) fn count(&mut self, key: (u32, u64), class: Class, make: impl FnOnce() -> Found) {
        if let Some(found) = self.found.get_mut(&key) {
            found.count += 1;
            return;
        }
        let distinct = self.distinct.entry(key.0).or_default();
        if *distinct >= PER_PLACE {
            *self.more.entry((key.0, class)).or_default() += 1;
        } else {
            *distinct += 1;
            self.found.insert(key, make());
        }
    }

    pub(super) fn merge(&mut self, other: Self) {
        for (key, new) in other.found {
            if let Some(found) = self.found.get_mut(&key) {
                found.count += new.count;
                continue;
            }
            let distinct = self.distinct.entry(key.0).or_default();
            if *distinct >= PER_PLACE {
                *self.more.entry((key.0, new.class)).or_default() += new.count;
            } else {
                *distinct += 1;
                self.found.insert(key, new);
            }
        }
        for (key, count) in other.more {
            *self.more.entry(key).or_default() += count;
        }
        for hash in other.allowed {
            if self.allowed.len() < MAX_ALLOWED {
                self.allowed.insert(hash);
            } else {
                self.allowed_full = true;
            }
        }
        self.allowed_count += other.allowed_count;
        self.allowed_full |= other.allowed_full;
        for (place, probes) in other.probes {
            let mine = self.probes.entry(place).or_insert([0; MAX_DIGITS + 1]);
            for (mine, other) in mine.iter_mut().zip(probes) {
                *mine += other;
            }
        }
        for (key, count) in other.live {
            *self.live.entry(key).or_default() += count;
        }
        self.tokens.merge(other.tokens);
        self.bytes += other.bytes;
    }
}
