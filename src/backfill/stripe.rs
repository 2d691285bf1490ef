//! How many stripes a window is walked in.

/// Fewer stripes would be a plain pass.
pub const MIN_STRIPES: u32 = 2;

/// More stripes cost more in reading pages again than their HOT updates save.
pub const MAX_STRIPES: u32 = 16;

/// The stripes to begin with: about half the rows of a full page; where pages have room, as many
/// as make one stripe fit into 80 % of it. `free` is the room per used byte, 0 on full pages.
#[must_use]
pub fn initial_stripes(rows_per_page: f64, free: f64) -> u32 {
    let full = rows_per_page / 2.0;
    let wanted = if free > 0.02 {
        (1.0 / (0.8 * free)).ceil().min(full.max(1.0 / free))
    } else {
        full
    };
    // Bounded to 2..=16 just before the cast.
    wanted.clamp(f64::from(MIN_STRIPES), f64::from(MAX_STRIPES)) as u32
}

/// The stripe of a row with this integer key; the same rule as the SQL.
#[must_use]
pub fn stripe_of(key: i64, stripes: u32) -> u32 {
    u32::try_from(key.rem_euclid(i64::from(stripes.max(1)))).unwrap_or(0)
}

/// Adapts the number of stripes to the HOT share that windows reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StripeCount {
    now: u32,
    floor: u32,
}

impl StripeCount {
    /// Begins with `initial` stripes.
    #[must_use]
    pub fn new(initial: u32) -> Self {
        Self {
            now: initial.clamp(1, MAX_STRIPES),
            floor: MIN_STRIPES,
        }
    }

    /// The stripes for the next window.
    #[must_use]
    pub fn get(self) -> u32 {
        self.now
    }

    /// Takes in the HOT share, 0 to 1, of a finished window that was walked in `stripes`.
    ///
    /// Few HOT updates ask for more stripes; nearly all of them allow one less, but never again
    /// as few as were once too few.
    pub fn observe(&mut self, stripes: u32, hot: f64) {
        if stripes != self.now {
            return;
        }
        if hot < 0.75 {
            self.floor = self.floor.max((stripes + 1).min(MAX_STRIPES));
            self.now = (stripes + stripes.div_ceil(3)).min(MAX_STRIPES);
        } else if hot > 0.985 && stripes > self.floor {
            self.now = stripes - 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn begins_where_the_measurements_were_best() {
        assert_eq!(initial_stripes(60.0, 0.0), 16);
        assert_eq!(initial_stripes(12.0, 0.0), 6);
        assert_eq!(initial_stripes(40.0, 30.0 / 70.0), 3);
        assert_eq!(initial_stripes(1.0, 0.0), 2);
    }

    #[test]
    fn few_hot_updates_ask_for_more_stripes_and_it_never_swings_back() {
        let mut count = StripeCount::new(3);
        count.observe(3, 0.4);
        assert_eq!(count.get(), 4);
        count.observe(4, 1.0);
        assert_eq!(count.get(), 4);
        count.observe(3, 1.0);
        assert_eq!(count.get(), 4, "a window with other stripes says nothing");
    }

    proptest! {
        #[test]
        fn every_key_lies_in_exactly_one_stripe(key: i64, stripes in 1u32..=16) {
            let matching = (0..stripes).filter(|s| stripe_of(key, stripes) == *s).count();
            prop_assert_eq!(matching, 1);
        }

        #[test]
        fn stays_within_its_bounds(shares in proptest::collection::vec(0.0f64..=1.0, 0..50)) {
            let mut count = StripeCount::new(8);
            for share in shares {
                count.observe(count.get(), share);
                prop_assert!((MIN_STRIPES..=MAX_STRIPES).contains(&count.get()));
            }
        }
    }
}
