//! The WAL of a repository: which segments are there, whole or in part, and where the chain ends.

use std::collections::{BTreeMap, BTreeSet};

use super::{Increment, Pieces, Segment};

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
    /// Nothing, and there is none after it: the WAL ends before it.
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
    fn a_hole_is_no_end() {
        let broken = chain(&[5]);
        assert_eq!(broken.presence(segment(5)), Presence::Hole);
    }
}
