//! The WAL of a repository: which segments are there, whole or in part, and where the chain ends.

use std::collections::{BTreeMap, BTreeSet};

use super::{Increment, Lsn, Pieces, Segment, TimelineHistory};

/// The files of WAL in a repository.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WalChain {
    /// Size of a segment.
    bytes: u32,
    whole: BTreeSet<Segment>,
    partial: BTreeMap<Segment, Pieces>,
    histories: BTreeSet<u32>,
}

/// What there is of a segment that a server asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// All of it.
    Whole,
    /// Its beginning, in pieces; what follows was never uploaded.
    Partial(Pieces),
    /// Nothing, and there is none after it on its timeline: the WAL ends before it, unless another
    /// timeline continues it ([`WalChain::is_passed_by`]).
    Beyond,
    /// Nothing, though there are later ones.
    Hole,
}

/// Folder of a timeline's segments.
#[must_use]
pub fn wal_folder(timeline: u32) -> String {
    format!("wal/{timeline:08X}")
}

/// Name of a whole segment in the repository.
#[must_use]
pub fn wal_name(segment: Segment, bytes: u32) -> String {
    format!("{}/{}", wal_folder(segment.timeline), segment.name(bytes))
}

/// Name of a piece of a segment.
#[must_use]
pub fn increment_name(segment: Segment, increment: Increment, bytes: u32) -> String {
    format!(
        "{}.partial/{:08X}-{}",
        wal_name(segment, bytes),
        increment.offset,
        increment.bytes
    )
}

/// Name of a timeline's history.
#[must_use]
pub fn history_name(timeline: u32) -> String {
    format!("wal/history/{timeline:08X}")
}

/// A file below `wal` of a repository.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WalFile {
    /// The history of a timeline.
    History(u32),
    /// A whole segment.
    Whole(Segment),
    /// A piece of the segment that was being written.
    Piece(Segment, Increment),
}

impl WalFile {
    /// Reads a name; None when it is a stranger's. `bytes` is the size of a segment.
    #[must_use]
    pub fn parse(name: &str, bytes: u32) -> Option<Self> {
        let parts: Vec<&str> = name.split('/').collect();
        match parts.as_slice() {
            ["wal", "history", timeline] => {
                u32::from_str_radix(timeline, 16).ok().map(Self::History)
            }
            ["wal", _, segment] => Segment::parse(segment, bytes).map(Self::Whole),
            ["wal", _, partial, piece] => {
                let segment = Segment::parse(partial.strip_suffix(".partial")?, bytes)?;
                Some(Self::Piece(segment, increment(piece, bytes)?))
            }
            _ => None,
        }
    }
}

impl WalChain {
    /// Reads the names of a listing of `wal`; `bytes` is the size of a segment. Strange names are
    /// left out.
    #[must_use]
    pub fn of<'a>(names: impl IntoIterator<Item = &'a str>, bytes: u32) -> Self {
        let mut chain = Self {
            bytes,
            ..Self::default()
        };
        for name in names {
            match WalFile::parse(name, bytes) {
                Some(WalFile::History(timeline)) => {
                    chain.histories.insert(timeline);
                }
                Some(WalFile::Whole(segment)) => {
                    chain.whole.insert(segment);
                }
                Some(WalFile::Piece(segment, piece)) => {
                    chain.partial.entry(segment).or_default().add(piece);
                }
                None => {}
            }
        }
        chain
    }

    /// What there is of a segment.
    #[must_use]
    pub fn presence(&self, segment: Segment) -> Presence {
        if self.whole.contains(&segment) {
            return Presence::Whole;
        }
        let later = self
            .newest(segment.timeline)
            .is_some_and(|last| last > segment);
        match self.partial.get(&segment) {
            // Increments may not reach the end of their segment.
            Some(pieces) if !later => Presence::Partial(pieces.clone()),
            // A server never asks for what lies before the beginning of a timeline.
            _ if later => Presence::Hole,
            _ => Presence::Beyond,
        }
    }

    /// Whether a line of timelines goes through the whole of a segment and on behind it: then all of the
    /// segment was written, whatever is there of it, and its own timeline has nothing after it only
    /// because the line has left that.
    #[must_use]
    pub fn is_passed_by(&self, segment: Segment, line: &TimelineHistory) -> bool {
        let last = |segment: Segment| Lsn(segment.end(self.bytes).0 - 1);
        let on_line = |one: &Segment| {
            let ends = [one.start(self.bytes), last(*one)];
            ends.map(|lsn| line.timeline_at(lsn))
                .contains(&one.timeline)
        };
        line.timeline_at(last(segment)) == segment.timeline
            && self
                .whole
                .iter()
                .chain(self.partial.keys())
                .any(|later| later.number > segment.number && on_line(later))
    }

    /// Timelines after this one whose histories are there.
    pub fn histories_after(&self, timeline: u32) -> impl Iterator<Item = u32> {
        self.histories.range(timeline.saturating_add(1)..).copied()
    }

    /// Whether there is the history of this timeline.
    #[must_use]
    pub fn has_history(&self, timeline: u32) -> bool {
        self.histories.contains(&timeline)
    }

    /// The last segment of a timeline, whole or in part.
    #[must_use]
    pub fn newest(&self, timeline: u32) -> Option<Segment> {
        let whole = self.whole.iter().filter(|s| s.timeline == timeline).max();
        let partial = self.partial.keys().filter(|s| s.timeline == timeline).max();
        whole.max(partial).copied()
    }

    /// The last whole segment of a timeline.
    #[must_use]
    pub fn newest_whole(&self, timeline: u32) -> Option<Segment> {
        let whole = self.whole.iter().filter(|s| s.timeline == timeline);
        whole.max().copied()
    }
}

/// Reads `00012000-8192`.
fn increment(name: &str, segment: u32) -> Option<Increment> {
    let (offset, length) = name.split_once('-')?;
    let found = Increment {
        offset: u32::from_str_radix(offset, 16).ok()?,
        bytes: length.parse().ok()?,
    };
    (u64::from(found.offset) + u64::from(found.bytes) <= u64::from(segment)).then_some(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MB: u32 = 1 << 20;

    fn segment(number: u64) -> Segment {
        Segment {
            timeline: 1,
            number,
        }
    }

    fn chain(without: &[u64]) -> WalChain {
        let mut names: Vec<String> = (3..8)
            .filter(|number| !without.contains(number))
            .map(|number| wal_name(segment(number), MB))
            .collect();
        for offset in [0, 8192] {
            let piece = Increment {
                offset,
                bytes: 16_384,
            };
            names.push(increment_name(segment(8), piece, MB));
        }
        names.push("wal/strange".to_owned());
        WalChain::of(names.iter().map(String::as_str), MB)
    }

    #[test]
    fn a_chain_ends_with_its_last_piece() {
        let chain = chain(&[]);
        assert_eq!(chain.presence(segment(5)), Presence::Whole);
        assert_eq!(chain.presence(segment(9)), Presence::Beyond);
        assert_eq!(chain.presence(segment(2)), Presence::Hole);
        match chain.presence(segment(8)) {
            Presence::Partial(pieces) => assert_eq!(pieces.covered(), 24_576),
            other => panic!("{other:?}"),
        }
        assert_eq!(chain.newest(1), Some(segment(8)));
        assert_eq!(chain.newest_whole(1), Some(segment(7)));
    }

    #[test]
    fn what_another_timeline_continues_is_no_end() {
        let own = |number| segment(number);
        let other = |timeline, number| Segment { timeline, number };
        let there = [own(3), own(4), other(2, 7), other(2, 8), other(3, 20)];
        let names: Vec<String> = there.iter().map(|one| wal_name(*one, MB)).collect();
        let chain = WalChain::of(names.iter().map(String::as_str), MB);
        let at = |number: u64, offset: u64| Lsn(number * u64::from(MB) + offset);
        let text = |branch: Lsn| format!("1\t{branch}\tx\n");
        let line = TimelineHistory::parse(2, &text(at(7, 500))).unwrap();
        for (number, passed) in [(4, true), (5, true), (6, true), (7, false), (8, false)] {
            assert_eq!(chain.is_passed_by(own(number), &line), passed, "{number}");
        }
        // It begins with the first byte of its segment.
        let line = TimelineHistory::parse(2, &text(at(7, 0))).unwrap();
        assert!(chain.is_passed_by(own(6), &line) && !chain.is_passed_by(own(7), &line));
        // One that left earlier, and one of which there is nothing.
        let early = TimelineHistory::parse(3, &text(at(4, 500))).unwrap();
        assert!(!chain.is_passed_by(own(5), &early));
        let empty = TimelineHistory::parse(4, &text(at(7, 500))).unwrap();
        assert!(!chain.is_passed_by(own(5), &empty));
    }

    #[test]
    fn a_hole_is_no_end() {
        let broken = chain(&[5]);
        assert_eq!(broken.presence(segment(5)), Presence::Hole);
    }
}
