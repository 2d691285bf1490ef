//! The key of one run of the gate.

use std::fmt;

use hkdf::Hkdf;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

/// Bytes of randomness that a key is made of.
const BYTES: usize = 64;

/// The key of one run: made of fresh randomness, never stored, never printed. It keys the hash of
/// the filter (64 bits, quick) and, independently, the hash that confirms a hit (128 bits of
/// HMAC-SHA-256).
#[derive(Clone)]
pub struct RunKey {
    quick: [u64; 4],
    exact: Zeroizing<[u8; 32]>,
}

impl fmt::Debug for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunKey").finish_non_exhaustive()
    }
}

impl Drop for RunKey {
    fn drop(&mut self) {
        self.quick = [0; 4];
    }
}

impl RunKey {
    /// A key made of 64 random bytes. Its parts are derived (HKDF-SHA-256, RFC 5869), so that no
    /// pattern in the bytes becomes one of the multipliers.
    #[must_use]
    pub fn new(random: &[u8; BYTES]) -> Self {
        let derive = Hkdf::<Sha256>::new(None, random);
        let part = |number: u8| {
            let mut out = Zeroizing::new([0_u8; 32]);
            let info = [b"gate of a copy".as_slice(), &[number]];
            if derive.expand_multi_info(&info, out.as_mut_slice()).is_err() {
                // Only lengths above 8160 bytes are refused.
                out.copy_from_slice(&Sha256::digest(random));
            }
            out
        };
        let mut quick = [0_u64; 4];
        let words = part(0);
        for (word, bytes) in quick.iter_mut().zip(words.as_chunks::<8>().0) {
            // Odd numbers are units modulo 2^64: no bit of an input is lost in a product.
            *word = u64::from_be_bytes(*bytes) | 1;
        }
        Self {
            quick,
            exact: part(1),
        }
    }

    /// The hash that confirms a hit: 128 bits of HMAC-SHA-256 over `kind` and the canonical text.
    #[must_use]
    pub fn exact(&self, kind: u8, canonical: &[u8]) -> u128 {
        // A key of any length is valid for HMAC.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(self.exact.as_slice()) else {
            return 0;
        };
        mac.update(&[kind]);
        mac.update(canonical);
        let digest = mac.finalize().into_bytes();
        digest
            .iter()
            .take(16)
            .fold(0, |all, byte| all << 8 | u128::from(*byte))
    }

    /// Begins the hash of one word.
    #[must_use]
    pub(super) fn word(&self) -> WordHash {
        WordHash {
            state: self.quick[0],
            pending: 0,
            bytes: 0,
            multiplier: self.quick[1],
        }
    }

    /// The hash of bytes as they are.
    #[must_use]
    pub(super) fn bytes(&self, bytes: &[u8]) -> u64 {
        let mut hash = self.word();
        let (blocks, rest) = bytes.as_chunks();
        for block in blocks {
            hash.push_block(u64::from_le_bytes(*block), 8);
        }
        rest.iter().for_each(|byte| hash.push(*byte));
        hash.finish()
    }

    /// The hash of a number of at most 19 digits without zeros in front.
    #[must_use]
    pub(super) fn number(&self, value: u64) -> u64 {
        folded(value ^ self.quick[2], self.quick[3])
    }

    /// The state of a sequence of no word.
    #[must_use]
    pub(super) fn empty(&self) -> u64 {
        self.quick[2]
    }

    /// One word more.
    #[must_use]
    pub(super) fn then(&self, state: u64, word: u64) -> u64 {
        folded(state.rotate_left(23) ^ word, self.quick[3])
    }

    /// The end of a sequence; `tag` keeps kinds of sequences apart.
    #[must_use]
    pub(super) fn finish(&self, state: u64, tag: u64) -> u64 {
        let tag = tag.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let hash = folded(state ^ tag, self.quick[1]);
        // The filter's free slots are zero above the bits of the class.
        if hash < 64 { hash | 64 } else { hash }
    }
}

/// Multiplies to 128 bits and folds the halves (the mixer of wyhash and foldhash).
#[allow(clippy::cast_possible_truncation, reason = "the halves of a product")]
fn folded(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ ((product >> 64) as u64)
}

/// The hash of one word, fed byte by byte.
#[derive(Debug, Clone, Copy)]
pub(super) struct WordHash {
    state: u64,
    pending: u64,
    bytes: u32,
    multiplier: u64,
}

impl WordHash {
    #[inline]
    pub(super) fn push(&mut self, byte: u8) {
        self.pending |= u64::from(byte) << (self.bytes % 8 * 8);
        self.bytes += 1;
        if self.bytes.is_multiple_of(8) {
            self.state = folded(self.state ^ self.pending, self.multiplier);
            self.pending = 0;
        }
    }

    /// The same as `count` bytes, at most eight, the first one lowest; the rest is zero.
    #[inline]
    pub(super) fn push_block(&mut self, block: u64, count: u32) {
        if !self.bytes.is_multiple_of(8) {
            let bytes = block.to_le_bytes();
            (0..count).zip(bytes).for_each(|(_, byte)| self.push(byte));
            return;
        }
        self.bytes += count;
        if count == 8 {
            self.state = folded(self.state ^ block, self.multiplier);
        } else {
            self.pending = block;
        }
    }

    /// How many bytes it was fed.
    #[inline]
    pub(super) fn bytes(&self) -> u32 {
        self.bytes
    }

    #[inline]
    pub(super) fn finish(self) -> u64 {
        let last = folded(self.state ^ self.pending, self.multiplier);
        folded(last ^ u64::from(self.bytes), self.multiplier)
    }
}

#[cfg(test)]
pub(super) fn test_key(seed: u8) -> RunKey {
    let mut random = [0_u8; BYTES];
    for (i, byte) in (0_u8..).zip(random.iter_mut()) {
        *byte = i.wrapping_mul(151).wrapping_add(seed).rotate_left(3) ^ 0x5a;
    }
    RunKey::new(&random)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(key: &RunKey, word: &[u8]) -> u64 {
        let mut hash = key.word();
        word.iter().for_each(|byte| hash.push(*byte));
        hash.finish()
    }

    #[test]
    fn other_runs_hash_otherwise_and_a_key_is_not_printed() {
        let (one, two) = (test_key(1), test_key(2));
        assert_ne!(hash(&one, b"ann"), hash(&two, b"ann"));
        assert_ne!(one.exact(1, b"ann"), two.exact(1, b"ann"));
        assert_ne!(one.exact(1, b"ann"), one.exact(2, b"ann"));
        assert_eq!(format!("{one:?}"), "RunKey { .. }");
    }

    #[test]
    fn a_pattern_in_the_random_bytes_is_none_in_the_key() {
        let key = RunKey::new(&[7; BYTES]);
        let mut parts = key.quick.to_vec();
        parts.sort_unstable();
        parts.dedup();
        assert_eq!(parts.len(), 4);
        let ones = key.quick.map(u64::count_ones);
        assert!(ones.iter().all(|ones| (12..=52).contains(ones)), "{ones:?}");
    }

    proptest! {
        #[test]
        fn blocks_and_bytes_are_the_same(text in proptest::collection::vec(1_u8.., 0..30), cut in 0_usize..9) {
            let key = test_key(7);
            let mut word = key.word();
            let (head, tail) = text.split_at(cut.min(text.len()));
            head.iter().for_each(|byte| word.push(*byte));
            for chunk in tail.chunks(8) {
                let block = chunk.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte));
                word.push_block(block, u32::try_from(chunk.len()).unwrap());
            }
            prop_assert_eq!(word.finish(), hash(&key, &text));
        }

        #[test]
        fn words_and_sequences_differ(a in "[a-z0-9]{1,20}", b in "[a-z0-9]{1,20}") {
            let key = test_key(7);
            let (first, second) = (hash(&key, a.as_bytes()), hash(&key, b.as_bytes()));
            prop_assert_eq!(a == b, first == second);
            let forth = key.then(key.then(key.empty(), first), second);
            let back = key.then(key.then(key.empty(), second), first);
            prop_assert_eq!(a == b, forth == back);
            prop_assert_ne!(key.finish(forth, 1), key.finish(forth, 2));
        }
    }
}
