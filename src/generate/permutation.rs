//! A keyed order of the numbers below a bound: a bijection that is computed, not stored, so that
//! unique values need neither memory nor retries.
//!
//! A Feistel network over the smallest even number of bits that holds the bound, and cycle walking
//! back into it (Black, Rogaway: "Ciphers with Arbitrary Finite Domains", CT-RSA 2002). It shuffles;
//! it is no cipher and hides nothing.

use super::stream::stir;

/// Four rounds make a Feistel network a strong pseudorandom permutation when its rounds are random
/// functions (Luby, Rackoff 1988); small domains get two more.
const ROUNDS: u64 = 6;

/// A bijection of 0 to `bound` - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Permutation {
    bound: u64,
    half_bits: u32,
    key: u64,
}

impl Permutation {
    /// The permutation of the numbers below `bound` under `key`.
    #[must_use]
    pub fn new(key: u64, bound: u64) -> Self {
        let bits = u64::BITS - bound.saturating_sub(1).leading_zeros();
        Self {
            bound,
            half_bits: bits.div_ceil(2).max(1),
            key,
        }
    }

    /// How many numbers it orders.
    #[must_use]
    pub fn bound(&self) -> u64 {
        self.bound
    }

    /// What stands in place `index`; `index` itself when it is not below the bound.
    #[must_use]
    pub fn at(&self, index: u64) -> u64 {
        self.walk(index, |value| {
            (0..ROUNDS).fold(value, |value, round| self.forward(value, round))
        })
    }

    /// The place of `value`: the inverse of [`Self::at`].
    #[must_use]
    pub fn place(&self, value: u64) -> u64 {
        self.walk(value, |value| {
            (0..ROUNDS)
                .rev()
                .fold(value, |value, round| self.backward(value, round))
        })
    }

    /// Steps along a cycle of the network until it is back below the bound; at most four steps are
    /// expected, because the network is less than four times as large.
    fn walk(&self, start: u64, step: impl Fn(u64) -> u64) -> u64 {
        if start >= self.bound {
            return start;
        }
        let mut value = step(start);
        while value >= self.bound {
            value = step(value);
        }
        value
    }

    fn mask(&self) -> u64 {
        (1 << self.half_bits) - 1
    }

    fn round(&self, half: u64, round: u64) -> u64 {
        stir(half ^ self.key.rotate_left(11 * round as u32) ^ (round << 56)) & self.mask()
    }

    fn forward(&self, value: u64, round: u64) -> u64 {
        let (left, right) = (value >> self.half_bits, value & self.mask());
        right << self.half_bits | (left ^ self.round(right, round))
    }

    fn backward(&self, value: u64, round: u64) -> u64 {
        let (left, right) = (value >> self.half_bits, value & self.mask());
        (right ^ self.round(left, round)) << self.half_bits | left
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn every_number_comes_once_and_goes_back(key: u64, bound in 1_u64..3000) {
            let permutation = Permutation::new(key, bound);
            let seen: BTreeSet<u64> = (0..bound).map(|index| permutation.at(index)).collect();
            prop_assert_eq!(seen.len() as u64, bound);
            prop_assert!(seen.iter().all(|value| *value < bound));
            for index in 0..bound {
                prop_assert_eq!(permutation.place(permutation.at(index)), index);
            }
        }

        #[test]
        fn large_domains_go_back_too(key: u64, bound in 1_u64.., index: u64) {
            let permutation = Permutation::new(key, bound);
            let index = index % bound;
            let value = permutation.at(index);
            prop_assert!(value < bound);
            prop_assert_eq!(permutation.place(value), index);
        }
    }

    #[test]
    fn keys_give_other_orders() {
        let order = |key| {
            (0..100)
                .map(|n| Permutation::new(key, 100).at(n))
                .collect::<Vec<_>>()
        };
        assert_ne!(order(1), order(2));
        let moved = order(1)
            .iter()
            .enumerate()
            .filter(|(n, v)| *n as u64 != **v)
            .count();
        assert!(moved > 80, "{moved}");
    }
}
