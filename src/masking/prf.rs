//! The keyed functions behind the masks: a pseudorandom function of values of any length, and
//! permutations of numbers.

use std::fmt;

use aes::Aes256;
use aes::cipher::{Array, BlockCipherEncrypt, KeyInit};

use super::DerivedKey;

/// A pseudorandom function under one derived key: AES-256 in CBC-MAC over the value with its
/// length in front, so that no encoding is the prefix of another (a PRF by Petrank and Rackoff,
/// "CBC MAC for real-time data sources", 2000). Values of at most 8 bytes cost one block.
pub struct Prf {
    cipher: Aes256,
}

impl fmt::Debug for Prf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prf").finish_non_exhaustive()
    }
}

impl Prf {
    /// The function of a key.
    #[must_use]
    pub fn new(key: &DerivedKey) -> Self {
        Self {
            cipher: Aes256::new(&Array::from(*key.bytes())),
        }
    }

    /// 128 bits that look random to whoever lacks the key.
    #[must_use]
    pub fn seed(&self, value: &[u8]) -> Seed {
        let mut block = [0_u8; 16];
        block[1..8].copy_from_slice(&(value.len() as u64).to_be_bytes()[1..]);
        let (head, rest) = value.split_at(value.len().min(8));
        block[8..8 + head.len()].copy_from_slice(head);
        block = self.encrypt(block);
        for chunk in rest.chunks(16) {
            for (to, from) in block.iter_mut().zip(chunk) {
                *to ^= from;
            }
            block = self.encrypt(block);
        }
        Seed(u128::from_be_bytes(block))
    }

    /// 64 bits of round `round` (from 1, so that it never meets a value's first block) of a
    /// permutation; the tweak's lower 56 bits count.
    fn round(&self, round: u8, tweak: u64, half: u64) -> u64 {
        let mut block = [0_u8; 16];
        block[..8].copy_from_slice(&tweak.to_be_bytes());
        block[0] = round;
        block[8..].copy_from_slice(&half.to_be_bytes());
        let block = self.encrypt(block);
        u64::from_be_bytes([
            block[0], block[1], block[2], block[3], block[4], block[5], block[6], block[7],
        ])
    }

    /// 128 bits for a place in a tree: `tag` from 128, so that it meets no other use.
    #[must_use]
    pub(super) fn node(&self, tag: u8, path: &[u8]) -> u128 {
        let mut block = [0_u8; 16];
        block[0] = tag | 128;
        block[1..=path.len().min(15)].copy_from_slice(&path[..path.len().min(15)]);
        u128::from_be_bytes(self.encrypt(block))
    }

    fn encrypt(&self, block: [u8; 16]) -> [u8; 16] {
        let mut block = Array::from(block);
        self.cipher.encrypt_block(&mut block);
        block.into()
    }
}

/// Pseudorandom bits of one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seed(pub u128);

impl Seed {
    /// Another seed of the same value, for a second try or another purpose.
    #[must_use]
    pub fn other(self, number: u64) -> Self {
        Self(self.0 ^ (u128::from(number.wrapping_mul(0x9E37_79B9_7F4A_7C15)) << 64))
    }

    /// A stream of choices.
    #[must_use]
    pub fn draws(self) -> Draws {
        Draws {
            state: self.0 as u64,
            stream: (self.0 >> 64) as u64 | 1,
        }
    }
}

/// A stream of choices made from a [`Seed`] (wyrand). Which list entry is chosen is not secret, so
/// the stream need not be cryptographic; the seed is.
#[derive(Debug, Clone)]
pub struct Draws {
    state: u64,
    stream: u64,
}

impl Draws {
    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0xA076_1D64_78BD_642F);
        let product =
            u128::from(self.state ^ self.stream) * u128::from(self.state ^ 0xE703_7ED1_A0B4_28DB);
        (product >> 64) as u64 ^ product as u64
    }

    /// A number below `n`; 0 when `n` is 0.
    pub fn below(&mut self, n: u64) -> u64 {
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u64
    }

    /// One of a list; `None` when it is empty.
    pub fn pick<'a, T: ?Sized>(&mut self, list: &'a [&'a T]) -> Option<&'a T> {
        list.get(self.below(list.len() as u64) as usize).copied()
    }
}

/// A permutation without fixed points of the pairs (left below `left`, right below `right`).
///
/// P is a Feistel network of four rounds over both halves (Luby and Rackoff, "How to construct
/// pseudorandom permutations", 1988; unequal halves as in Black and Rogaway, "Ciphers with
/// arbitrary finite domains", 2002). What is applied is P⁻¹ ∘ (x → x + 1) ∘ P, eight rounds: a
/// pseudorandom cycle through the whole domain, so that no value is ever its own mask.
///
/// Domains below [`SMALL`] pairs are rotated by a keyed distance: with so few values one known
/// pair tells nothing that trying all would not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutation {
    left: u64,
    right: u64,
}

/// Domains with fewer values are rotated.
const SMALL: u64 = 1_000;

impl Permutation {
    /// Over `left` times `right` values; at least 1 each.
    #[must_use]
    pub const fn new(left: u64, right: u64) -> Self {
        Self {
            left: if left == 0 { 1 } else { left },
            right: if right == 0 { 1 } else { right },
        }
    }

    /// How many values it permutes.
    #[must_use]
    pub const fn size(&self) -> u128 {
        self.left as u128 * self.right as u128
    }

    /// The image of a pair. The tweak selects one of many permutations.
    #[must_use]
    pub fn apply(&self, prf: &Prf, tweak: u64, (left, right): (u64, u64)) -> (u64, u64) {
        if self.size() < u128::from(SMALL) {
            return self.rotate(prf, tweak, (left, right));
        }
        let (mut l, mut r) = (left, right);
        for pair in [(1, 2), (3, 4)] {
            l = add(l, reduce(prf.round(pair.0, tweak, r), self.left), self.left);
            r = add(
                r,
                reduce(prf.round(pair.1, tweak, l), self.right),
                self.right,
            );
        }
        r += 1;
        if r == self.right {
            r = 0;
            l = add(l, 1, self.left);
        }
        for pair in [(3, 4), (1, 2)] {
            r = sub(
                r,
                reduce(prf.round(pair.1, tweak, l), self.right),
                self.right,
            );
            l = sub(l, reduce(prf.round(pair.0, tweak, r), self.left), self.left);
        }
        (l, r)
    }

    fn rotate(&self, prf: &Prf, tweak: u64, (left, right): (u64, u64)) -> (u64, u64) {
        let size = self.left * self.right;
        if size < 2 {
            return (left, right);
        }
        let distance = 1 + reduce(prf.round(9, tweak, 0), size - 1);
        let place = (left * self.right + right + distance) % size;
        (place / self.right, place % self.right)
    }
}

/// `x * n / 2^64`: below `n`.
fn reduce(x: u64, n: u64) -> u64 {
    ((u128::from(x) * u128::from(n)) >> 64) as u64
}

fn add(a: u64, b: u64, n: u64) -> u64 {
    let (sum, over) = a.overflowing_add(b);
    if over || sum >= n {
        sum.wrapping_sub(n)
    } else {
        sum
    }
}

fn sub(a: u64, b: u64, n: u64) -> u64 {
    if a >= b {
        a - b
    } else {
        a.wrapping_sub(b).wrapping_add(n)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;
    use crate::masking::mask::tests_support::key;

    #[test]
    fn small_domains_are_permuted_one_to_one_without_fixed_points() {
        let prf = Prf::new(&key().derive("test").unwrap());
        for (left, right) in [
            (1, 2),
            (2, 1),
            (10, 1),
            (10, 10),
            (33, 31),
            (100, 10),
            (1000, 100),
        ] {
            let permutation = Permutation::new(left, right);
            for tweak in [0, 7] {
                let mut seen = HashSet::new();
                for l in 0..left {
                    for r in 0..right {
                        let image = permutation.apply(&prf, tweak, (l, r));
                        assert!(image.0 < left && image.1 < right);
                        assert_ne!(image, (l, r));
                        assert!(seen.insert(image));
                    }
                }
            }
        }
    }

    #[test]
    fn lengths_and_tails_tell_values_apart() {
        let prf = Prf::new(&key().derive("test").unwrap());
        let mut seen = HashSet::new();
        for length in 0..60 {
            assert!(seen.insert(prf.seed(&vec![0; length]).0));
        }
    }

    proptest! {
        #[test]
        fn wide_domains_stay_inside(l: u64, r: u64, left in 1_u64.., right in 1_u64.., tweak: u64) {
            let prf = Prf::new(&key().derive("test").unwrap());
            let pair = (l % left, r % right);
            let image = Permutation::new(left, right).apply(&prf, tweak, pair);
            prop_assert!(image.0 < left && image.1 < right);
            prop_assert!(image != pair || (left == 1 && right == 1));
        }
    }
}
