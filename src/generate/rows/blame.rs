//! Which constraint a row could not fulfil.

use super::tries::Attempts;
use super::{TRIES_IN_ALL, Worker};
use crate::generate::condition::Truth;
use crate::generate::value::Value;

/// Tries that are looked at, and the tries of rows that each of them is made from.
const TRIES: u32 = 64;
const TRIES_EACH: u32 = TRIES_IN_ALL / TRIES;

impl Worker<'_> {
    /// The constraint that most tries of a row break: what the last one broke, it may have broken by
    /// chance. The first of those that break as many.
    pub(super) fn blame(&self, table: usize, number: u64) -> String {
        let conditions = &self.rows.tables[table].conditions;
        let mut broken = vec![0_u32; conditions.len()];
        let mut row = Vec::new();
        row.resize(self.rows.tables[table].columns.len(), Value::Null);
        for attempt in 0..TRIES {
            self.left.set(TRIES_EACH);
            let attempts = Attempts::all(self.rows.tables[table].knots.count, attempt);
            self.attempt((table, number), &attempts, &mut row);
            for (condition, broken) in conditions.iter().zip(&mut broken) {
                *broken += u32::from(condition.expression.holds(&row) == Truth::False);
            }
        }
        let most = broken.iter().max();
        let first = broken.iter().position(|count| Some(count) == most);
        let first = first.and_then(|first| conditions.get(first));
        first
            .map(|condition| condition.name.clone())
            .unwrap_or_default()
    }
}
