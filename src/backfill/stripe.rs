//! How many stripes a window is walked in: always a power of two, so that a bit mask picks a row's
//! stripe.

/// Fewer stripes would be a plain pass.
pub const MIN_STRIPES: u32 = 2;

/// More stripes cost more in reading pages again than their HOT updates save.
pub const MAX_STRIPES: u32 = 16;

/// The stripes to begin with.
///
/// Where pages have room (`free` per used byte, 0 on full pages): as many as make one stripe fit
/// into 80 % of it. On full pages a quarter of the rows of a page when a key spreads them evenly,
/// half of them when the row's address does (`by_key` is false), since some stripes of a page are
/// then larger than others. Measured in `benches/backfill.rs`.
#[must_use]
pub fn initial_stripes(rows_per_page: f64, free: f64, by_key: bool) -> u32 {
    let full = if by_key { 8.0 } else { 16.0_f64 }.min(rows_per_page / 2.0);
    let wanted = if free > 0.02 {
        (1.0 / (0.8 * free)).ceil().min(full.max(1.0 / free))
    } else {
        full
    };
    // Bounded to 2..=16 just before the cast.
    let wanted = wanted.clamp(f64::from(MIN_STRIPES), f64::from(MAX_STRIPES)) as u32;
    wanted.next_power_of_two()
}

/// The stripe of a row with this integer key; the same rule as the SQL. `stripes` is a power of
/// two.
#[must_use]
pub fn stripe_of(key: i64, stripes: u32) -> u32 {
    u32::try_from(key & i64::from(stripes.max(1) - 1)).unwrap_or(0)
}

/// Adapts the number of stripes to the HOT share that windows reach. It only grows: a trial of
/// fewer stripes would leave dead index entries behind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StripeCount(u32);

impl StripeCount {
    /// Begins with `initial` stripes.
    #[must_use]
    pub fn new(initial: u32) -> Self {
        Self(initial.next_power_of_two().clamp(1, MAX_STRIPES))
    }

    /// The stripes for the next window.
    #[must_use]
    pub fn get(self) -> u32 {
        self.0
    }

    /// Takes in the HOT share, 0 to 1, of a finished window that was walked in `stripes`.
    pub fn observe(&mut self, stripes: u32, hot: f64) {
        if stripes == self.0 && hot < 0.75 {
            self.0 = (stripes * 2).min(MAX_STRIPES);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn begins_where_the_measurements_were_best() {
        assert_eq!(initial_stripes(60.0, 0.0, true), 8);
        assert_eq!(initial_stripes(60.0, 0.0, false), 16);
        assert_eq!(initial_stripes(12.0, 0.0, true), 8);
        assert_eq!(initial_stripes(40.0, 30.0 / 70.0, true), 4);
        assert_eq!(initial_stripes(1.0, 0.0, true), 2);
    }

    #[test]
    fn few_hot_updates_ask_for_more_stripes() {
        let mut count = StripeCount::new(4);
        count.observe(4, 0.4);
        assert_eq!(count.get(), 8);
        count.observe(4, 0.1);
        assert_eq!(count.get(), 8, "a window with other stripes says nothing");
        count.observe(8, 1.0);
        assert_eq!(count.get(), 8);
    }

    proptest! {
        #[test]
        fn every_key_lies_in_exactly_one_stripe(key: i64, power in 0u32..=4) {
            let stripes = 1 << power;
            let matching = (0..stripes).filter(|s| stripe_of(key, stripes) == *s).count();
            prop_assert_eq!(matching, 1);
        }

        #[test]
        fn stays_a_power_of_two_within_its_bounds(shares in proptest::collection::vec(0.0f64..=1.0, 0..50)) {
            let mut count = StripeCount::new(3);
            for share in shares {
                count.observe(count.get(), share);
                prop_assert!(count.get().is_power_of_two());
                prop_assert!((MIN_STRIPES..=MAX_STRIPES).contains(&count.get()));
            }
        }
    }
}
