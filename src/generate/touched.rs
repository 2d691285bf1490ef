//! Which columns another try of a row may change.

use std::collections::BTreeSet;

use super::condition::Expression;
use super::plan::{TablePlan, Take};
use super::source::Source;

/// The columns that an expression speaks of, as indexes into the table's plan.
#[must_use]
pub(super) fn mentioned(expression: &Expression) -> BTreeSet<usize> {
    fn walk(value: &serde_json::Value, found: &mut BTreeSet<usize>) {
        match value {
            serde_json::Value::Object(object) => {
                for (key, value) in object {
                    match value.as_u64() {
                        Some(column) if key == "column" => {
                            found.insert(column as usize);
                        }
                        _ => walk(value, found),
                    }
                }
            }
            serde_json::Value::Array(values) => {
                for value in values {
                    walk(value, found);
                }
            }
            _ => {}
        }
    }
    // The form that plans are kept in shows every column, whatever kinds of expressions there are.
    let mut found = BTreeSet::new();
    if let Ok(value) = serde_json::to_value(expression) {
        walk(&value, &mut found);
    }
    found
}

/// What takes part in a table's conditions.
pub(super) struct Touched {
    /// By column.
    pub(super) columns: Vec<bool>,
    picks: Vec<bool>,
    groups: Vec<bool>,
}

impl Touched {
    /// `needs` are the columns that each column is made from.
    pub(super) fn of(table: &TablePlan, needs: &[Vec<usize>]) -> Self {
        let mut touched = Self {
            columns: vec![false; table.columns.len()],
            picks: vec![false; table.picks.len()],
            groups: vec![false; table.groups.len()],
        };
        for condition in &table.conditions {
            for column in mentioned(&condition.expression) {
                touched.set(column);
            }
        }
        while touched.spread(table, needs) {}
        touched
    }

    fn set(&mut self, column: usize) {
        if let Some(column) = self.columns.get_mut(column) {
            *column = true;
        }
    }

    fn count(&self) -> usize {
        let all = self.columns.iter().chain(&self.picks).chain(&self.groups);
        all.filter(|touched| **touched).count()
    }

    /// What shares a pick or a counter with something touched is touched; `false` when all is known.
    fn spread(&mut self, table: &TablePlan, needs: &[Vec<usize>]) -> bool {
        let before = self.count();
        for (index, column) in table.columns.iter().enumerate() {
            let pick = match column.source {
                Source::Reference { pick, .. } => Some(pick),
                Source::After { pick, .. } => pick,
                _ => None,
            };
            self.join(index, pick, &column.take);
            if self.columns[index] {
                for needed in needs.get(index).into_iter().flatten() {
                    self.set(*needed);
                }
            }
        }
        // What draws from one stream is drawn again together.
        let shared = |index: usize| table.columns[index].source.shared();
        for one in 0..table.columns.len() {
            for other in 0..one {
                if shared(one).is_some() && shared(one) == shared(other) {
                    let either = self.columns[one] || self.columns[other];
                    self.columns[one] = either;
                    self.columns[other] = either;
                }
            }
        }
        for (index, pick) in table.picks.iter().enumerate() {
            let (take, root) = pick.how.led();
            if let Take::Digit { group, .. } = take {
                both(&mut self.picks, index, &mut self.groups, *group);
            }
            if let Some(root) = root.filter(|root| *root < self.picks.len()) {
                let either = self.picks[index] || self.picks[root];
                self.picks[index] = either;
                self.picks[root] = either;
            }
        }
        self.count() > before
    }

    fn join(&mut self, column: usize, pick: Option<usize>, take: &Take) {
        if let Some(pick) = pick {
            both(&mut self.columns, column, &mut self.picks, pick);
        }
        if let Take::Digit { group, .. } = take {
            both(&mut self.columns, column, &mut self.groups, *group);
        }
    }
}

fn both(left: &mut [bool], at: usize, right: &mut [bool], other: usize) {
    if let (Some(left), Some(right)) = (left.get_mut(at), right.get_mut(other)) {
        let either = *left || *right;
        *left = either;
        *right = either;
    }
}
