//! Windows of blocks and the way through them.

/// A range of blocks that a worker holds on lease, with its place in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Window {
    /// Its number in the ledger.
    pub id: i64,
    /// Which target of the job it lies in.
    pub ordinal: i32,
    /// First block.
    pub from_block: i64,
    /// One past the last block.
    pub to_block: i64,
    /// Stripes it is walked in.
    pub stripes: i32,
    /// The stripe under way.
    pub next_stripe: i32,
    /// The next block of that stripe.
    pub position: i64,
    /// Proof of the lease.
    pub fence: i64,
}

/// One statement's share: a range of blocks of one stripe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The stripe.
    pub stripe: i32,
    /// First block.
    pub from_block: i64,
    /// One past the last block.
    pub to_block: i64,
}

impl Window {
    /// Whether all stripes are walked.
    #[must_use]
    pub fn finished(&self) -> bool {
        self.next_stripe >= self.stripes
    }

    /// The next chunk, `blocks` long at most (at least one block).
    #[must_use]
    pub fn chunk(&self, blocks: i64) -> Chunk {
        Chunk {
            stripe: self.next_stripe,
            from_block: self.position,
            to_block: self
                .to_block
                .min(self.position.saturating_add(blocks.max(1))),
        }
    }

    /// Stripe and block after `chunk` is done.
    #[must_use]
    pub fn after(&self, chunk: &Chunk) -> (i32, i64) {
        if chunk.to_block >= self.to_block {
            (chunk.stripe + 1, self.from_block)
        } else {
            (chunk.stripe, chunk.to_block)
        }
    }

    /// Moves past `chunk`.
    pub fn advance(&mut self, chunk: &Chunk) {
        (self.next_stripe, self.position) = self.after(chunk);
    }
}

impl Chunk {
    /// Blocks in it.
    #[must_use]
    pub fn blocks(&self) -> i64 {
        self.to_block - self.from_block
    }
}

/// How many blocks the next window gets.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WindowSize {
    /// Live rows of a page, on average; at least a little above zero.
    pub rows_per_page: f64,
    /// Rows that a window may hold at most.
    pub window_rows: u64,
}

impl WindowSize {
    /// Blocks such that each of `stripes` statements changes about `chunk_rows` rows.
    #[must_use]
    pub fn blocks(&self, chunk_rows: f64, stripes: u32) -> i64 {
        let rows = (chunk_rows * f64::from(stripes)).min(self.window_rows as f64);
        // Far below i64::MAX: a table has at most 2^32 blocks.
        (rows / self.rows_per_page.max(0.01)).clamp(1.0, 4_294_967_295.0) as i64
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_block_is_walked_once_in_every_stripe(
            from in 0i64..1000, length in 1i64..60, stripes in 1i32..8,
            sizes in proptest::collection::vec(1i64..40, 1..20),
        ) {
            let mut window = Window {
                id: 1, ordinal: 0, from_block: from, to_block: from + length, stripes,
                next_stripe: 0, position: from, fence: 1,
            };
            let mut seen = std::collections::BTreeMap::new();
            let mut sizes = sizes.iter().cycle();
            while !window.finished() {
                let chunk = window.chunk(*sizes.next().unwrap());
                for block in chunk.from_block..chunk.to_block {
                    *seen.entry((chunk.stripe, block)).or_insert(0) += 1;
                }
                window.advance(&chunk);
            }
            prop_assert_eq!(seen.len() as i64, length * i64::from(stripes));
            prop_assert!(seen.values().all(|count| *count == 1));
        }
    }

    #[test]
    fn a_window_never_holds_more_rows_than_allowed() {
        let size = WindowSize {
            rows_per_page: 50.0,
            window_rows: 50_000,
        };
        assert_eq!(size.blocks(100_000.0, 16), 1_000);
        assert_eq!(size.blocks(100.0, 2), 4);
        assert_eq!(size.blocks(1.0, 1), 1);
    }
}
