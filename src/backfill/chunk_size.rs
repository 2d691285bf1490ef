//! How many rows one statement may change.

use std::collections::VecDeque;
use std::time::Duration;

/// Chunks that the percentile looks back at.
const MEMORY: usize = 20;

/// Growth from one decision to the next, at most.
const GROWTH: f64 = 1.2;

/// Chooses the rows of a chunk so that the 90th percentile of its time stays near the target
/// (within -25 and +25 %).
#[derive(Debug, Clone)]
pub struct ChunkSize {
    rows: f64,
    times: VecDeque<Duration>,
}

impl ChunkSize {
    /// Begins with `rows` rows a chunk.
    #[must_use]
    pub fn new(rows: u64) -> Self {
        Self {
            rows: rows.max(1) as f64,
            times: VecDeque::with_capacity(MEMORY),
        }
    }

    /// Rows for the next chunk, at least 1.
    #[must_use]
    pub fn rows(&self) -> f64 {
        self.rows
    }

    /// Takes in the time of a chunk.
    pub fn observe(&mut self, took: Duration) {
        if self.times.len() == MEMORY {
            self.times.pop_front();
        }
        self.times.push_back(took);
    }

    /// Decides anew: called between windows.
    pub fn adapt(&mut self, target: Duration) {
        let p90 = self.p90().as_secs_f64();
        let target = target.as_secs_f64();
        if self.times.is_empty() || p90 <= 0.0 {
            return;
        }
        if p90 < 0.75 * target {
            self.rows *= (target / p90).min(GROWTH);
        } else if p90 > 1.25 * target {
            self.rows = (self.rows * (target / p90).max(0.5)).max(1.0);
            self.times.clear();
        }
    }

    /// A chunk ran out of time, or others waited for it.
    pub fn halve(&mut self) {
        self.rows = (self.rows / 2.0).max(1.0);
        self.times.clear();
    }

    /// Never more than this.
    pub fn cap(&mut self, rows: f64) {
        self.rows = self.rows.min(rows.max(1.0));
    }

    /// The 90th percentile of the last chunks; zero before the first.
    #[must_use]
    pub fn p90(&self) -> Duration {
        let mut sorted: Vec<_> = self.times.iter().copied().collect();
        sorted.sort_unstable();
        let rank = (sorted.len() * 9).div_ceil(10);
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const TARGET: Duration = Duration::from_millis(400);

    /// A table on which a row costs `micros`.
    fn settle(micros: f64, rounds: usize) -> Duration {
        let mut size = ChunkSize::new(1_000);
        for _ in 0..rounds {
            let took = Duration::from_secs_f64(size.rows() * micros / 1e6);
            for _ in 0..4 {
                size.observe(took);
            }
            size.adapt(TARGET);
        }
        size.p90()
    }

    #[test]
    fn comes_to_rest_between_300_and_500_ms() {
        for micros in [5.0, 40.0, 300.0, 5_000.0] {
            let p90 = settle(micros, 80);
            assert!((300..=500).contains(&p90.as_millis()), "{micros}: {p90:?}");
        }
    }

    proptest! {
        #[test]
        fn grows_by_a_fifth_at_most(times in proptest::collection::vec(1u64..3_000, 1..60)) {
            let mut size = ChunkSize::new(500);
            for ms in times {
                let before = size.rows();
                size.observe(Duration::from_millis(ms));
                size.adapt(TARGET);
                prop_assert!(size.rows() <= before * GROWTH + 1e-6);
                prop_assert!(size.rows() >= 1.0);
            }
        }
    }
}
