//! What can be recovered from a repository and what cannot: each backup with the WAL that carries
//! it on, followed segment by segment over its timelines, and every hole by name.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{BackupManifest, Lsn, Pieces, Segment, TimelineHistory, WalFile, untold};

/// The files of a repository that recovery lives on.
#[derive(Debug, Clone, Default)]
pub struct Inventory {
    /// Size of a segment in bytes.
    pub segment_bytes: u32,
    /// Whole segments, with the time at which the repository got them.
    pub whole: BTreeMap<Segment, DateTime<Utc>>,
    /// Segments of which only pieces are there, and the time of the newest of them.
    pub partial: BTreeMap<Segment, (Pieces, DateTime<Utc>)>,
    /// Histories of timelines.
    pub histories: BTreeMap<u32, TimelineHistory>,
    /// Complete backups, in the order of their ids.
    pub backups: Vec<BackupManifest>,
}

/// What can be recovered.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WalMap {
    /// Each backup.
    pub backups: Vec<Reach>,
    /// What is missing between segments that are there.
    pub holes: Vec<Hole>,
    /// Whole segments that no backup can use: they come before every one of them.
    pub unused_segments: u64,
    /// Timelines whose WAL is there and whose history is not: nobody knows what they continue, and a
    /// recovery would end where they began.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lost_histories: Vec<u32>,
}

/// How far a backup can be carried on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reach {
    /// The backup.
    pub id: String,
    /// The earliest place that can be recovered: where the backup is consistent.
    pub from: Lsn,
    /// The earliest time: when the backup ended.
    pub from_time: DateTime<Utc>,
    /// Where the unbroken WAL after it ends. It ends at the first hole, whatever lies behind that.
    pub to: Lsn,
    /// When the repository got the last of it; later commits cannot be recovered. None when the
    /// backup has only the WAL inside itself.
    pub to_time: Option<DateTime<Utc>>,
    /// The timeline on which it ends.
    pub timeline: u32,
    /// Segments of it.
    pub segments: u64,
    /// Whether the backup itself lacks WAL that it needs to become consistent.
    pub broken: bool,
    /// The newest timeline, when it left the backup's own before its end: what the backup holds is
    /// not in the past of the cluster that went on. A restore refuses it, as a server with
    /// `recovery_target_timeline = latest` does (PostgreSQL, `xlogrecovery.c`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub left_by: Option<u32>,
}

/// The way of a recovery from a backup on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Followed {
    /// How far it comes.
    pub reach: Reach,
    /// The beginning of the last whole segment of that, which a recovery to the end must reach.
    pub sure: Lsn,
    /// What is missing on the way, from the first segment to the last of each hole.
    pub missing: Vec<(Segment, Segment)>,
}

/// Segments that are missing.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Hole {
    /// The name of the first one.
    pub first: String,
    /// The name of the last one.
    pub last: String,
    /// How many.
    pub segments: u64,
    /// The backups that cannot be carried past it.
    pub blocks: Vec<String>,
}

/// What there is of a segment.
enum There<'a> {
    Whole(Segment, DateTime<Utc>),
    Pieces(Segment, &'a Pieces, DateTime<Utc>),
    Nothing,
}

impl Inventory {
    /// Follows every backup.
    #[must_use]
    pub fn map(&self) -> WalMap {
        let mut holes: BTreeMap<(Segment, Segment), Vec<String>> = BTreeMap::new();
        let mut backups = Vec::new();
        for backup in &self.backups {
            let Followed { reach, missing, .. } = self.follow(backup);
            for range in missing {
                holes.entry(range).or_default().push(backup.id.clone());
            }
            backups.push(reach);
        }
        let first = self.backups.iter().map(BackupManifest::first_segment);
        let first = first.map(|segment| segment.number).min();
        let unused = self
            .whole
            .keys()
            .filter(|segment| first.is_none_or(|first| segment.number < first))
            .count();
        WalMap {
            backups,
            holes: holes
                .into_iter()
                .map(|((first, last), blocks)| Hole {
                    first: first.name(self.segment_bytes),
                    last: last.name(self.segment_bytes),
                    segments: last.number - first.number + 1,
                    blocks,
                })
                .collect(),
            unused_segments: unused as u64,
            lost_histories: self
                .lost_histories()
                .into_iter()
                .filter(|timeline| self.backups.iter().any(|one| one.timeline < *timeline))
                .collect(),
        }
    }

    /// Timelines whose WAL is there, and neither their history nor that of one that continues them.
    #[must_use]
    pub fn lost_histories(&self) -> BTreeSet<u32> {
        let segments = self.whole.keys().chain(self.partial.keys());
        untold(segments.map(|segment| segment.timeline), &self.histories)
    }

    /// Adds a file of WAL that the repository got at `time`. Histories are added by their text.
    pub fn add(&mut self, file: WalFile, time: DateTime<Utc>) {
        match file {
            WalFile::History(_) => {}
            WalFile::Whole(segment) => {
                self.whole.insert(segment, time);
            }
            WalFile::Piece(segment, piece) => {
                let (pieces, newest) = self
                    .partial
                    .entry(segment)
                    .or_insert_with(|| (Pieces::default(), time));
                pieces.add(piece);
                *newest = time.max(*newest);
            }
        }
    }

    /// The newest timeline whose past holds the backup.
    fn line_of(&self, backup: &BackupManifest) -> TimelineHistory {
        self.histories
            .values()
            .rev()
            .find(|history| history.timeline > backup.timeline && backup.lies_on(history))
            .cloned()
            .unwrap_or(TimelineHistory {
                timeline: backup.timeline,
                branches: Vec::new(),
            })
    }

    /// Follows one backup.
    #[must_use]
    pub fn follow(&self, backup: &BackupManifest) -> Followed {
        let line = self.line_of(backup);
        let bytes = self.segment_bytes;
        let first = backup.first_segment();
        let brought = backup.brought();
        let mut reach = Reach {
            id: backup.id.clone(),
            from: backup.end,
            from_time: backup.ended_at,
            to: if backup.wal_included {
                backup.end
            } else {
                first.start(bytes)
            },
            to_time: None,
            timeline: backup.timeline,
            segments: 0,
            broken: false,
            left_by: self
                .histories
                .keys()
                .next_back()
                .copied()
                .filter(|newest| *newest > line.timeline),
        };
        let mut sure = backup.end;
        let mut missing: Vec<(Segment, Segment)> = Vec::new();
        let needed = Segment::holding(Lsn(backup.end.0.saturating_sub(1)), backup.timeline, bytes);
        let last = self.last_on(&line).max(needed.number);
        for number in first.number..=last {
            let (named, there) = self.there(&line, number);
            let (start, end) = (named.start(bytes), named.end(bytes));
            match there {
                There::Whole(name, time) if missing.is_empty() => {
                    reach.to = reach.to.max(end);
                    sure = sure.max(start);
                    reach.to_time = Some(time);
                    reach.timeline = name.timeline;
                    reach.segments += 1;
                }
                There::Pieces(name, pieces, time) if number == last => {
                    if missing.is_empty() {
                        reach.to = reach.to.max(Lsn(start.0 + pieces.covered()));
                        reach.to_time = Some(time);
                        reach.timeline = name.timeline;
                    }
                    if pieces.torn() {
                        missing.push((name, name));
                    }
                }
                There::Whole(..) => {}
                _ if brought.is_some_and(|brought| {
                    brought.holds_all_of(named) || number == last && brought.holds(named)
                }) => {}
                _ => match missing.last_mut() {
                    Some((_, end)) if end.next() == named => *end = named,
                    _ => missing.push((named, named)),
                },
            }
        }
        reach.broken = reach.to < backup.end;
        Followed {
            reach,
            sure,
            missing,
        }
    }

    /// What there is of a segment on a line of timelines, and its name by its first byte. One in which
    /// a timeline began is kept under the new one, with the bytes before.
    fn there(&self, line: &TimelineHistory, number: u64) -> (Segment, There<'_>) {
        let on = |timeline| Segment { timeline, number };
        let at = |lsn| on(line.timeline_at(lsn));
        let bytes = self.segment_bytes;
        let named = at(on(1).start(bytes));
        let names = [at(Lsn(on(1).end(bytes).0 - 1)), named];
        let whole = names
            .iter()
            .find_map(|name| Some(There::Whole(*name, *self.whole.get(name)?)));
        let pieces = || {
            names.iter().find_map(|name| {
                let (pieces, time) = self.partial.get(name)?;
                Some(There::Pieces(*name, pieces, *time))
            })
        };
        (named, whole.or_else(pieces).unwrap_or(There::Nothing))
    }

    /// The number of the last segment on a line of timelines, whole or in part.
    fn last_on(&self, line: &TimelineHistory) -> u64 {
        let on_line = |segment: &&Segment| {
            let start = segment.start(self.segment_bytes);
            let end = Lsn(segment.end(self.segment_bytes).0 - 1);
            [start, end]
                .map(|lsn| line.timeline_at(lsn))
                .contains(&segment.timeline)
        };
        let whole = self
            .whole
            .keys()
            .filter(on_line)
            .map(|one| one.number)
            .max();
        let partial = self
            .partial
            .keys()
            .filter(on_line)
            .map(|one| one.number)
            .max();
        whole.max(partial).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::Increment;
    use super::super::manifest::tests::sample;
    use super::*;

    const MIB: u32 = 1 << 20;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000 + second, 0).unwrap()
    }

    /// A backup over the segments `from..=to` of a timeline.
    fn backup(id: &str, timeline: u32, from: u64, to: u64) -> BackupManifest {
        BackupManifest {
            id: id.to_owned(),
            timeline,
            wal_segment_bytes: MIB,
            start: Lsn(from * u64::from(MIB) + 40),
            end: Lsn(to * u64::from(MIB) + 400),
            wal_included: false,
            ..sample("20261126T021500Z-0f3a9c", 1)
        }
    }

    fn inventory(segments: &[(u32, u64)], backups: Vec<BackupManifest>) -> Inventory {
        let whole = segments.iter().enumerate();
        Inventory {
            segment_bytes: MIB,
            whole: whole
                .map(|(place, (timeline, number))| {
                    let segment = Segment {
                        timeline: *timeline,
                        number: *number,
                    };
                    (segment, at(i64::try_from(place).unwrap()))
                })
                .collect(),
            backups,
            ..Inventory::default()
        }
    }

    fn lsn(segment: u64) -> Lsn {
        Lsn(segment * u64::from(MIB))
    }

    #[test]
    fn an_unbroken_chain_reaches_its_end() {
        let found = inventory(
            &[(1, 3), (1, 4), (1, 5), (1, 6)],
            vec![backup("b", 1, 4, 4)],
        )
        .map();
        let reach = &found.backups[0];
        assert_eq!((reach.to, reach.segments, reach.broken), (lsn(7), 3, false));
        assert_eq!(reach.to_time, Some(at(3)));
        assert_eq!((found.holes.len(), found.unused_segments), (0, 1));
    }

    #[test]
    fn a_hole_is_named_and_nothing_behind_it_counts() {
        let segments = [(1, 4), (1, 5), (1, 8), (1, 9)];
        let found = inventory(&segments, vec![backup("a", 1, 4, 4), backup("b", 1, 8, 8)]).map();
        assert_eq!(found.backups[0].to, lsn(6));
        assert_eq!(found.backups[1].to, lsn(10));
        let [hole] = found.holes.as_slice() else {
            panic!("{:?}", found.holes);
        };
        assert_eq!(hole.first, "000000010000000000000006");
        assert_eq!(hole.last, "000000010000000000000007");
        assert_eq!((hole.segments, &hole.blocks), (2, &vec!["a".to_owned()]));
    }

    #[test]
    fn a_backup_without_its_own_wal_is_broken_unless_it_carries_it() {
        let mut bare = backup("b", 1, 4, 5);
        let found = inventory(&[(1, 4)], vec![bare.clone()]).map();
        assert!(found.backups[0].broken);
        let none = inventory(&[], vec![bare.clone()]).map();
        assert!(none.backups[0].broken, "{none:?}");
        bare.wal_included = true;
        let found = inventory(&[], vec![bare.clone()]).map();
        assert_eq!(found.backups[0].to, bare.end);
        assert!(
            !found.backups[0].broken && found.holes.is_empty(),
            "{found:?}"
        );
        // The first segment after it is missing, later ones are not.
        let found = inventory(&[(1, 7)], vec![bare.clone()]).map();
        assert_eq!(found.backups[0].to, bare.end);
        assert_eq!(found.holes[0].first, "000000010000000000000006");
    }

    #[test]
    fn the_last_segment_of_a_standby_s_backup_is_needed_when_more_follows() {
        let mut backup = backup("b", 1, 4, 5);
        (backup.wal_included, backup.from_standby) = (true, true);
        let alone = inventory(&[], vec![backup.clone()]).map();
        assert_eq!((alone.backups[0].to, alone.holes.len()), (backup.end, 0));
        let followed = inventory(&[(1, 6)], vec![backup.clone()]).map();
        assert_eq!(followed.backups[0].to, backup.end);
        assert_eq!(followed.holes[0].first, "000000010000000000000005");
        let whole = inventory(&[(1, 5), (1, 6)], vec![backup]).map();
        assert_eq!((whole.backups[0].to, whole.holes.len()), (lsn(7), 0));
    }

    #[test]
    fn the_newest_timeline_that_holds_the_backup_is_followed() {
        let segments = [(1, 4), (1, 5), (1, 6), (1, 7), (2, 6), (2, 7), (2, 8)];
        let mut both = inventory(&segments, vec![backup("a", 1, 4, 4), backup("b", 1, 7, 7)]);
        let left = Lsn(6 * u64::from(MIB) + 500);
        both.histories.insert(
            2,
            TimelineHistory::parse(2, &format!("1\t{left}\tno recovery target\n")).unwrap(),
        );
        let found = both.map();
        assert_eq!(
            (found.backups[0].to, found.backups[0].timeline),
            (lsn(9), 2)
        );
        // Taken on the old timeline after the new one had left it.
        assert_eq!(
            (found.backups[1].to, found.backups[1].timeline),
            (lsn(8), 1)
        );
        assert_eq!(
            [0, 1].map(|place: usize| found.backups[place].left_by),
            [None, Some(2)]
        );
        assert!(found.holes.is_empty(), "{:?}", found.holes);
    }

    #[test]
    fn a_timeline_without_its_history_is_lost_unless_another_tells_of_it() {
        let segments = [(1, 4), (1, 5), (2, 5), (2, 6)];
        let mut found = inventory(&segments, vec![backup("a", 1, 4, 4)]);
        assert_eq!(found.map().lost_histories, [2]);
        // A backup of it needs no history.
        found.backups = vec![backup("b", 2, 6, 6)];
        assert_eq!(found.map().lost_histories, [0; 0]);
        found.backups.insert(0, backup("a", 1, 4, 4));
        let left = |timeline, text: &str| TimelineHistory::parse(timeline, text).unwrap();
        found.histories.insert(4, left(4, "1\t0/400100\tx\n"));
        assert_eq!(found.map().lost_histories, [2]);
        let text = "1\t0/500100\tx\n2\t0/600100\tx\n";
        found.histories.insert(3, left(3, text));
        assert_eq!(found.map().lost_histories, [0; 0]);
    }

    #[test]
    fn the_beginning_of_the_last_segment_counts() {
        let mut last = inventory(&[(1, 4)], vec![backup("a", 1, 4, 4)]);
        let next = Segment {
            timeline: 1,
            number: 5,
        };
        let mut add = |offset, second| {
            let piece = Increment {
                offset,
                bytes: 4096,
            };
            last.add(WalFile::Piece(next, piece), at(second));
            last.map()
        };
        let found = add(0, 9);
        assert_eq!(found.backups[0].to, Lsn(lsn(5).0 + 4096));
        assert_eq!(found.backups[0].to_time, Some(at(9)));
        assert!(found.holes.is_empty());
        // What lies behind a gap between pieces cannot be reached.
        let found = add(8192, 10);
        assert_eq!(found.backups[0].to, Lsn(lsn(5).0 + 4096));
        assert_eq!(found.holes[0].first, next.name(MIB));
        let found = add(4096, 11);
        assert_eq!(found.backups[0].to, Lsn(lsn(5).0 + 3 * 4096));
        assert!(found.holes.is_empty());
    }

    proptest! {
        /// Against a walk that is obviously right.
        #[test]
        fn the_reach_is_the_first_gap(present in prop::collection::btree_set(4_u64..30, 0..26), end in 4_u64..8) {
            let segments: Vec<(u32, u64)> = present.iter().map(|number| (1, *number)).collect();
            let found = inventory(&segments, vec![backup("a", 1, 4, end)]).map();
            let mut number = 4;
            while present.contains(&number) {
                number += 1;
            }
            prop_assert_eq!(found.backups[0].to, lsn(number));
            prop_assert_eq!(found.backups[0].broken, number <= end);
            let lost: u64 = found.holes.iter().map(|hole| hole.segments).sum();
            let last = present.last().copied().unwrap_or(0).max(end);
            prop_assert_eq!(lost, (4..=last).filter(|n| !present.contains(n)).count() as u64);
        }
    }
}
