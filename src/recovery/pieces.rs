//! What there is of a segment that was not whole when it was uploaded.

use std::collections::BTreeSet;

/// A piece of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Increment {
    /// Where in the segment it begins.
    pub offset: u32,
    /// Its length.
    pub bytes: u32,
}

/// The pieces of one segment. They may overlap: a receiver that was started anew begins with its
/// segment's first byte again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pieces(BTreeSet<Increment>);

impl Pieces {
    /// Adds one.
    pub fn add(&mut self, piece: Increment) {
        self.0.insert(piece);
    }

    /// In the order of their beginnings.
    pub fn iter(&self) -> impl Iterator<Item = &Increment> {
        self.0.iter()
    }

    /// Bytes of the segment, from its beginning, that they cover without a gap.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.0.iter().map(Increment::range).fold(
            0,
            |end, (from, to)| {
                if from <= end { end.max(to) } else { end }
            },
        )
    }

    /// Whether something is missing before the last one. A server would take the gap for the end
    /// of the log, since unwritten WAL is zeros, too.
    #[must_use]
    pub fn torn(&self) -> bool {
        let last = self.0.iter().map(|piece| piece.range().1).max();
        last.is_some_and(|last| last > self.covered())
    }
}

impl Increment {
    fn range(&self) -> (u64, u64) {
        let from = u64::from(self.offset);
        (from, from + u64::from(self.bytes))
    }
}

impl FromIterator<Increment> for Pieces {
    fn from_iter<T: IntoIterator<Item = Increment>>(pieces: T) -> Self {
        Self(pieces.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(all: &[(u32, u32)]) -> Pieces {
        all.iter()
            .map(|&(offset, bytes)| Increment { offset, bytes })
            .collect()
    }

    #[test]
    fn a_gap_ends_what_is_covered() {
        for (all, covered, torn) in [
            (&[][..], 0, false),
            (&[(0, 40), (40, 8)], 48, false),
            (&[(0, 40), (0, 100), (60, 10), (90, 30)], 120, false),
            (&[(0, 40), (48, 8)], 40, true),
            (&[(40, 8)], 0, true),
            (&[(0, 10), (20, 5), (5, 10)], 15, true),
        ] {
            let pieces = pieces(all);
            assert_eq!(
                (pieces.covered(), pieces.torn()),
                (covered, torn),
                "{all:?}"
            );
        }
    }
}
