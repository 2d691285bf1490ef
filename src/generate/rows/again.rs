//! Rows that the server refuses, drawn again.

use super::tries::Attempts;
use super::{Stuck, TRIES, TRIES_IN_ALL, Try, Worker};
use crate::generate::value::Value;

impl Worker<'_> {
    /// Puts row `number` of a table into `row` as [`Worker::fill`] does, with some columns drawn anew.
    /// `rounds` says how often which ones were refused: what a column holds hangs on the sum of its
    /// rounds. Its conditions hold, and all other columns are as they were at first, so that rows which
    /// refer to it, and unique columns, stay what they are.
    ///
    /// # Errors
    /// [`Stuck`] when no try satisfied the conditions.
    pub fn again(
        &self,
        (table, number): (usize, u64),
        rounds: &[(u32, &[usize])],
        row: &mut Vec<Value>,
    ) -> std::result::Result<(), Stuck> {
        self.fill(table, number, row)?;
        self.left.set(TRIES_IN_ALL);
        let plan = &self.rows.tables[table];
        let of = |column: &usize| -> u32 {
            let asked = rounds
                .iter()
                .filter(|(_, columns)| columns.contains(column));
            asked.map(|(round, _)| round).sum()
        };
        let drawn: Vec<(usize, u32)> = plan.order.iter().map(|c| (*c, of(c))).collect();
        // What one condition is about is drawn by the latest round of its columns.
        let latest = |knot: usize| {
            let same = drawn
                .iter()
                .filter(|(column, _)| plan.knots.of_column(*column) == Some(knot));
            same.map(|(_, round)| *round).max().unwrap_or(0)
        };
        let latest: Vec<u32> = (0..plan.knots.count).map(latest).collect();
        let mut attempts = Attempts::all(plan.knots.count, 0);
        let mut broken;
        loop {
            // No try of the first round has such a number.
            let numbered = |round: u32, knot: Option<usize>| {
                round
                    .saturating_mul(TRIES)
                    .saturating_add(attempts.of(knot))
            };
            let wished = plan.wishes.of(&plan.conditions, number, |condition| {
                let knot = plan.knots.of_condition(condition);
                numbered(latest[knot], Some(knot))
            });
            for (column, round) in drawn.iter().filter(|(_, round)| *round > 0) {
                let this = Try {
                    number,
                    attempt: numbered(*round, plan.knots.of_column(*column)),
                    whole: false,
                };
                row[*column] = self.asked((table, *column), this, &wished, row);
            }
            broken = self.judge(table, row, &mut attempts);
            if broken.is_none() {
                return Ok(());
            }
            if !attempts.next() {
                break;
            }
        }
        let broken = broken.and_then(|broken| plan.conditions.get(broken));
        Err(Stuck {
            row: number,
            constraint: broken.map(|c| c.name.clone()).unwrap_or_default(),
        })
    }
}
