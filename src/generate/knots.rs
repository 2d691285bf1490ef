//! Which columns of a row are drawn again together.
//!
//! A row that breaks a condition is drawn again, but only what the condition can have to do with: tries
//! are counted for each set of columns that conditions tie together. So a column that is added, with
//! conditions of its own, changes no other.

use super::plan::{TablePlan, Take};
use super::source::Source;
use super::touched::{Touched, mentioned};

/// The sets of columns of a table that conditions tie together.
#[derive(Debug)]
pub(super) struct Knots {
    /// By column; `None` when no condition has to do with it.
    columns: Vec<Option<usize>>,
    /// By condition.
    conditions: Vec<usize>,
    /// How many there are.
    pub(super) count: usize,
}

impl Knots {
    /// `needs` are the columns that each column is made from.
    pub(super) fn of(table: &TablePlan, needs: &[Vec<usize>]) -> Self {
        let touched = Touched::of(table, needs).columns;
        let (columns, picks) = (table.columns.len(), table.picks.len());
        let mut ties = Ties((0..columns + picks + table.groups.len()).collect());
        let (pick_at, group_at) = (|pick| columns + pick, |group| columns + picks + group);
        let spoken: Vec<Vec<usize>> = table.conditions.iter().map(spoken_of).collect();
        for of in &spoken {
            of.iter().for_each(|column| ties.tie(of[0], *column));
        }
        for (index, column) in table.columns.iter().enumerate() {
            if let Take::Digit { group, .. } = column.take {
                ties.tie(index, group_at(group));
            }
            if let Source::Reference { pick, .. }
            | Source::After {
                pick: Some(pick), ..
            } = column.source
            {
                ties.tie(index, pick_at(pick));
            }
            // What is only made from others does not tie them together.
            for needed in needs[index].iter().filter(|_| touched[index]) {
                ties.tie(index, *needed);
            }
            let shared = |of: usize| table.columns[of].source.shared();
            let alike =
                (0..index).filter(|of| shared(*of).is_some() && shared(*of) == shared(index));
            alike.for_each(|of| ties.tie(of, index));
        }
        for (index, pick) in table.picks.iter().enumerate() {
            let (take, root) = pick.how.led();
            if let Take::Digit { group, .. } = take {
                ties.tie(pick_at(index), group_at(*group));
            }
            if let Some(root) = root {
                ties.tie(pick_at(index), pick_at(root));
            }
        }
        Self::numbered(&mut ties, &touched, &spoken)
    }

    fn numbered(ties: &mut Ties, touched: &[bool], spoken: &[Vec<usize>]) -> Self {
        let mut roots: Vec<usize> = Vec::new();
        let mut number = |root: usize| match roots.iter().position(|known| *known == root) {
            Some(known) => known,
            None => {
                roots.push(root);
                roots.len() - 1
            }
        };
        let mut columns = vec![None; touched.len()];
        for (index, column) in columns.iter_mut().enumerate() {
            if touched[index] || spoken.iter().any(|of| of.contains(&index)) {
                *column = Some(number(ties.root(index)));
            }
        }
        let conditions = spoken.iter().map(|of| match of.first() {
            Some(first) => number(ties.root(*first)),
            // A condition on nothing: no column has this root.
            None => number(usize::MAX),
        });
        let conditions = conditions.collect();
        Self {
            columns,
            conditions,
            count: roots.len(),
        }
    }

    /// The set that a column belongs to; `None` when no condition has to do with it.
    pub(super) fn of_column(&self, column: usize) -> Option<usize> {
        self.columns.get(column).copied().flatten()
    }

    /// The set that a condition is about.
    pub(super) fn of_condition(&self, condition: usize) -> usize {
        self.conditions[condition]
    }
}

/// The columns that a condition speaks of, and those that ways to fulfil it change.
fn spoken_of(condition: &super::condition::Condition) -> Vec<usize> {
    let ways = condition.ways.iter().flatten().map(|(column, _)| *column);
    mentioned(&condition.expression)
        .into_iter()
        .chain(ways)
        .collect()
}

/// Disjoint sets, each as a tree of which the root stands for all.
struct Ties(Vec<usize>);

impl Ties {
    fn root(&self, mut at: usize) -> usize {
        while let Some(up) = self.0.get(at).copied().filter(|up| *up != at) {
            at = up;
        }
        at
    }

    fn tie(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(up) = self.0.get_mut(one) {
            *up = other;
        }
    }
}
