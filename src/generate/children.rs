//! How many children each parent has, and whose child a row is.

use super::distribution::Distribution;
use super::stream::StreamKey;

/// Parents between two remembered sums: memory is 8 bytes for so many parents, and finding a row's
/// parent counts the children of at most so many.
const STRIDE: u64 = 64;

/// The children of all parents, next to each other in the order of the parents.
#[derive(Debug, Clone)]
pub struct Children {
    key: StreamKey,
    count: Distribution,
    parents: u64,
    /// Children before parent 0, [`STRIDE`], 2 * [`STRIDE`] ...
    sums: Vec<u64>,
    total: u64,
}

/// One parent's children: rows `from` to `to` - 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Family {
    /// The parent.
    pub parent: u64,
    /// Its first child.
    pub from: u64,
    /// The row after its last child.
    pub to: u64,
}

impl Children {
    /// Counts the children of `parents` parents, `count` for each.
    #[must_use]
    pub fn new(key: StreamKey, count: &Distribution, parents: u64) -> Self {
        let mut children = Self {
            key,
            count: count.clone(),
            parents,
            sums: Vec::with_capacity((parents / STRIDE + 1) as usize),
            total: 0,
        };
        for parent in 0..parents {
            if parent % STRIDE == 0 {
                children.sums.push(children.total);
            }
            children.total += children.of(parent);
        }
        children
    }

    /// Children of all parents.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Children of one parent.
    #[must_use]
    pub fn of(&self, parent: u64) -> u64 {
        // 2^32 children of one parent are more than any test needs, and keep the sum in range.
        let most = i64::from(u32::MAX);
        self.count
            .draw_whole(&mut self.key.row(parent, 0), 0, most)
            .unsigned_abs()
    }

    /// The family that row `child` belongs to; `None` when no parent has so many.
    #[must_use]
    pub fn family(&self, child: u64) -> Option<Family> {
        if child >= self.total {
            return None;
        }
        let block = self.sums.partition_point(|sum| *sum <= child) - 1;
        let mut from = self.sums[block];
        for parent in block as u64 * STRIDE..self.parents {
            let to = from + self.of(parent);
            if child < to {
                return Some(Family { parent, from, to });
            }
            from = to;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_child_has_one_parent() {
        let count = Distribution::Zipf {
            min: 0,
            max: 20,
            exponent: 1.1,
        };
        let children = Children::new(StreamKey::new(1, "orders", "users"), &count, 1000);
        let mut child = 0;
        for parent in 0..1000 {
            for _ in 0..children.of(parent) {
                let family = children.family(child).unwrap();
                assert_eq!(family.parent, parent);
                assert!((family.from..family.to).contains(&child));
                child += 1;
            }
        }
        assert_eq!(child, children.total());
        assert_eq!(children.family(child), None);
    }
}
