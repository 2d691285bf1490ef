//! Rows dealt out to tenants by weight, such that the tenant of a row and the rows of a tenant are both
//! found by arithmetic, and more rows change nothing for those that are there.
//!
//! The first rows go to one tenant each. All others go around a wheel whose slots are shared by weight;
//! the slots are visited in the order of their reversed bits (van der Corput, 1935), so that any number
//! of rows is shared about as the weights say, and not only whole rounds.

use super::distribution::Distribution;
use super::stream::StreamKey;

/// Slots of a tenant on average, at least.
const SLOTS: u64 = 16;
/// Bits of the number of slots, at most: the wheel holds 4 bytes for each tenant, not for each slot.
const BITS: u32 = 30;
/// Greatest weight of a tenant, by the least.
const HEAVIEST: i64 = 1_000_000;

/// How the rows of a table are dealt out.
#[derive(Debug, Clone)]
pub(super) struct Deal {
    bits: u32,
    /// The slot behind the last of each tenant.
    ends: Vec<u32>,
}

impl Deal {
    /// Tenants with the weights of `volume`; `key` is the same for all tables.
    #[must_use]
    pub(super) fn new(key: StreamKey, volume: &Distribution, tenants: u64) -> Self {
        let weight = |tenant| volume.draw_whole(&mut key.row(tenant, 0), 1, HEAVIEST) as u64;
        let total: u64 = (0..tenants).map(weight).sum();
        let wanted = tenants.saturating_mul(SLOTS).max(2);
        let bits = (u64::BITS - (wanted - 1).leading_zeros()).clamp(1, BITS);
        let mut sum: u128 = 0;
        let ends = (0..tenants).map(|tenant| {
            sum += u128::from(weight(tenant));
            ((sum << bits) / u128::from(total.max(1))) as u32
        });
        Self {
            bits,
            ends: ends.collect(),
        }
    }

    /// Tenants.
    pub(super) fn tenants(&self) -> u64 {
        self.ends.len() as u64
    }

    /// Whose row it is.
    pub(super) fn tenant(&self, row: u64) -> u64 {
        let Some(dealt) = row.checked_sub(self.tenants()) else {
            return row;
        };
        let slot = self.turned(dealt & (self.slots() - 1));
        self.ends.partition_point(|end| u64::from(*end) <= slot) as u64
    }

    /// Its place among the rows of its tenant.
    pub(super) fn index(&self, row: u64) -> u64 {
        let Some(dealt) = row.checked_sub(self.tenants()) else {
            return 0;
        };
        1 + self.dealt(self.tenant(row), dealt)
    }

    /// Rows of a tenant among the first `rows`.
    pub(super) fn members(&self, tenant: u64, rows: u64) -> u64 {
        let dealt = rows.saturating_sub(self.tenants());
        u64::from(tenant < rows) + self.dealt(tenant, dealt)
    }

    /// The row in a place among those of a tenant; `None` when it never comes.
    pub(super) fn member(&self, tenant: u64, index: u64) -> Option<u64> {
        let Some(index) = index.checked_sub(1) else {
            return Some(tenant);
        };
        let (from, to) = self.share(tenant);
        let round = index.checked_div(to - from)?;
        let wanted = index % (to - from);
        // The least number of visits that reach so many of its slots.
        let (mut low, mut high) = (0, self.slots());
        while low + 1 < high {
            let middle = u64::midpoint(low, high);
            if self.visited((from, to), middle) > wanted {
                high = middle;
            } else {
                low = middle;
            }
        }
        let low = if self.visited((from, to), low) > wanted {
            low
        } else {
            high
        };
        Some(self.tenants() + round * self.slots() + low - 1)
    }

    fn slots(&self) -> u64 {
        1 << self.bits
    }

    fn share(&self, tenant: u64) -> (u64, u64) {
        let end = |at: u64| self.ends.get(at as usize).copied().map_or(0, u64::from);
        (tenant.checked_sub(1).map_or(0, end), end(tenant))
    }

    fn turned(&self, slot: u64) -> u64 {
        slot.reverse_bits() >> (u64::BITS - self.bits)
    }

    /// Rows of a tenant among the first `rows` on the wheel.
    fn dealt(&self, tenant: u64, rows: u64) -> u64 {
        let (from, to) = self.share(tenant);
        rows / self.slots() * (to - from) + self.visited((from, to), rows & (self.slots() - 1))
    }

    /// How many of the slots from `from` to `to` are among the first `visits` of a round. Visits that
    /// begin with the same bits go to slots at equal distances.
    fn visited(&self, (from, to): (u64, u64), visits: u64) -> u64 {
        let mut count = 0;
        let mut base = 0;
        for bit in (0..=self.bits).rev().filter(|bit| visits >> bit & 1 == 1) {
            let distance = self.slots() >> bit;
            let first = self.turned(base & (self.slots() - 1));
            let below = |slot: u64| slot.saturating_sub(first).div_ceil(distance);
            count += below(to) - below(from);
            base += 1 << bit;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn deal(tenants: u64, exponent: f64) -> Deal {
        let volume = Distribution::Zipf {
            min: 1,
            max: 300,
            exponent,
        };
        Deal::new(StreamKey::new(5, "tenant", "volume"), &volume, tenants)
    }

    proptest! {
        #[test]
        fn rows_and_their_tenants_are_found_both_ways(tenants in 1_u64..40, rows in 0_u64..3000, exponent in 0.0..2.0_f64) {
            let deal = deal(tenants, exponent);
            let mut counts = vec![0_u64; tenants as usize];
            for row in 0..rows {
                let tenant = deal.tenant(row);
                prop_assert!(tenant < tenants);
                let index = counts[tenant as usize];
                prop_assert_eq!(deal.index(row), index);
                prop_assert_eq!(deal.member(tenant, index), Some(row));
                counts[tenant as usize] += 1;
            }
            for tenant in 0..tenants {
                prop_assert_eq!(deal.members(tenant, rows), counts[tenant as usize]);
            }
        }
    }

    #[test]
    fn any_number_of_rows_is_shared_by_weight() {
        let deal = deal(25, 1.2);
        let slots = deal.slots() as f64;
        for rows in [1000, 5000, 77_777] {
            for tenant in 0..25 {
                let (from, to) = deal.share(tenant);
                let wanted = (rows - 25) as f64 * (to - from) as f64 / slots + 1.0;
                let found = deal.members(tenant, rows) as f64;
                assert!(
                    (wanted - found).abs() <= 12.0,
                    "{tenant} of {rows}: {found}, not {wanted}"
                );
            }
        }
        let largest = (0..25)
            .map(|tenant| deal.members(tenant, 10_000))
            .max()
            .unwrap();
        assert!(largest > 2000, "{largest}");
    }
}
