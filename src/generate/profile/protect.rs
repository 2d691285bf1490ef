//! What may leave a database: groups of many rows, with noise, between rounded bounds.

use rand::{Rng, RngExt};

use super::model::{Category, Protection};
use crate::generate::distribution::Bucket;

/// Buckets of a histogram, at most.
const BUCKETS: u64 = 50;
/// Groups that a column must have rows for, else nothing is told of its values.
const GROUPS: u64 = 2;

/// What bounds of buckets are rounded to: a bound is a rough place between many rows and no value of
/// somebody.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Grid {
    /// Steps between a bound's two neighbours, at most: few for personal columns.
    pub parts: f64,
    /// The finest step, 0 for any.
    pub step: f64,
}

/// Guards what leaves; keeps the source of its noise.
#[derive(Debug)]
pub struct Guard<R> {
    protection: Protection,
    random: R,
}

impl Grid {
    /// Rounds a value whose neighbours lie `gap` apart; a value that many rows share has none.
    fn round(self, value: f64, gap: f64) -> f64 {
        let local = if gap > 0.0 {
            10_f64.powf((gap / self.parts).log10().floor())
        } else {
            0.0
        };
        if local <= self.step {
            return match self.step {
                0.0 => value,
                step => (value / step).round() * step,
            };
        }
        if local >= 1.0 {
            return (value / local).round() * local;
        }
        // By way of text: a power of ten below 1 is no float, and would leave digits behind.
        let places = (-local.log10()).ceil().clamp(0.0, 15.0) as usize;
        format!("{value:.places$}").parse().unwrap_or(value)
    }
}

/// Three digits.
fn three_digits(value: f64) -> f64 {
    let digits = value.abs().max(1.0).log10().floor() - 2.0;
    let step = 10_f64.powf(digits.max(0.0));
    (value / step).round() * step
}

impl<R: Rng> Guard<R> {
    /// `random` must not be predictable for whoever reads the profile.
    pub fn new(protection: Protection, random: R) -> Self {
        Self { protection, random }
    }

    /// How it protects.
    pub fn protection(&self) -> Protection {
        self.protection
    }

    /// Laplace noise of the protection's scale.
    fn noise(&mut self) -> f64 {
        let half: f64 = self.random.random::<f64>() - 0.5;
        let noise = -self.protection.noise * half.signum() * (1.0 - 2.0 * half.abs()).ln();
        if noise.is_finite() { noise } else { 0.0 }
    }

    /// A count with noise, 0 or more.
    pub fn count(&mut self, count: u64) -> f64 {
        (count as f64 + self.noise()).max(0.0)
    }

    /// A number of rows: with noise, three digits.
    pub fn rows(&mut self, count: u64) -> u64 {
        three_digits(self.count(count)) as u64
    }

    /// A share of `all`, to thousandths.
    pub fn share(&mut self, count: u64, all: u64) -> f64 {
        if all == 0 || count == 0 {
            return 0.0;
        }
        thousandths((self.count(count) / all as f64).min(1.0))
    }

    /// A correlation or an effect of so many rows, from -1 to 1, to hundredths: with the noise that a
    /// row more or less makes in it, some parts of one by the rows.
    pub fn correlation(&mut self, value: f64, rows: u64) -> f64 {
        let noise = self.noise();
        // Of n ranks, one that goes from one end to the other changes Spearman's sum by 6 / n.
        let value = value + noise * 6.0 / rows.max(1) as f64;
        (value.clamp(-1.0, 1.0) * 100.0).round() / 100.0
    }

    /// Whether so many rows are enough to tell how they are spread.
    pub fn enough(&self, rows: u64) -> bool {
        rows >= GROUPS * self.protection.min_group
    }

    /// The places, from 0 to 1, at which `rows` sorted values are cut: no part has fewer rows than a
    /// group, and as many stay outside of either end.
    pub fn cuts(&self, rows: u64) -> Vec<f64> {
        let group = self.protection.min_group.max(1);
        let parts = (rows / group).saturating_sub(GROUPS).clamp(1, BUCKETS);
        let edge = (group as f64 / rows.max(1) as f64).min(0.5);
        (0..=parts)
            .map(|cut| edge + (1.0 - 2.0 * edge) * cut as f64 / parts as f64)
            .collect()
    }

    /// A histogram from the values at [`Guard::cuts`] of `rows` values.
    pub fn histogram(&mut self, values: &[f64], rows: u64, grid: Grid) -> Vec<Bucket> {
        if !self.enough(rows) || values.len() < 2 || values.iter().any(|v| !v.is_finite()) {
            return Vec::new();
        }
        let each = rows / (values.len() as u64 - 1);
        let mut buckets: Vec<Bucket> = Vec::with_capacity(values.len());
        let last = values.len() - 1;
        let bound = |at: usize| {
            let (before, after) = (values[at.saturating_sub(1)], values[(at + 1).min(last)]);
            grid.round(values[at], after - before)
        };
        for at in 0..last {
            let (min, max) = (bound(at), bound(at + 1));
            let weight = self.count(each) / rows as f64;
            match buckets.last_mut() {
                Some(known) if known.min == min && known.max == max => known.weight += weight,
                _ => buckets.push(Bucket {
                    min,
                    max: max.max(min),
                    weight,
                }),
            }
        }
        for bucket in &mut buckets {
            bucket.weight = thousandths(bucket.weight).max(0.001);
        }
        buckets
    }

    /// The groups among `found` (value and rows) that may be told, as shares of `all`, and the share
    /// of the rest. A group that noise alone lifts above the bound stays hidden.
    pub fn categories(
        &mut self,
        found: impl IntoIterator<Item = (String, u64)>,
        all: u64,
    ) -> (Vec<Category>, f64) {
        let least = self.protection.min_group;
        let (mut kept, mut told) = (Vec::new(), 0);
        for (value, count) in found {
            if count >= least && self.count(count) >= least as f64 {
                let share = self.share(count, all).max(0.001);
                kept.push(Category { value, share });
                told += count;
            }
        }
        // By its own noise: what is left of the whole would hold that of every group, and look like
        // hidden values where there are none.
        let rest = self.share(all.saturating_sub(told), all);
        (kept, rest)
    }
}

fn thousandths(share: f64) -> f64 {
    (share * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate::stream::StreamKey;

    fn guard(noise: f64) -> Guard<crate::generate::Stream> {
        let protection = Protection {
            min_group: 20,
            noise,
        };
        Guard::new(protection, StreamKey::new(1, "t", "c").row(0, 0))
    }

    #[test]
    fn small_groups_stay_hidden() {
        let found = [("open", 500), ("ann@b.example", 19), ("shut", 40)];
        let found = found.map(|(value, rows)| (value.to_owned(), rows));
        let (kept, other) = guard(1.0).categories(found, 559);
        let names: Vec<_> = kept.iter().map(|c| c.value.as_str()).collect();
        assert_eq!(names, ["open", "shut"]);
        assert!((other - 0.034).abs() < 0.02, "{other}");
    }

    #[test]
    fn nothing_is_left_where_every_group_is_told() {
        let found = || [("free", 2800), ("paid", 960), ("gold", 240)];
        for seed in 0..200 {
            let protection = Protection {
                min_group: 20,
                noise: 10.0,
            };
            let random = StreamKey::new(seed, "t", "c").row(0, 0);
            let found = found().map(|(value, rows)| (value.to_owned(), rows));
            let (kept, other) = Guard::new(protection, random).categories(found, 4000);
            assert_eq!((kept.len(), other), (3, 0.0), "{seed}");
        }
    }

    #[test]
    fn bounds_are_rounded_and_the_ends_are_cut_off() {
        let mut guard = guard(0.0);
        let cuts = guard.cuts(1000);
        assert_eq!((cuts[0], cuts[cuts.len() - 1]), (0.02, 0.98));
        assert!(cuts.len() <= 50 && cuts.windows(2).all(|cut| cut[1] - cut[0] > 0.0199));
        let values: Vec<f64> = cuts.iter().map(|cut| 123_456.0 + cut * 1e6).collect();
        let grid = Grid {
            parts: 3.0,
            step: 0.0,
        };
        let buckets = guard.histogram(&values, 1000, grid);
        for bucket in &buckets {
            assert_eq!(bucket.min % 1000.0, 0.0, "{bucket:?}");
        }
        let all: f64 = buckets.iter().map(|bucket| bucket.weight).sum();
        assert!((all - 1.0).abs() < 0.05, "{all}");
        assert_eq!(guard.histogram(&values, 39, grid), []);
    }

    #[test]
    fn noise_has_its_scale() {
        let mut guard = guard(3.0);
        let off: f64 = (0..20_000)
            .map(|_| (guard.count(1000) - 1000.0).abs())
            .sum();
        assert!((off / 20_000.0 - 3.0).abs() < 0.1, "{off}");
    }
}
