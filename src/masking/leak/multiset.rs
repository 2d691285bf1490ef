//! Equality of multisets of rows, whatever their order.

use super::key::{RunKey, WordHash};

/// A keyed sum of 128 bits over the rows of a table. Equal multisets have equal sums; a sum, unlike
/// an exclusive or, tells {x, x} from {y, y}.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MultisetSum {
    /// How many rows.
    pub rows: u64,
    sum: u128,
}

impl MultisetSum {
    /// Adds a row of fields; null differs from every value, and fields from their neighbours.
    /// The two keys give 64 bits each.
    pub fn add<'a>(
        &mut self,
        (one, two): (&RunKey, &RunKey),
        fields: impl Iterator<Item = Option<&'a [u8]>> + Clone,
    ) {
        let row = u128::from(row(one, fields.clone())) << 64 | u128::from(row(two, fields));
        self.rows += 1;
        self.sum = self.sum.wrapping_add(row);
    }

    /// Adds all rows of another part.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
}

fn row<'a>(key: &RunKey, fields: impl Iterator<Item = Option<&'a [u8]>>) -> u64 {
    let state = fields.fold(key.empty(), |state, field| {
        let mut hash: WordHash = key.word();
        for byte in field.unwrap_or_default() {
            hash.push(*byte);
        }
        let hash = key.finish(hash.finish(), u64::from(field.is_some()));
        key.then(state, hash)
    });
    key.finish(state, 5)
}

#[cfg(test)]
mod tests {
    use super::super::key::test_key;
    use super::*;
    use proptest::prelude::*;

    fn sum(rows: &[Vec<Option<Vec<u8>>>]) -> MultisetSum {
        let keys = (test_key(1), test_key(2));
        let mut sum = MultisetSum::default();
        for row in rows {
            sum.add((&keys.0, &keys.1), row.iter().map(Option::as_deref));
        }
        sum
    }

    fn row(fields: &[Option<&str>]) -> Vec<Option<Vec<u8>>> {
        fields
            .iter()
            .map(|field| field.map(|text| text.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn order_does_not_count_and_everything_else_does() {
        let (a, b) = (row(&[Some("a"), None]), row(&[Some("b"), Some("")]));
        assert_eq!(sum(&[a.clone(), b.clone()]), sum(&[b.clone(), a.clone()]));
        assert_ne!(sum(&[a.clone(), a.clone()]), sum(&[b.clone(), b.clone()]));
        assert_ne!(sum(&[row(&[None])]), sum(&[row(&[Some("")])]));
        assert_ne!(
            sum(&[row(&[Some("ab"), Some("c")])]),
            sum(&[row(&[Some("a"), Some("bc")])])
        );
        assert_ne!(sum(&[a]), sum(&[b]));
    }

    proptest! {
        #[test]
        fn parts_merge(rows in proptest::collection::vec(
            proptest::collection::vec(proptest::option::of(proptest::collection::vec(any::<u8>(), 0..9)), 2), 0..9),
            cut in 0_usize..9) {
            let cut = cut.min(rows.len());
            let mut parts = sum(&rows[..cut]);
            parts.merge(&sum(&rows[cut..]));
            prop_assert_eq!(parts, sum(&rows));
        }
    }
}
