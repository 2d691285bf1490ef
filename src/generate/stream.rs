//! Random numbers with an address: seed, table, column and row decide them, and nothing else does.
//! Any number of workers, batches and machines draw the same, and a column that is added changes no
//! other.
//!
//! A [`Stream`] is SplitMix64 (Steele, Lea, Flood: "Fast Splittable Pseudorandom Number Generators",
//! OOPSLA 2014). Its state is a counter, so the place of a row in it is found by arithmetic alone.

use std::convert::Infallible;

use rand::TryRng;
use sha2::{Digest, Sha256};

/// The odd constant by which SplitMix64 counts: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

/// The bits of `z`, stirred: a bijection of 64 bits (variant 13 of Stafford's finalizers, as in
/// SplitMix64).
pub(super) const fn stir(z: u64) -> u64 {
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// What [`stir`] makes `word` of: its steps backwards, by the inverses of its constants modulo 2^64.
const fn unstir(word: u64) -> u64 {
    let z = word ^ (word >> 31) ^ (word >> 62);
    let z = z.wrapping_mul(0x3196_42b2_d24d_8ec3);
    let z = z ^ (z >> 27) ^ (z >> 54);
    let z = z.wrapping_mul(0x96de_1b17_3f11_9089);
    z ^ (z >> 30) ^ (z >> 60)
}

/// Where the streams of one column, or of another purpose of a table, begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamKey(u64);

impl StreamKey {
    /// The key of `purpose` (a column's name, or what else is drawn) in `table` under `seed`.
    #[must_use]
    pub fn new(seed: u64, table: &str, purpose: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(b"tidegate seed 1");
        hash.update(seed.to_le_bytes());
        for part in [table, purpose] {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part.as_bytes());
        }
        let digest = hash.finalize();
        let mut word = [0; 8];
        word.copy_from_slice(&digest[..8]);
        Self(u64::from_le_bytes(word))
    }

    /// The stream of one row; `attempt` counts the tries to satisfy a condition, from 0.
    #[must_use]
    pub fn row(self, row: u64, attempt: u32) -> Stream {
        let place = stir(row.wrapping_mul(GOLDEN) ^ self.0);
        Stream(stir(place ^ u64::from(attempt).wrapping_mul(GOLDEN)))
    }

    /// The key itself, for a [`super::Permutation`].
    #[must_use]
    pub fn word(self) -> u64 {
        self.0
    }
}

/// Random numbers of one row and purpose. Serves every distribution of the crate `rand_distr`.
#[derive(Debug, Clone)]
pub struct Stream(u64);

impl Stream {
    /// A stream whose first [`Stream::unit`] is `place` (from 0 to less than 1, to within 2^-53); `rest`
    /// decides what follows.
    #[must_use]
    pub fn beginning(place: f64, rest: u64) -> Self {
        let place = (place.clamp(0.0, 1.0) * (1_u64 << 53) as f64) as u64;
        let word = place.min((1 << 53) - 1) << 11 | rest & 0x7ff;
        Self(unstir(word).wrapping_sub(GOLDEN))
    }

    /// The next 64 bits.
    pub fn word(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(GOLDEN);
        stir(self.0)
    }

    /// A number from 0 to `bound` - 1, each as likely as the others to within 2^-64; 0 when `bound`
    /// is 0. (Multiplication instead of division: Lemire, "Fast Random Integer Generation in an
    /// Interval", 2019, without its rejection, so that a row always draws as often.)
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.word()) * u128::from(bound)) >> 64) as u64
    }

    /// A number from `low` to `high`, both included; `low` when they are crossed.
    pub fn between(&mut self, low: i64, high: i64) -> i64 {
        let span = high.wrapping_sub(low) as u64;
        if high <= low {
            return low;
        }
        if span == u64::MAX {
            return self.word() as i64;
        }
        low.wrapping_add(self.below(span + 1) as i64)
    }

    /// A number from 0 to less than 1, a multiple of 2^-53.
    pub fn unit(&mut self) -> f64 {
        (self.word() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with this probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// One of `items`; `None` when there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len() as u64) as usize)
    }
}

impl TryRng for Stream {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok((self.word() >> 32) as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.word())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let word = self.word().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_address_decides_the_numbers() {
        let key = StreamKey::new(42, "users", "email");
        let words = |key: StreamKey, row| {
            let mut stream = key.row(row, 0);
            [stream.word(), stream.word(), stream.word()]
        };
        assert_eq!(words(key, 7), words(key, 7));
        assert_ne!(words(key, 7), words(key, 8));
        assert_ne!(
            words(key, 7),
            words(StreamKey::new(43, "users", "email"), 7)
        );
        assert_ne!(
            words(key, 7),
            words(StreamKey::new(42, "user", "semail"), 7)
        );
        assert_ne!(key.row(7, 0).word(), key.row(7, 1).word());
        // The numbers of a release are those of the next: databases are told apart by digests.
        assert_eq!(words(StreamKey(1), 0), words(StreamKey(1), 0));
    }

    #[test]
    fn numbers_are_spread_evenly() {
        let key = StreamKey::new(1, "t", "c");
        let mut buckets = [0_u32; 64];
        let mut ones = [0_u32; 64];
        let rows = 64_000_u32;
        for row in 0..u64::from(rows) {
            let mut stream = key.row(row, 0);
            let word = stream.word();
            (0..64).for_each(|bit| ones[bit] += (word >> bit & 1) as u32);
            buckets[stream.below(64) as usize] += 1;
        }
        // Chi-squared with 63 degrees of freedom: 114 is passed once in 10,000 by chance.
        let expected = f64::from(rows) / 64.0;
        let chi: f64 = buckets
            .iter()
            .map(|n| (f64::from(*n) - expected).powi(2) / expected)
            .sum();
        assert!(chi < 114.0, "{chi}");
        // Five standard deviations of a fair coin.
        let far = 5.0 * (f64::from(rows) / 4.0).sqrt();
        for n in ones {
            assert!((f64::from(n) - f64::from(rows) / 2.0).abs() < far, "{n}");
        }
    }

    proptest! {
        #[test]
        fn a_stream_begins_where_it_is_told_to(place in 0.0..1.0_f64, word: u64) {
            prop_assert_eq!(stir(unstir(word)), word);
            prop_assert!((Stream::beginning(place, word).unit() - place).abs() < 1e-15);
        }

        #[test]
        fn a_number_stays_between_its_bounds(low: i64, high: i64, seed: u64) {
            let mut stream = Stream(seed);
            let value = stream.between(low, high);
            prop_assert!(value >= low && (value <= high || value == low));
            prop_assert!((0.0..1.0).contains(&stream.unit()));
        }
    }
}
