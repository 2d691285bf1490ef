//! Unique indexes over a part of the rows. They are met as if they were over all rows, which soft deletes
//! want (`where deleted_at is null`); when that leaves no room for the rows, no row fulfils their
//! condition instead.

use super::check::take;
use super::draft::Draft;
use super::reading::{self, Understood};
use super::scene::Scene;
use crate::generate::condition::{Comparison, Expression};

/// Whether the rows of a table can be had by keeping them all out of a partial index: then it does not
/// count when the table is planned again.
pub(super) fn keep_out(scene: &mut Scene<'_>, table: usize, index: &str, room: u64) -> bool {
    let own = scene.tables[table];
    let partial = own.index(index).is_some_and(|i| i.predicate.is_some());
    let known = &scene.outside[table];
    if !partial || scene.firm[table] || known.iter().any(|name| name == index) {
        return false;
    }
    scene.outside[table].push(index.to_owned());
    let name = own.name.plain();
    scene.note(format!(
        "{name}: no row fulfils the condition of unique index \"{index}\", in which there is room for {room} rows"
    ));
    true
}

/// Adds the conditions that keep the rows out; an index whose condition is not understood, or asks for a
/// null, counts again.
pub(super) fn read(scene: &Scene<'_>, draft: &mut Draft<'_>, table: usize) {
    for name in &scene.outside[table] {
        let index = draft.table.index(name);
        let Some(text) = index.and_then(|index| index.predicate.as_deref()) else {
            continue;
        };
        let read = reading::read(draft, text, None, scene.options.today);
        match read.and_then(|read| negated(read.expression)) {
            Some(expression) => {
                let understood = Understood {
                    facts: expression.facts().0,
                    orders: Vec::new(),
                    expression,
                };
                take(draft, name, &format!("not {text}"), understood);
            }
            None => draft.indexes.extend(index),
        }
    }
}

/// The condition of the rows that are not in the index.
fn negated(expression: Expression) -> Option<Expression> {
    Some(match expression {
        Expression::IsNull(_) => return None,
        Expression::Not(inner) => *inner,
        Expression::Compare(comparison, left, right) => {
            let turned = match comparison {
                Comparison::Equal => Comparison::NotEqual,
                Comparison::NotEqual => Comparison::Equal,
                Comparison::Less => Comparison::AtLeast,
                Comparison::AtMost => Comparison::Greater,
                Comparison::Greater => Comparison::AtMost,
                Comparison::AtLeast => Comparison::Less,
            };
            Expression::Compare(turned, left, right)
        }
        other => Expression::Not(Box::new(other)),
    })
}
