//! Equality of multisets of rows, whatever their order.

use super::key::RunKey;

/// The keyed hash of one field, 64 bits by each of two keys. Null differs from every value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldHash(u64, u64);

/// The keyed hash of a row, made field by field.
#[derive(Debug, Clone, Copy)]
pub struct RowHash<'a> {
    keys: (&'a RunKey, &'a RunKey),
    state: FieldHash,
}

/// A keyed sum of 128 bits over the rows of a table. Equal multisets have equal sums; a sum, unlike
/// an exclusive or, tells {x, x} from {y, y}.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MultisetSum {
    /// How many rows.
    pub rows: u64,
    sum: u128,
}

impl FieldHash {
    /// Of these bytes.
    #[must_use]
    pub fn of((one, two): (&RunKey, &RunKey), field: Option<&[u8]>) -> Self {
        let (bytes, tag) = (field.unwrap_or_default(), u64::from(field.is_some()));
        Self(
            one.finish(one.bytes(bytes), tag),
            two.finish(two.bytes(bytes), tag),
        )
    }
}

impl<'a> RowHash<'a> {
    /// Of no field.
    #[must_use]
    pub fn new(keys: (&'a RunKey, &'a RunKey)) -> Self {
        let state = FieldHash(keys.0.empty(), keys.1.empty());
        Self { keys, state }
    }

    /// One field more.
    pub fn push(&mut self, field: FieldHash) {
        self.state.0 = self.keys.0.then(self.state.0, field.0);
        self.state.1 = self.keys.1.then(self.state.1, field.1);
    }
}

impl MultisetSum {
    /// Adds a row.
    pub fn add_row(&mut self, row: &RowHash<'_>) {
        let one = row.keys.0.finish(row.state.0, 5);
        let two = row.keys.1.finish(row.state.1, 5);
        self.rows += 1;
        self.sum = self
            .sum
            .wrapping_add(u128::from(one) << 64 | u128::from(two));
    }

    /// Adds a row of one field.
    pub fn add_field(&mut self, keys: (&RunKey, &RunKey), field: FieldHash) {
        let mut row = RowHash::new(keys);
        row.push(field);
        self.add_row(&row);
    }

    /// Adds all rows of another part.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.sum = self.sum.wrapping_add(other.sum);
    }
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
            let keys = (&keys.0, &keys.1);
            let mut hash = RowHash::new(keys);
            for field in row {
                hash.push(FieldHash::of(keys, field.as_deref()));
            }
            sum.add_row(&hash);
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
