//! The probe's accounts: every commit that the server acknowledged, against what came back.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What one writer of the probe knows of its own rows, which are numbered from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Writer {
    /// When each row was acknowledged, by its number less one.
    acknowledged: Vec<Duration>,
    /// The row that was sent last, acknowledged or not.
    sent: i64,
}

/// The log that the client keeps, out of the server's reach.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Acknowledged {
    writers: BTreeMap<i32, Writer>,
}

/// What came back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Loss {
    /// Rows that were acknowledged.
    pub acknowledged: u64,
    /// Those of them that are gone.
    pub lost: u64,
    /// Those that are gone although a later row of the same writer is there: never the end of
    /// WAL, always damage.
    pub gaps: u64,
    /// Rows that hold something else than was written, or that nobody wrote.
    pub wrong: u64,
    /// Seconds of acknowledged work that are gone: from the last commit before the first that is
    /// lost to the last one of all. 0 when nothing is lost.
    pub seconds: f64,
}

/// What row `number` of `writer` holds; a row that was damaged or invented holds something else.
#[must_use]
pub fn value_of(writer: i32, number: i64) -> i64 {
    // SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
    let mut z = (i64::from(writer) << 40 ^ number)
        .cast_unsigned()
        .wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)).cast_signed()
}

impl Acknowledged {
    /// The number of the next row of `writer`, which is about to be sent. A writer sends its next
    /// row only when the one before was acknowledged.
    pub fn send(&mut self, writer: i32) -> i64 {
        let writer = self.writers.entry(writer).or_default();
        writer.sent = i64::try_from(writer.acknowledged.len()).unwrap_or(i64::MAX - 1) + 1;
        writer.sent
    }

    /// The row that `writer` sent last was acknowledged.
    pub fn acknowledge(&mut self, writer: i32, at: Duration) {
        self.writers
            .entry(writer)
            .or_default()
            .acknowledged
            .push(at);
    }

    /// Rows that were acknowledged so far.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.writers
            .values()
            .map(|writer| writer.acknowledged.len() as u64)
            .sum()
    }

    /// Compares with the rows that came back: writer, number, value; in any order.
    #[must_use]
    pub fn compare(&self, rows: impl IntoIterator<Item = (i32, i64, i64)>) -> Loss {
        let mut there: BTreeMap<i32, Vec<bool>> = self
            .writers
            .iter()
            .map(|(id, writer)| (*id, vec![false; writer.acknowledged.len()]))
            .collect();
        let mut loss = Loss {
            acknowledged: self.count(),
            ..Loss::default()
        };
        for (id, number, value) in rows {
            let known = self
                .writers
                .get(&id)
                .is_some_and(|writer| (1..=writer.sent).contains(&number));
            if !known || value != value_of(id, number) {
                loss.wrong += 1;
                continue;
            }
            let place = usize::try_from(number - 1).unwrap_or(usize::MAX);
            // A row that was in flight may or may not be there.
            if let Some(seen) = there.get_mut(&id).and_then(|seen| seen.get_mut(place)) {
                *seen = true;
            }
        }
        self.count_lost(&there, &mut loss);
        loss
    }

    fn count_lost(&self, there: &BTreeMap<i32, Vec<bool>>, loss: &mut Loss) {
        let mut first_lost: Option<Duration> = None;
        for (id, writer) in &self.writers {
            let seen = &there[id];
            let end = seen.iter().rposition(|seen| *seen).map_or(0, |at| at + 1);
            for (place, at) in writer.acknowledged.iter().enumerate() {
                if seen[place] {
                    continue;
                }
                loss.lost += 1;
                loss.gaps += u64::from(place < end);
                first_lost = Some(first_lost.map_or(*at, |first| first.min(*at)));
            }
        }
        let Some(first) = first_lost else { return };
        let all = || {
            self.writers
                .values()
                .flat_map(|writer| writer.acknowledged.iter())
        };
        let before = all().filter(|at| **at < first).max().unwrap_or(&first);
        let last = all().max().unwrap_or(&first);
        loss.seconds = last.saturating_sub(*before).as_secs_f64();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn log() -> Acknowledged {
        let mut log = Acknowledged::default();
        for number in 1..=10_u64 {
            for writer in [0, 1] {
                log.send(writer);
                let at = 100 * number + 10 * u64::from(writer == 1);
                log.acknowledge(writer, Duration::from_millis(at));
            }
        }
        // In flight when the server died.
        log.send(0);
        log
    }

    fn rows(log: &Acknowledged) -> Vec<(i32, i64, i64)> {
        (1..=10)
            .flat_map(|number| [0, 1].map(|writer| (writer, number, value_of(writer, number))))
            .filter(|(writer, ..)| log.writers.contains_key(writer))
            .collect()
    }

    #[test]
    fn nothing_lost_with_and_without_the_row_in_flight() {
        let log = log();
        let mut all = rows(&log);
        let nothing = Loss {
            acknowledged: 20,
            ..Loss::default()
        };
        assert_eq!(log.compare(all.clone()), nothing);
        all.push((0, 11, value_of(0, 11)));
        assert_eq!(log.compare(all), nothing);
    }

    #[test]
    fn the_end_is_lost_in_rows_and_seconds() {
        let log = log();
        let kept = rows(&log).into_iter().filter(|(_, number, _)| *number <= 8);
        let loss = log.compare(kept);
        assert_eq!((loss.lost, loss.gaps, loss.wrong), (4, 0, 0));
        // From 810 ms, the last that survived, to 1,010 ms.
        assert!((loss.seconds - 0.2).abs() < 1e-9, "{loss:?}");
        let none = log.compare([]);
        assert_eq!(none.lost, 20);
        assert!((none.seconds - 0.91).abs() < 1e-9, "{none:?}");
    }

    #[test]
    fn a_hole_is_a_gap_and_a_strange_row_is_wrong() {
        let log = log();
        let mut all = rows(&log);
        all.retain(|row| row.1 != 5 || row.0 != 1);
        let loss = log.compare(all.clone());
        assert_eq!((loss.lost, loss.gaps), (1, 1));
        all.push((0, 12, value_of(0, 12)));
        all.push((7, 1, value_of(7, 1)));
        all[0].2 ^= 1;
        let loss = log.compare(all);
        assert_eq!(
            loss.wrong, 3,
            "never sent, a strange writer, a changed value"
        );
        assert_eq!(loss.lost, 2, "the row with the changed value is lost");
    }
}
