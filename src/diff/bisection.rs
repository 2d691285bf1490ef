//! Which chunks are compared next: a level of chunks by the hash of the key, then only the unequal
//! ones cut finer, until what is left is read row by row.
//!
//! Chunks are cut by hash and not by ranges of the key: two servers may sort texts differently, a
//! hash works for every type and for tables without a key, and no skew makes a chunk large.

/// Bounds of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Chunks of the first level; a power of two.
    pub first: u64,
    /// Chunks of any later level at most: 64 bytes each are held for both sides.
    pub groups: u64,
    /// Rows that are read one by one rather than cut finer.
    pub rows: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first: 1024,
            groups: 65_536,
            rows: 50_000,
        }
    }
}

/// Some chunks: the lowest `bits` bits of the hash of a key are the number of its chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunks {
    /// Bits that make the number, 0 to 62.
    pub bits: u32,
    /// Numbers, ascending.
    pub ids: Vec<i64>,
}

/// One question to both sides: count and sums of each chunk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Level {
    /// Bits that make the number of a chunk.
    pub bits: u32,
    /// Only rows in these larger chunks; all rows when `None`.
    pub among: Option<Chunks>,
}

/// What one side holds in one chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkSum {
    /// Its number.
    pub chunk: i64,
    /// Rows.
    pub rows: u64,
    /// Sums of the two hashes of its rows. Sums, never XOR, which cannot tell {x, x} from {y, y}.
    pub sums: (i128, i128),
}

/// What is to be done after a level.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// Both sides hold the same.
    Equal,
    /// Ask again, finer.
    Split(Level),
    /// Read the rows of these chunks.
    Rows(Chunks),
}

impl Chunks {
    /// The mask that cuts the number out of a hash.
    #[must_use]
    pub fn mask(&self) -> i64 {
        mask(self.bits)
    }
}

impl Level {
    /// The first level: all rows.
    #[must_use]
    pub fn first(limits: &Limits) -> Self {
        Self {
            bits: limits.first.max(1).ilog2(),
            among: None,
        }
    }

    /// The mask that cuts the number out of a hash.
    #[must_use]
    pub fn mask(&self) -> i64 {
        mask(self.bits)
    }
}

fn mask(bits: u32) -> i64 {
    (1_i64 << bits.min(62)) - 1
}

/// Decides from the answers of both sides to `level`, each ascending by chunk. `total` is the number
/// of rows of the larger side: another level costs a pass over all of them.
#[must_use]
pub fn next(
    level: &Level,
    (source, target): (&[ChunkSum], &[ChunkSum]),
    total: u64,
    limits: &Limits,
) -> Next {
    let (ids, rows) = unequal(source, target);
    if ids.is_empty() {
        return Next::Equal;
    }
    let chunks = Chunks {
        bits: level.bits,
        ids,
    };
    let more = (limits.groups / chunks.ids.len() as u64)
        .checked_ilog2()
        .unwrap_or(0);
    // Below a sixteenth of the table, reading and sorting is cheaper than another pass; and a level
    // that can only halve the chunks is not worth its pass.
    let few = rows <= limits.rows.max(total / 16);
    if few || more < 2 || level.bits + more > 62 {
        return Next::Rows(chunks);
    }
    Next::Split(Level {
        bits: level.bits + more,
        among: Some(chunks),
    })
}

/// Numbers of the chunks that are not equal, and the rows that the larger side has in them.
fn unequal(source: &[ChunkSum], target: &[ChunkSum]) -> (Vec<i64>, u64) {
    let (mut source, mut target) = (source.iter().peekable(), target.iter().peekable());
    let mut ids = Vec::new();
    let (mut left, mut right) = (0, 0);
    loop {
        let chunk = match (source.peek(), target.peek()) {
            (Some(a), Some(b)) => a.chunk.min(b.chunk),
            (Some(one), None) | (None, Some(one)) => one.chunk,
            (None, None) => return (ids, u64::max(left, right)),
        };
        let a = source.next_if(|sum| sum.chunk == chunk);
        let b = target.next_if(|sum| sum.chunk == chunk);
        if a != b {
            ids.push(chunk);
            left += a.map_or(0, |sum| sum.rows);
            right += b.map_or(0, |sum| sum.rows);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::super::reconcile::{Advance, Counts, Reconciler, RowDigest};
    use super::*;

    /// A row: its key and its content.
    type Row = (u8, u8);

    /// A mixing function (splitmix64) in the place of the server's hash.
    fn hash(value: u64, seed: u64) -> i64 {
        let mut x = value.wrapping_add(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)).cast_signed()
    }

    fn digest((key, content): Row, keyed: bool) -> RowDigest {
        let row = u64::from(key) << 8 | u64::from(content);
        let identity = if keyed { u64::from(key) } else { row };
        RowDigest {
            key: (hash(identity, 3), hash(identity, 4)),
            row: (hash(row, 1), hash(row, 2)),
        }
    }

    fn within(digest: &RowDigest, chunks: Option<&Chunks>) -> bool {
        chunks.is_none_or(|chunks| {
            chunks
                .ids
                .binary_search(&(digest.key.0 & chunks.mask()))
                .is_ok()
        })
    }

    /// What the server answers to a level.
    fn sums(rows: &[RowDigest], level: &Level) -> Vec<ChunkSum> {
        let mut found = BTreeMap::new();
        for row in rows.iter().filter(|row| within(row, level.among.as_ref())) {
            let chunk = row.key.0 & level.mask();
            let sum = found.entry(chunk).or_insert(ChunkSum {
                chunk,
                rows: 0,
                sums: (0, 0),
            });
            sum.rows += 1;
            sum.sums.0 += i128::from(row.row.0);
            sum.sums.1 += i128::from(row.row.1);
        }
        found.into_values().collect()
    }

    /// The walk of `service::diff`, with two lists in the place of two servers.
    fn walk(source: &[RowDigest], target: &[RowDigest], limits: &Limits) -> (Counts, u32) {
        let total = source.len().max(target.len()) as u64;
        let mut level = Level::first(limits);
        for asked in 1.. {
            let (a, b) = (sums(source, &level), sums(target, &level));
            assert!(a.len().max(b.len()) as u64 <= limits.groups.max(limits.first));
            match next(&level, (&a, &b), total, limits) {
                Next::Equal => return (Counts::default(), asked),
                Next::Split(finer) => level = finer,
                Next::Rows(chunks) => {
                    let read = |rows: &[RowDigest]| {
                        let mut rows: Vec<_> = rows
                            .iter()
                            .filter(|row| within(row, Some(&chunks)))
                            .copied()
                            .collect();
                        rows.sort_unstable();
                        rows
                    };
                    let (a, b) = (read(source), read(target));
                    let (mut i, mut j) = (0, 0);
                    let mut reconciler = Reconciler::new(0);
                    loop {
                        match reconciler.step(a.get(i), b.get(j)) {
                            Advance::Source => i += 1,
                            Advance::Target => j += 1,
                            Advance::Both => (i, j) = (i + 1, j + 1),
                            Advance::Done => break,
                        }
                    }
                    return (reconciler.finish().0, asked);
                }
            }
        }
        (Counts::default(), 0)
    }

    /// The definition, by counting.
    fn naive(source: &[Row], target: &[Row], keyed: bool) -> Counts {
        let mut surplus: BTreeMap<(u8, u8), i64> = BTreeMap::new();
        for row in source {
            *surplus.entry(*row).or_default() += 1;
        }
        for row in target {
            *surplus.entry(*row).or_default() -= 1;
        }
        let mut by_key: BTreeMap<(u8, u8), (i64, i64)> = BTreeMap::new();
        for ((key, content), count) in surplus {
            let group = if keyed { (key, 0) } else { (key, content) };
            let entry = by_key.entry(group).or_default();
            entry.0 += count.max(0);
            entry.1 += (-count).max(0);
        }
        let mut counts = Counts::default();
        for (missing, extra) in by_key.into_values() {
            let both = missing.min(extra);
            counts.different += both.cast_unsigned();
            counts.missing += (missing - both).cast_unsigned();
            counts.extra += (extra - both).cast_unsigned();
        }
        counts
    }

    proptest! {
        #[test]
        fn the_walk_counts_what_is_different(
            source in proptest::collection::vec(any::<Row>(), 0..200),
            changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<Option<Row>>()), 0..8),
            added in proptest::collection::vec(any::<Row>(), 0..4),
            keyed: bool,
            first in 0_u32..4, groups in 2_u32..6, rows in 0_u64..20,
        ) {
            let mut target = source.clone();
            for (place, change) in changes {
                if target.is_empty() { break; }
                let place = place.index(target.len());
                match change {
                    Some(row) => target[place] = row,
                    None => { target.remove(place); }
                }
            }
            target.extend(added);
            let limits = Limits { first: 1 << first, groups: 1 << groups, rows };
            let digests = |rows: &[Row]| rows.iter().map(|row| digest(*row, keyed)).collect::<Vec<_>>();
            let (counts, _) = walk(&digests(&source), &digests(&target), &limits);
            prop_assert_eq!(counts, naive(&source, &target, keyed));
        }
    }

    #[test]
    fn few_differences_in_many_rows_are_cut_out_in_two_levels() {
        let rows: Vec<RowDigest> = (0..60_000_u64)
            .map(|n| RowDigest {
                key: (hash(n, 3), hash(n, 4)),
                row: (hash(n, 1), hash(n, 2)),
            })
            .collect();
        let mut other = rows.clone();
        for place in [7, 20_000, 59_999] {
            other[place].row.0 += 1;
        }
        let limits = Limits {
            first: 16,
            groups: 1024,
            rows: 500,
        };
        let (counts, levels) = walk(&rows, &other, &limits);
        assert_eq!((counts.different, levels), (3, 2));
        assert_eq!(walk(&rows, &rows, &limits), (Counts::default(), 1));
    }
}
