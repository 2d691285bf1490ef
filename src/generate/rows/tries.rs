//! The tries of a row, until all of its conditions are fulfilled.

use super::{TRIES, Try, Worker};
use crate::generate::condition::Truth;
use crate::generate::value::Value;
use crate::generate::wished::Wished;

/// How often each set of columns that conditions tie together was drawn again.
#[derive(Debug)]
pub(super) struct Attempts {
    each: Vec<u32>,
    /// Whether its last try broke a condition; all are at first, because nothing is drawn yet.
    broken: Vec<bool>,
    first: bool,
}

impl Attempts {
    /// All at this number.
    pub(super) fn all(count: usize, attempt: u32) -> Self {
        Self {
            each: vec![attempt; count],
            broken: vec![true; count],
            first: true,
        }
    }

    /// The try of a set; the first one of what belongs to none.
    pub(super) fn of(&self, knot: Option<usize>) -> u32 {
        knot.and_then(|knot| self.each.get(knot)).map_or(0, |n| *n)
    }

    /// Counts the next try of those that broke a condition; `false` when one has none left.
    pub(super) fn next(&mut self) -> bool {
        self.first = false;
        for (attempt, broken) in self.each.iter_mut().zip(&self.broken) {
            *attempt += u32::from(*broken);
        }
        self.each.iter().all(|attempt| *attempt < TRIES)
    }
}

impl Worker<'_> {
    /// Whether a try fulfilled all conditions.
    pub(super) fn tried(&self, table: usize, number: u64, row: &mut Vec<Value>) -> bool {
        let plan = &self.rows.tables[table];
        row.clear();
        row.resize(plan.columns.len(), Value::Null);
        let mut attempts = Attempts::all(plan.knots.count, 0);
        loop {
            match self.left.get() {
                0 => return false,
                left => self.left.set(left - 1),
            }
            self.spent.set((table, number));
            self.attempt((table, number), &attempts, row);
            if self.judge(table, row, &mut attempts).is_none() {
                return true;
            }
            if !attempts.next() {
                return false;
            }
        }
    }

    /// Notes which sets of columns break a condition; the first such condition, by its place.
    pub(super) fn judge(
        &self,
        table: usize,
        row: &[Value],
        attempts: &mut Attempts,
    ) -> Option<usize> {
        let plan = &self.rows.tables[table];
        attempts.broken.fill(false);
        let mut first = None;
        for (index, condition) in plan.conditions.iter().enumerate() {
            let knot = plan.knots.of_condition(index);
            if !attempts.broken[knot] && condition.expression.holds(row) == Truth::False {
                attempts.broken[knot] = true;
                first = first.or(Some(index));
            }
        }
        first
    }

    /// Makes what differs in this try from the one before; all in the first.
    pub(super) fn attempt(
        &self,
        (table, number): (usize, u64),
        attempts: &Attempts,
        row: &mut [Value],
    ) {
        let plan = &self.rows.tables[table];
        let wished = if plan.fixed.len() as u64 > number {
            Wished::default()
        } else {
            plan.wishes.of(&plan.conditions, number, |condition| {
                attempts.of(Some(plan.knots.of_condition(condition)))
            })
        };
        for column in &plan.order {
            let knot = plan.knots.of_column(*column);
            // What is made from several sets follows each of them.
            let anew = knot.is_none_or(|knot| attempts.broken[knot]);
            if attempts.first || plan.columns[*column].redrawn && anew {
                let this = Try {
                    number,
                    attempt: attempts.of(knot),
                    whole: false,
                };
                row[*column] = self.asked((table, *column), this, &wished, row);
            }
        }
    }
}
