//! From the sizes that were restored to the size that matters:
//! RTO(N) = fixed + bytes / rate of the restore + WAL / rate of the replay.

use serde::{Deserialize, Serialize};

/// One drill that was measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Bytes of the base backup.
    pub bytes: u64,
    /// Bytes of WAL that were replayed.
    pub wal_bytes: u64,
    /// Seconds of fetching and unpacking the base backup.
    pub restore_seconds: f64,
    /// Seconds of the replay.
    pub replay_seconds: f64,
    /// Seconds of everything else until the first write.
    pub other_seconds: f64,
}

/// An RTO that nobody has measured, with what is needed to judge how far it can be believed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Extrapolation {
    /// The size it is for: bytes of the base backup.
    pub bytes: u64,
    /// Bytes of WAL since it.
    pub wal_bytes: u64,
    /// The RTO in seconds.
    pub seconds: f64,
    /// The part of it that does not depend on the size.
    pub fixed_seconds: f64,
    /// Bytes of the base backup restored in a second.
    pub restore_rate: f64,
    /// Bytes of WAL replayed in a second.
    pub replay_rate: f64,
    /// Drills that it rests on.
    pub drills: u64,
    /// The largest size among them.
    pub largest_bytes: u64,
    /// How far the formula is off at worst on these drills, in per cent of what was measured.
    pub error_percent: f64,
}

/// Sizes that are at least this much apart count as two.
const APART: f64 = 1.25;
/// Sizes that a fit must rest on.
const SIZES: usize = 3;

/// Fits the formula by least squares, and applies it. None with fewer than three sizes, or when
/// time does not grow with the size: then there is nothing that could be said.
#[must_use]
pub fn extrapolate(samples: &[Sample], bytes: u64, wal_bytes: u64) -> Option<Extrapolation> {
    if sizes(samples) < SIZES {
        return None;
    }
    let line = line(samples)?;
    let replayed: f64 = samples.iter().map(|s| s.wal_bytes as f64).sum();
    let replay_seconds: f64 = samples.iter().map(|s| s.replay_seconds).sum();
    if replayed <= 0.0 || replay_seconds <= 0.0 {
        return None;
    }
    let mut others: Vec<f64> = samples.iter().map(|s| s.other_seconds).collect();
    others.sort_by(f64::total_cmp);
    let model = Model {
        fixed: line.0 + others[others.len() / 2],
        restore_rate: line.1,
        replay_rate: replayed / replay_seconds,
    };
    let error = samples.iter().map(|s| model.error(s)).fold(0.0, f64::max);
    Some(Extrapolation {
        bytes,
        wal_bytes,
        seconds: model.seconds(bytes, wal_bytes),
        fixed_seconds: model.fixed,
        restore_rate: model.restore_rate,
        replay_rate: model.replay_rate,
        drills: samples.len() as u64,
        largest_bytes: samples.iter().map(|s| s.bytes).max().unwrap_or(0),
        error_percent: 100.0 * error,
    })
}

struct Model {
    fixed: f64,
    restore_rate: f64,
    replay_rate: f64,
}

impl Model {
    fn seconds(&self, bytes: u64, wal_bytes: u64) -> f64 {
        self.fixed + bytes as f64 / self.restore_rate + wal_bytes as f64 / self.replay_rate
    }

    fn error(&self, sample: &Sample) -> f64 {
        let real = sample.restore_seconds + sample.replay_seconds + sample.other_seconds;
        (self.seconds(sample.bytes, sample.wal_bytes) - real).abs() / real.max(1e-9)
    }
}

/// How many different sizes there are.
fn sizes(samples: &[Sample]) -> usize {
    let mut all: Vec<u64> = samples.iter().map(|s| s.bytes).collect();
    all.sort_unstable();
    let mut count = 0;
    let mut last = 0.0;
    for bytes in all {
        if bytes as f64 > last * APART {
            count += 1;
            last = bytes as f64;
        }
    }
    count
}

/// Seconds at size 0, never negative, and bytes a second.
fn line(samples: &[Sample]) -> Option<(f64, f64)> {
    let n = samples.len() as f64;
    let mean = |f: fn(&Sample) -> f64| samples.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(|s| s.bytes as f64), mean(|s| s.restore_seconds));
    let (mut xx, mut xy) = (0.0, 0.0);
    for s in samples {
        let d = s.bytes as f64 - x;
        xx += d * d;
        xy += d * (s.restore_seconds - y);
    }
    let slope = xy / xx;
    if !slope.is_finite() || slope <= 0.0 {
        return None;
    }
    let fixed = y - slope * x;
    if fixed >= 0.0 {
        return Some((fixed, 1.0 / slope));
    }
    // Through the origin: no restore ends before it began.
    let (xx, xy) = samples.iter().fold((0.0, 0.0), |(xx, xy), s| {
        let x = s.bytes as f64;
        (xx + x * x, xy + x * s.restore_seconds)
    });
    Some((0.0, xx / xy))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(mb: u64, wal_mb: u64, restore: f64, replay: f64) -> Sample {
        Sample {
            bytes: mb * 1_000_000,
            wal_bytes: wal_mb * 1_000_000,
            restore_seconds: restore,
            replay_seconds: replay,
            other_seconds: 2.0,
        }
    }

    #[test]
    fn drills_on_a_line_give_the_line() {
        // 3 s + 50 MB/s, 25 MB/s of WAL.
        let samples = [
            sample(500, 50, 13.0, 2.0),
            sample(1000, 100, 23.0, 4.0),
            sample(2000, 25, 43.0, 1.0),
        ];
        let found = extrapolate(&samples, 100_000_000_000, 10_000_000_000).unwrap();
        assert!((found.fixed_seconds - 5.0).abs() < 1e-6, "{found:?}");
        assert!((found.restore_rate - 50e6).abs() < 1.0, "{found:?}");
        assert!((found.seconds - (5.0 + 2000.0 + 400.0)).abs() < 1e-3);
        assert!(found.error_percent < 1e-6);
        assert_eq!((found.drills, found.largest_bytes), (3, 2_000_000_000));
    }

    #[test]
    fn a_drill_off_the_line_shows_in_the_error() {
        let samples = [
            sample(500, 50, 13.0, 2.0),
            sample(1000, 100, 46.0, 4.0),
            sample(2000, 25, 43.0, 1.0),
        ];
        let found = extrapolate(&samples, 4_000_000_000, 0).unwrap();
        assert!(found.error_percent > 20.0, "{found:?}");
    }

    #[test]
    fn two_sizes_or_a_falling_line_say_nothing() {
        let two = [
            sample(500, 50, 13.0, 2.0),
            sample(510, 50, 13.2, 2.0),
            sample(2000, 50, 43.0, 2.0),
        ];
        assert_eq!(extrapolate(&two, 1, 1), None);
        let falling = [
            sample(500, 50, 43.0, 2.0),
            sample(1000, 50, 23.0, 2.0),
            sample(2000, 50, 13.0, 2.0),
        ];
        assert_eq!(extrapolate(&falling, 1, 1), None);
        assert_eq!(extrapolate(&[], 1, 1), None);
    }
}
