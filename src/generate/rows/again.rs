//! Rows that the server refuses, drawn again.

use super::{Stuck, TRIES, TRIES_IN_ALL, Try, Worker};
use crate::generate::condition::Truth;
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
        let latest = drawn.iter().map(|(_, round)| *round).max().unwrap_or(0);
        let mut broken = None;
        for attempt in 0..TRIES {
            // No try of the first round has such a number.
            let numbered = |round: u32| round.saturating_mul(TRIES).saturating_add(attempt);
            let wished = plan.wishes.of(&plan.conditions, number, numbered(latest));
            for (column, round) in drawn.iter().filter(|(_, round)| *round > 0) {
                let this = Try {
                    number,
                    attempt: numbered(*round),
                    whole: false,
                };
                row[*column] = self.asked((table, *column), this, &wished, row);
            }
            let conditions = plan.conditions.iter();
            broken = conditions
                .filter(|condition| condition.expression.holds(row) == Truth::False)
                .map(|condition| condition.name.clone())
                .next();
            if broken.is_none() {
                return Ok(());
            }
        }
        Err(Stuck {
            row: number,
            constraint: broken.unwrap_or_default(),
        })
    }
}
