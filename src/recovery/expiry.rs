//! Which WAL may go, in a history with more than one timeline.
//!
//! After a recovery to a moment of the past the cluster writes segments of small numbers again, on
//! a new timeline. Numbers alone say nothing then: the oldest backup that stays may be one of a
//! timeline that was left, with a number above all that the living timeline has written.

use std::collections::{BTreeMap, BTreeSet};

use super::{BackupManifest, Segment, TimelineHistory};

/// The timelines of a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Timelines {
    /// The history of each timeline that has one and whose file opens.
    pub histories: BTreeMap<u32, TimelineHistory>,
    /// The newest timeline that there is anything of.
    pub newest: u32,
    /// Timelines whose WAL is there and whose history is not ([`untold`](super::untold)).
    pub lost: BTreeSet<u32>,
}

impl Timelines {
    /// The history of a timeline; the first has none. None when nobody knows it.
    fn of(&self, timeline: u32) -> Option<TimelineHistory> {
        let known = self.histories.get(&timeline).cloned();
        known.or_else(|| (timeline == 1).then(TimelineHistory::first))
    }

    /// Whether `timeline` can be recovered from a backup: it is the backup's own, or its history
    /// passes through the backup.
    #[must_use]
    pub fn passes(&self, timeline: u32, backup: &BackupManifest) -> bool {
        timeline == backup.timeline
            || self
                .of(timeline)
                .is_some_and(|history| backup.lies_on(&history))
    }

    /// The newest timeline that may continue a backup without anybody knowing: its history is missing,
    /// and there is no backup of its own among `backups` that makes the older ones dispensable.
    #[must_use]
    pub fn may_continue(
        &self,
        backup: &BackupManifest,
        backups: &[&BackupManifest],
    ) -> Option<u32> {
        let newest = backups.iter().map(|one| one.timeline).max().unwrap_or(0);
        let mut lost = self.lost.iter().rev().copied();
        lost.find(|timeline| *timeline > backup.timeline && *timeline > newest)
    }

    /// The newest of `backups` from which the newest timeline can be recovered. It must stay, even
    /// when a newer one exists of a timeline that was left.
    #[must_use]
    pub fn living<'a>(&self, backups: &[&'a BackupManifest]) -> Option<&'a BackupManifest> {
        let of_it = backups
            .iter()
            .filter(|backup| self.passes(self.newest, backup));
        of_it
            .max_by_key(|backup| (backup.ended_at, &backup.id))
            .copied()
    }

    /// The number of the first segment of a timeline that has to stay, when `stays` stay; none when
    /// all of it has to.
    #[must_use]
    pub fn first_needed(&self, timeline: u32, stays: &[&BackupManifest]) -> Option<u64> {
        // Of an unknown history nobody can say who needs it.
        self.of(timeline)?;
        let first = |backup: &&BackupManifest| backup.first_segment().number;
        let ancestor = |backup: &BackupManifest| {
            // The segment in which a timeline branched off may lie on the one before alone.
            self.of(backup.timeline).is_none_or(|history| {
                let mut branches = history.branches.iter();
                branches.any(|branch| branch.timeline == timeline)
            })
        };
        let users = stays
            .iter()
            .filter(|backup| self.passes(timeline, backup) || ancestor(backup));
        match users.map(first).min() {
            Some(number) => Some(number),
            // It lives, and its first backup may be under way.
            None if timeline >= self.newest => None,
            // Nobody can use it. Numbers are what is left to go by, and they grow.
            None => stays.iter().map(first).min(),
        }
    }

    /// Whether a segment can go.
    #[must_use]
    pub fn spent(&self, segment: Segment, stays: &[&BackupManifest]) -> bool {
        let first = self.first_needed(segment.timeline, stays);
        first.is_some_and(|first| segment.number < first)
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::tests::sample;
    use super::*;
    use crate::recovery::{Branch, Lsn};

    const SIZE: u64 = 16 << 20;

    /// A backup on a timeline, whose WAL begins in that segment.
    fn backup(day: u32, timeline: u32, segment: u64) -> BackupManifest {
        BackupManifest {
            timeline,
            start: Lsn(segment * SIZE + 40),
            end: Lsn(segment * SIZE + 300),
            ..sample(&format!("202611{day:02}T021500Z-0f3a9c"), 1)
        }
    }

    /// Timeline 2 left timeline 1 in segment 5.
    fn forked() -> Timelines {
        let branch = Branch {
            timeline: 1,
            at: Lsn(5 * SIZE + 900),
        };
        let history = TimelineHistory {
            timeline: 2,
            branches: vec![branch],
        };
        Timelines {
            histories: [(2, history)].into(),
            newest: 2,
            ..Timelines::default()
        }
    }

    #[test]
    fn a_timeline_without_a_history_may_continue_what_is_older() {
        let mut lines = forked();
        lines.lost = [3].into();
        lines.newest = 3;
        let (old, new) = (backup(1, 1, 3), backup(2, 2, 6));
        assert_eq!(lines.may_continue(&old, &[&old, &new]), Some(3));
        assert_eq!(lines.may_continue(&new, &[&old, &new]), Some(3));
        let own = backup(3, 3, 8);
        assert_eq!(lines.may_continue(&old, &[&old, &new, &own]), None);
        assert_eq!(forked().may_continue(&old, &[&old]), None);
    }

    fn segment(timeline: u32, number: u64) -> Segment {
        Segment { timeline, number }
    }

    #[test]
    fn on_one_timeline_the_oldest_backup_decides() {
        let one = Timelines {
            newest: 1,
            ..Timelines::default()
        };
        let (old, new) = (backup(1, 1, 4), backup(2, 1, 9));
        let both = [&old, &new];
        assert!(one.spent(segment(1, 3), &both) && !one.spent(segment(1, 4), &both));
        assert!(one.spent(segment(1, 8), &[&new]) && !one.spent(segment(1, 9), &[&new]));
        assert_eq!(one.living(&both), Some(&new));
    }

    #[test]
    fn a_backup_of_a_timeline_that_was_left_says_nothing_of_the_living_one() {
        let lines = forked();
        // Taken on timeline 1 behind the fork: timeline 2 cannot be recovered from it.
        let (before, behind) = (backup(1, 1, 3), backup(2, 1, 10));
        assert!(lines.passes(2, &before) && !lines.passes(2, &behind));
        assert_eq!(lines.living(&[&before, &behind]), Some(&before));
        // One that was restored to its end and promoted there begins with the byte after it.
        let mut at_the_end = before.clone();
        at_the_end.end = Lsn(5 * SIZE + 900);
        assert!(lines.passes(2, &at_the_end));
        // With `behind` alone, numbers below 10 on timeline 2 are not spent.
        for number in 5..20 {
            assert!(!lines.spent(segment(2, number), &[&behind]), "{number}");
        }
        assert!(lines.spent(segment(1, 9), &[&behind]));
        assert!(!lines.spent(segment(1, 10), &[&behind]));
        // With the one before the fork, both lines from there on.
        let both = [&before, &behind];
        assert!(!lines.spent(segment(1, 3), &both) && !lines.spent(segment(2, 5), &both));
        assert!(lines.spent(segment(1, 2), &both));
    }

    #[test]
    fn the_segment_of_the_fork_stays_and_what_is_unknown_stays() {
        let lines = forked();
        let new = backup(3, 2, 5);
        assert!(!lines.spent(segment(1, 5), &[&new]) && lines.spent(segment(1, 4), &[&new]));
        let later = backup(4, 2, 12);
        // Timeline 1 is of no use to it, and goes as far as numbers tell.
        assert!(lines.spent(segment(1, 11), &[&later]) && lines.spent(segment(2, 11), &[&later]));
        assert!(!lines.spent(segment(2, 12), &[&later]));
        let unknown = Timelines {
            newest: 3,
            ..forked()
        };
        assert!(!unknown.spent(segment(3, 1), &[&later]));
        assert_eq!(unknown.living(&[&later]), None);
    }
}
