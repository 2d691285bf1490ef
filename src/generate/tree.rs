//! Trees: a table that refers to itself, level by level. Rows are numbered in the order of the levels,
//! so a parent always comes before its children; where a tree ends (its depth is reached, or nobody has
//! children), the next begins. Which row is whose child does not hang on how many rows there are.

use super::children::Family;
use super::distribution::Distribution;
use super::stream::StreamKey;

/// Parents between two remembered places: memory is 32 bytes for so many rows.
const STRIDE: u64 = 64;

/// The trees of a table.
#[derive(Debug, Clone)]
pub(super) struct Tree {
    key: StreamKey,
    roots: u64,
    children: Distribution,
    depth: Option<u32>,
    rows: u64,
    /// At parent 0, [`STRIDE`], 2 * [`STRIDE`] ...
    marks: Vec<Walk>,
    largest: u64,
}

/// A place in the numbering.
#[derive(Debug, Clone, Copy)]
struct Walk {
    /// Whose children come next.
    parent: u64,
    /// The next row that is somebody's child, or a root.
    next: u64,
    /// Level of the parent, 0 for a root.
    level: u32,
    /// The row behind the parent's level.
    level_end: u64,
}

/// Rows that one step of a walk adds.
enum Added {
    Roots,
    Children(Family),
}

impl Tree {
    /// Trees of `rows` rows: `roots` together begin one, each row has `children`, none below `depth`
    /// levels.
    #[must_use]
    pub(super) fn new(
        key: StreamKey,
        (roots, children, depth): (u64, &Distribution, Option<u32>),
        rows: u64,
    ) -> Self {
        let mut tree = Self {
            key,
            roots: roots.max(1),
            children: children.clone(),
            depth,
            rows,
            marks: Vec::with_capacity((rows / STRIDE + 1) as usize),
            largest: 0,
        };
        let mut walk = Walk {
            parent: 0,
            next: 0,
            level: 0,
            level_end: 0,
        };
        while walk.next < rows {
            if walk.parent.is_multiple_of(STRIDE)
                && tree
                    .marks
                    .last()
                    .is_none_or(|mark| mark.parent < walk.parent)
            {
                tree.marks.push(walk);
            }
            if let Added::Children(family) = tree.step(&mut walk) {
                tree.largest = tree.largest.max(family.to - family.from);
            }
        }
        tree
    }

    /// Children of the row that has most.
    #[must_use]
    pub(super) fn largest(&self) -> u64 {
        self.largest
    }

    /// The row's parent with all its children; `None` for a root.
    #[must_use]
    pub(super) fn family(&self, row: u64) -> Option<Family> {
        if row >= self.rows {
            return None;
        }
        let mark = self.marks.partition_point(|mark| mark.next <= row);
        let mut walk = *self.marks.get(mark.checked_sub(1)?)?;
        loop {
            let added = self.step(&mut walk);
            if row < walk.next {
                return match added {
                    Added::Roots => None,
                    Added::Children(family) => Some(family),
                };
            }
        }
    }

    fn step(&self, walk: &mut Walk) -> Added {
        if walk.parent == walk.next {
            walk.next = walk.next.saturating_add(self.roots);
            walk.level = 0;
            walk.level_end = walk.next;
            return Added::Roots;
        }
        if walk.parent == walk.level_end {
            walk.level = walk.level.saturating_add(1);
            walk.level_end = walk.next;
        }
        let childless = self.depth.is_some_and(|depth| walk.level >= depth);
        let count = if childless { 0 } else { self.of(walk.parent) };
        let family = Family {
            parent: walk.parent,
            from: walk.next,
            to: walk.next.saturating_add(count),
        };
        walk.parent += 1;
        walk.next = family.to;
        Added::Children(family)
    }

    /// Children of a row that may have some.
    fn of(&self, parent: u64) -> u64 {
        let most = i64::from(u32::MAX);
        let mut stream = self.key.row(parent, 0);
        self.children
            .draw_whole(&mut stream, 0, most)
            .unsigned_abs()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(rows: u64, depth: Option<u32>) -> Tree {
        let children = Distribution::Poisson { mean: 1.6 };
        Tree::new(
            StreamKey::new(3, "t", "parent"),
            (4, &children, depth),
            rows,
        )
    }

    #[test]
    fn parents_come_first_and_trees_keep_their_depth() {
        let tree = tree(20_000, Some(5));
        let mut levels: Vec<u32> = Vec::new();
        let mut children = vec![0_u64; 20_000];
        for row in 0..20_000 {
            let level = tree.family(row).map_or(0, |family| {
                assert!(family.parent < row && (family.from..family.to).contains(&row));
                children[family.parent as usize] += 1;
                levels[family.parent as usize] + 1
            });
            levels.push(level);
        }
        assert_eq!(levels.iter().max(), Some(&5));
        assert!(levels.windows(2).any(|pair| pair == [5, 0]), "one tree");
        assert_eq!(children.iter().max(), Some(&tree.largest()));
        let inner = levels[..10_000]
            .iter()
            .zip(&children)
            .filter(|(level, _)| **level < 5);
        let (count, sum) = inner.fold((0, 0), |(n, sum), (_, c)| (n + 1, sum + c));
        let mean = sum as f64 / f64::from(count);
        assert!((mean - 1.6).abs() < 0.08, "{mean}");
    }

    #[test]
    fn more_rows_change_no_parent() {
        for depth in [None, Some(1), Some(3)] {
            let (few, many) = (tree(1000, depth), tree(5000, depth));
            for row in 0..1000 {
                assert_eq!(few.family(row), many.family(row), "{row}");
            }
        }
    }
}
