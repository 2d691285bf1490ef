//! Ranges of a table's blocks: the unit that is copied, recorded and copied again.

use serde::{Deserialize, Serialize};

/// Bytes of heap and TOAST that one range should hold: some seconds of work, so that little is
/// lost with a killed worker and little is read again on a resume.
pub const CHUNK_BYTES: u64 = 64 << 20;

/// A range of blocks. The last one of a table has no end: rows that were added since its size was
/// read lie there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// First block.
    pub from: u64,
    /// The block after the last.
    pub to: Option<u64>,
}

impl Range {
    /// The condition on `ctid`; `None` when it holds for all rows. PostgreSQL answers it by a TID
    /// range scan, which reads these blocks alone.
    #[must_use]
    pub fn condition(&self) -> Option<String> {
        let bound = |operator: &str, block: u64| {
            format!("ctid operator(pg_catalog.{operator}) '({block},0)'::pg_catalog.tid")
        };
        match (self.from, self.to) {
            (0, None) => None,
            (from, None) => Some(bound(">=", from)),
            (0, Some(to)) => Some(bound("<", to)),
            (from, Some(to)) => Some(format!("{} and {}", bound(">=", from), bound("<", to))),
        }
    }
}

/// Cuts a table of `blocks` blocks, whose heap and TOAST have `bytes` bytes, into ranges of about
/// `target` bytes; at least one, the last one open.
#[must_use]
pub fn ranges(blocks: u64, bytes: u64, target: u64) -> Vec<Range> {
    let pieces = bytes.div_ceil(target.max(1)).clamp(1, blocks.max(1));
    let step = blocks.div_ceil(pieces).max(1);
    let mut found = Vec::new();
    let mut from = 0;
    while from + step < blocks {
        found.push(Range {
            from,
            to: Some(from + step),
        });
        from += step;
    }
    found.push(Range { from, to: None });
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_empty_table_has_one_open_range() {
        let all = ranges(0, 0, CHUNK_BYTES);
        assert_eq!(all, [Range { from: 0, to: None }]);
        assert_eq!(all[0].condition(), None);
    }

    #[test]
    fn toast_makes_ranges_smaller() {
        assert_eq!(ranges(100, 100 * 8192, CHUNK_BYTES).len(), 1);
        assert_eq!(ranges(100, 10 * CHUNK_BYTES, CHUNK_BYTES).len(), 10);
        assert_eq!(ranges(4, 10 * CHUNK_BYTES, CHUNK_BYTES).len(), 4);
    }

    proptest! {
        #[test]
        fn ranges_cover_every_block_once(blocks in 0_u64..100_000, bytes in 0_u64..1 << 40) {
            let all = ranges(blocks, bytes, CHUNK_BYTES);
            prop_assert_eq!(all[0].from, 0);
            prop_assert_eq!(all[all.len() - 1].to, None);
            for pair in all.windows(2) {
                prop_assert_eq!(pair[0].to, Some(pair[1].from));
                prop_assert!(pair[0].from < pair[1].from);
            }
        }
    }
}
