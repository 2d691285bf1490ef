//! Sets of row addresses.

use std::fmt;
use std::str::FromStr;

use roaring::RoaringTreemap;

/// Rows that a page of 8 kB can hold at most fit into so many bits (`MaxHeapTuplesPerPage` is 291;
/// larger pages hold more).
const OFFSET_BITS: u32 = 16;

/// Rows that one condition names: some 200 kB of text.
const IN_ONE_CONDITION: usize = 16_384;

/// The address of a row version: its page and its place in the page, from 1
/// (<https://www.postgresql.org/docs/current/ddl-system-columns.html>). Good for as long as the
/// snapshot that it was read under.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid {
    /// The page.
    pub page: u32,
    /// The place in the page.
    pub place: u16,
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "({},{})", self.page, self.place)
    }
}

impl FromStr for Tid {
    type Err = String;

    /// Reads `(page,place)`, as PostgreSQL writes it.
    fn from_str(text: &str) -> Result<Self, String> {
        let parts = || {
            let inner = text.strip_prefix('(')?.strip_suffix(')')?;
            let (page, place) = inner.split_once(',')?;
            Some(Self {
                page: page.parse().ok()?,
                place: place.parse().ok()?,
            })
        };
        parts().ok_or_else(|| format!("\"{text}\" is not the address of a row"))
    }
}

impl Tid {
    fn packed(self) -> u64 {
        u64::from(self.page) << OFFSET_BITS | u64::from(self.place)
    }

    #[allow(clippy::cast_possible_truncation, reason = "the two parts of `packed`")]
    fn unpacked(value: u64) -> Self {
        Self {
            page: (value >> OFFSET_BITS) as u32,
            place: value as u16,
        }
    }
}

/// Addresses in one table, compressed: a few bits a row where rows lie close together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RowSet(RoaringTreemap);

impl RowSet {
    /// An empty set.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a row; whether it is new.
    pub fn insert(&mut self, row: Tid) -> bool {
        self.0.insert(row.packed())
    }

    /// Whether the row is in it.
    #[must_use]
    pub fn contains(&self, row: Tid) -> bool {
        self.0.contains(row.packed())
    }

    /// Number of rows.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.0.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Moves the rows of `found` in that are not there yet, and returns just those.
    pub fn absorb(&mut self, found: &Self) -> Self {
        let new = &found.0 - &self.0;
        self.0 |= &new;
        Self(new)
    }

    /// The rows in the order of their pages.
    pub fn iter(&self) -> impl Iterator<Item = Tid> + '_ {
        self.0.iter().map(Tid::unpacked)
    }

    /// Conditions that together hold for the rows of these pages and for no other row of the table,
    /// each for so many rows that its statement stays small. PostgreSQL answers one by a TID scan,
    /// which reads the pages of these rows alone.
    pub fn conditions(
        &self,
        from: u32,
        to: Option<u32>,
    ) -> impl Iterator<Item = String> + Send + '_ {
        let mut rows = self.pages(from, to);
        std::iter::from_fn(move || {
            let mut list = String::new();
            for row in rows.by_ref().take(IN_ONE_CONDITION) {
                list.push_str(if list.is_empty() { "\"" } else { ",\"" });
                list.push_str(&row.to_string());
                list.push('"');
            }
            (!list.is_empty()).then(|| {
                format!("ctid operator(pg_catalog.=) any ('{{{list}}}'::pg_catalog.tid[])")
            })
        })
    }

    /// The rows of the pages from `from` up to, but without, `to`; no upper end for `None`.
    pub fn pages(&self, from: u32, to: Option<u32>) -> impl Iterator<Item = Tid> + '_ {
        let mut rows = self.0.iter();
        rows.advance_to(u64::from(from) << OFFSET_BITS);
        rows.map(Tid::unpacked)
            .take_while(move |row| to.is_none_or(|to| row.page < to))
    }
}

impl FromIterator<Tid> for RowSet {
    fn from_iter<I: IntoIterator<Item = Tid>>(rows: I) -> Self {
        Self(rows.into_iter().map(Tid::packed).collect())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_read_as_postgresql_writes_them() {
        let tid: Tid = "(4294967295,291)".parse().unwrap();
        assert_eq!(tid.to_string(), "(4294967295,291)");
        for wrong in ["", "1,2", "(1)", "(1,2", "(-1,2)", "(1,99999)"] {
            assert!(wrong.parse::<Tid>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn conditions_name_each_row_once() {
        let rows = u16::try_from(IN_ONE_CONDITION + 2).unwrap();
        let set: RowSet = (0..rows)
            .map(|i| Tid {
                page: u32::from(i / 100),
                place: i % 100 + 1,
            })
            .collect();
        let all: Vec<String> = set.conditions(0, None).collect();
        assert_eq!(all.len(), 2);
        assert_eq!(
            all[1],
            "ctid operator(pg_catalog.=) any ('{\"(163,85)\",\"(163,86)\"}'::pg_catalog.tid[])"
        );
        assert_eq!(set.conditions(164, None).count(), 0);
        assert_eq!(RowSet::new().conditions(0, None).count(), 0);
    }

    proptest! {
        #[test]
        fn a_set_holds_what_it_was_given(rows in prop::collection::btree_set((0_u32.., 1_u16..), 0..200)) {
            let tids: Vec<Tid> = rows.iter().map(|&(page, place)| Tid { page, place }).collect();
            let set: RowSet = tids.iter().copied().collect();
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), tids.clone());
            let middle = tids.get(tids.len() / 2).map_or(0, |tid| tid.page);
            let (low, high): (Vec<Tid>, Vec<Tid>) = tids.iter().partition(|tid| tid.page < middle);
            prop_assert_eq!(set.pages(0, Some(middle)).collect::<Vec<_>>(), low);
            prop_assert_eq!(set.pages(middle, None).collect::<Vec<_>>(), high);
        }

        #[test]
        fn only_new_rows_come_back(a in prop::collection::vec((0_u32..50, 1_u16..5), 0..50), b in prop::collection::vec((0_u32..50, 1_u16..5), 0..50)) {
            let set = |rows: &[(u32, u16)]| rows.iter().map(|&(page, place)| Tid { page, place }).collect::<RowSet>();
            let (mut known, found) = (set(&a), set(&b));
            let before = known.clone();
            let new = known.absorb(&found);
            prop_assert!(new.iter().all(|row| found.contains(row) && !before.contains(row)));
            prop_assert!(found.iter().all(|row| known.contains(row)));
            prop_assert_eq!(known.len(), before.len() + new.len());
        }
    }
}
