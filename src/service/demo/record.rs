//! What the clients know: the value that every row must hold. Pure; the comparison with the table
//! is [`Comparison`].

use std::collections::{BTreeMap, BTreeSet};

use super::shop::owner;

/// What a row must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expected {
    Row { user: i64, amount: i64 },
    Deleted,
}

/// Every acknowledged write, and every write whose answer was lost.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// Rows that were loaded; their ids run from 1.
    loaded: i64,
    users: i64,
    written: BTreeMap<i64, Expected>,
    /// Rows with a write whose answer was lost: what they hold if it was done. Nobody writes them
    /// any more, so the other possibility stays in `written`.
    open: BTreeMap<i64, Expected>,
    /// Inserts whose answer was lost; their ids are not known.
    open_inserts: Vec<Expected>,
    /// Rows that were deleted once, also when they were written again; their items are gone.
    deleted: BTreeSet<i64>,
}

impl Record {
    pub(super) fn new(loaded: i64, users: i64) -> Self {
        Self {
            loaded,
            users,
            ..Self::default()
        }
    }

    /// What the row holds, as loaded or written last; none when an answer was lost.
    pub(super) fn known(&self, id: i64) -> Option<Expected> {
        (!self.open.contains_key(&id)).then(|| self.value(id))
    }

    /// Notes an acknowledged write.
    pub(super) fn acknowledged(&mut self, id: i64, value: Expected) {
        if value == Expected::Deleted {
            self.deleted.insert(id);
        }
        self.written.insert(id, value);
    }

    /// Notes a write whose answer was lost; without an id it was an insert.
    pub(super) fn lost_answer(&mut self, id: Option<i64>, value: Expected) {
        match id {
            Some(id) => {
                self.open.insert(id, value);
            }
            None => self.open_inserts.push(value),
        }
    }

    /// Items that may be there: fewest and most.
    pub(super) fn items(&self, parents: impl Iterator<Item = i64>) -> (u64, u64) {
        parents
            .filter(|id| !self.deleted.contains(id))
            .fold((0, 0), |(fewest, most), id| {
                let sure = self.open.get(&id) != Some(&Expected::Deleted);
                (fewest + u64::from(sure), most + 1)
            })
    }

    fn value(&self, id: i64) -> Expected {
        match self.written.get(&id) {
            Some(value) => *value,
            None if (1..=self.loaded).contains(&id) => Expected::Row {
                user: owner(id, self.users),
                amount: id % 100_000,
            },
            None => Expected::Deleted,
        }
    }
}

/// What the comparison found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Compared {
    /// Rows of the table.
    pub(super) rows: u64,
    /// Rows that hold something else than was written or loaded last.
    pub(super) wrong: u64,
    /// Rows that are gone though nobody deleted them.
    pub(super) missing: u64,
    /// Rows that nobody wrote.
    pub(super) extra: u64,
}

impl Compared {
    /// Writes that the table does not hold.
    pub(super) fn lost(&self) -> u64 {
        self.wrong + self.missing + self.extra
    }
}

/// Compares the rows of the table, one after the other, with the record.
#[derive(Debug)]
pub(super) struct Comparison<'a> {
    record: &'a Record,
    inserts: Vec<Expected>,
    /// Rows seen that must be there.
    seen: u64,
    compared: Compared,
}

impl<'a> Comparison<'a> {
    pub(super) fn new(record: &'a Record) -> Self {
        Self {
            record,
            inserts: record.open_inserts.clone(),
            seen: 0,
            compared: Compared::default(),
        }
    }

    /// The next row of the table; every id comes once.
    pub(super) fn row(&mut self, id: i64, user: Option<i64>, amount: i64) {
        let holds = |value: &Expected| matches!(value, Expected::Row { user: u, amount: a } if user == Some(*u) && amount == *a);
        self.compared.rows += 1;
        let (value, open) = (self.record.value(id), self.record.open.get(&id));
        if value != Expected::Deleted && open != Some(&Expected::Deleted) {
            self.seen += 1;
        }
        if holds(&value) || open.is_some_and(holds) {
            return;
        }
        if value != Expected::Deleted || matches!(open, Some(Expected::Row { .. })) {
            self.compared.wrong += 1;
        } else if let Some(at) = self.inserts.iter().position(holds)
            && !self.record.written.contains_key(&id)
        {
            self.inserts.swap_remove(at);
        } else {
            self.compared.extra += 1;
        }
    }

    /// The result, after the last row.
    pub(super) fn finish(mut self) -> Compared {
        let record = self.record;
        let gone = |id: &i64| record.value(*id) == Expected::Deleted;
        let may_be_gone = |id: &i64| gone(id) || record.open.get(id) == Some(&Expected::Deleted);
        let touched: BTreeSet<i64> = record
            .written
            .keys()
            .chain(record.open.keys())
            .copied()
            .collect();
        let within = touched.range(1..=record.loaded).count();
        let untouched = u64::try_from(record.loaded).unwrap_or(0) - within as u64;
        let must = untouched + touched.iter().filter(|id| !may_be_gone(id)).count() as u64;
        self.compared.missing = must.saturating_sub(self.seen);
        self.compared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOADED: i64 = 10;

    type Table = BTreeMap<i64, (Option<i64>, i64)>;
    type Tamper = fn(&mut Table);

    fn row(user: i64, amount: i64) -> Expected {
        Expected::Row { user, amount }
    }

    /// The table that a record without losses leads to, changed by `tamper`.
    fn compare(record: &Record, tamper: impl FnOnce(&mut Table)) -> Compared {
        let ids = (1..=LOADED).chain(record.written.keys().copied());
        let mut table: Table = ids
            .filter_map(|id| match record.value(id) {
                Expected::Row { user, amount } => Some((id, (Some(user), amount))),
                Expected::Deleted => None,
            })
            .collect();
        tamper(&mut table);
        let mut comparison = Comparison::new(record);
        for (id, (user, amount)) in table {
            comparison.row(id, user, amount);
        }
        comparison.finish()
    }

    fn record() -> Record {
        let mut record = Record::new(LOADED, 7);
        record.acknowledged(2, row(3, 55));
        record.acknowledged(4, Expected::Deleted);
        record.acknowledged(11, row(1, 9));
        record
    }

    #[test]
    fn a_table_that_holds_every_write_is_equal() {
        let compared = compare(&record(), |_| {});
        assert_eq!((compared.rows, compared.lost()), (10, 0));
    }

    #[test]
    fn every_kind_of_loss_is_found() {
        let record = record();
        let losses: [(&str, Tamper, [u64; 3]); 8] = [
            (
                "a written user",
                |t| t.get_mut(&2).unwrap().0 = Some(4),
                [1, 0, 0],
            ),
            (
                "a user never filled",
                |t| t.get_mut(&7).unwrap().0 = None,
                [1, 0, 0],
            ),
            (
                "a written amount",
                |t| t.get_mut(&2).unwrap().1 = 0,
                [1, 0, 0],
            ),
            (
                "a loaded row",
                |t| assert!(t.remove(&9).is_some()),
                [0, 1, 0],
            ),
            (
                "an inserted row",
                |t| assert!(t.remove(&11).is_some()),
                [0, 1, 0],
            ),
            (
                "a delete",
                |t| assert!(t.insert(4, (Some(1), 4)).is_none()),
                [0, 0, 1],
            ),
            (
                "a row from nowhere",
                |t| assert!(t.insert(99, (Some(1), 1)).is_none()),
                [0, 0, 1],
            ),
            (
                "a row lost and one from nowhere do not cancel each other",
                |t| {
                    t.remove(&9);
                    t.insert(99, (Some(1), 1));
                },
                [0, 1, 1],
            ),
        ];
        for (what, tamper, wanted) in losses {
            let found = compare(&record, tamper);
            assert_eq!([found.wrong, found.missing, found.extra], wanted, "{what}");
        }
    }

    #[test]
    fn a_lost_answer_allows_both_outcomes_and_no_third() {
        let mut record = record();
        record.lost_answer(Some(2), row(5, 55));
        assert_eq!(record.known(2), None);
        assert_eq!(compare(&record, |_| {}).lost(), 0);
        assert_eq!(
            compare(&record, |t| t.get_mut(&2).unwrap().0 = Some(5)).lost(),
            0
        );
        assert_eq!(
            compare(&record, |t| t.get_mut(&2).unwrap().0 = Some(6)).wrong,
            1
        );
        assert_eq!(
            compare(&record, |t| assert!(t.remove(&2).is_some())).missing,
            1
        );
    }

    #[test]
    fn a_lost_delete_and_a_lost_insert_may_or_may_not_have_happened() {
        let mut record = record();
        record.lost_answer(Some(6), Expected::Deleted);
        record.lost_answer(None, row(2, 8));
        assert_eq!(compare(&record, |_| {}).lost(), 0);
        assert_eq!(
            compare(&record, |t| assert!(t.remove(&6).is_some())).lost(),
            0
        );
        assert_eq!(
            compare(&record, |t| assert!(t.insert(12, (Some(2), 8)).is_none())).lost(),
            0
        );
        let twice = compare(&record, |t| {
            t.insert(12, (Some(2), 8));
            t.insert(13, (Some(2), 8));
        });
        assert_eq!(twice.extra, 1, "one insert cannot make two rows");
        assert_eq!(record.items([1, 4, 6].into_iter()), (1, 2));
    }
}
