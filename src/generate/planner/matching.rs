//! Columns that must match a pattern: what their names call for when that mostly matches, else strings
//! made from the pattern.

use super::attribute;
use super::draft::Draft;
use super::room;
use super::scene::Scene;
use crate::error::Result;
use crate::generate::condition::{Condition, Truth};
use crate::generate::fact::Says;
use crate::generate::source::{Make, RowView, Source};
use crate::generate::stream::StreamKey;
use crate::generate::touched::mentioned;
use crate::generate::value::Value;

/// Values by which a source is judged.
const SAMPLE: u64 = 256;
/// The share of values that must match; the others are drawn again.
const SHARE: f64 = 0.5;
/// The share of rows of which all such columns match. A row is drawn 256 times at most: that all of
/// them miss it has a chance below 10^-14.
const TOGETHER: f64 = 0.125;

/// A column that has a source and must match a pattern.
pub(super) struct Matching {
    pub(super) column: usize,
    /// Strings made from the pattern.
    pub(super) pattern: Source,
    /// Whether its source is meant by more than its type.
    pub(super) meant: bool,
}

/// Decides whether columns keep their sources.
pub(super) fn settle(
    scene: &Scene<'_>,
    draft: &mut Draft<'_>,
    columns: Vec<Matching>,
) -> Result<()> {
    let mut together = 1.0;
    for Matching {
        column,
        pattern,
        meant,
    } in columns
    {
        if meant && keeps(draft, column, &mut together)? {
            continue;
        }
        // What agrees with the rest of the row may not match where the same by itself does.
        if meant && !needs(draft, column).is_empty() {
            let alone = attribute::found_alone(scene, draft, column)?;
            let plan = &mut draft.plan.columns[column];
            (plan.source, plan.reason) = (alone.source, alone.reason);
            if alone.meant && keeps(draft, column, &mut together)? {
                continue;
            }
        }
        let facts = draft.slots[column].facts.iter();
        let patterns = facts.filter(|fact| matches!(fact.says, Says::Matches(..)));
        let mut names: Vec<&str> = patterns.map(|fact| fact.from.as_str()).collect();
        names.dedup();
        let reason = format!("check \"{}\"", names.join("\", \""));
        let plan = &mut draft.plan.columns[column];
        (plan.source, plan.reason) = (pattern, reason);
    }
    Ok(())
}

/// Whether a column's source gives what its conditions demand often enough. Values that must differ are
/// counted, and those that do not match cannot all be drawn again.
fn keeps(draft: &Draft<'_>, column: usize, together: &mut f64) -> Result<bool> {
    let unique = draft.uniques.iter().any(|u| u.columns.contains(&column));
    let share = share(draft, column, unique);
    let enough = if unique {
        share >= 1.0 && room::column_size(draft, column)? >= draft.total()
    } else {
        share >= SHARE && share * *together >= TOGETHER
    };
    if enough {
        *together *= share;
    }
    Ok(enough)
}

/// The share of a column's values that fulfil all conditions on it alone.
fn share(draft: &Draft<'_>, column: usize, counted: bool) -> f64 {
    let conditions = draft.plan.conditions.iter();
    let own = |condition: &&Condition| mentioned(&condition.expression).into_iter().eq([column]);
    let conditions: Vec<&Condition> = conditions.filter(own).collect();
    let mut order = Vec::new();
    close(draft, column, draft.slots.len(), &mut order);
    let makes = order.iter().map(|column| (*column, made(draft, *column)));
    let makes: Vec<(usize, Option<Box<dyn Make>>)> = makes.collect();
    let mut row = vec![Value::Null; draft.slots.len()];
    let mut fulfilled = 0;
    for number in 0..SAMPLE {
        for (at, make) in &makes {
            let Some(make) = make else { return 0.0 };
            let values = Values(&row);
            let step = make.size().unwrap_or(u64::MAX) / SAMPLE;
            row[*at] = if counted && *at == column {
                make.nth(number * step.max(1), &values)
            } else {
                let name = draft.plan.columns[*at].name.as_str();
                make.draw(
                    &mut StreamKey::new(0, "match", name).row(number, 0),
                    &values,
                )
            };
        }
        let fits = |c: &&Condition| c.expression.holds(&row) != Truth::False;
        fulfilled += u64::from(conditions.iter().all(fits));
    }
    fulfilled as f64 / SAMPLE as f64
}

fn made(draft: &Draft<'_>, column: usize) -> Option<Box<dyn Make>> {
    let plan = &draft.plan.columns[column];
    let key = StreamKey::new(0, "match", plan.name.as_str());
    plan.source.compile(&plan.kind, key).ok()
}

fn needs(draft: &Draft<'_>, column: usize) -> Vec<usize> {
    made(draft, column)
        .map(|make| make.needs())
        .unwrap_or_default()
}

/// A column after those that it is made from, at most `depth` steps away.
fn close(draft: &Draft<'_>, column: usize, depth: usize, order: &mut Vec<usize>) {
    if depth == 0 || order.contains(&column) {
        return;
    }
    for needed in needs(draft, column) {
        close(draft, needed, depth - 1, order);
    }
    if !order.contains(&column) {
        order.push(column);
    }
}

/// The values of a row that are there.
struct Values<'r>(&'r [Value]);

impl RowView for Values<'_> {
    fn number(&self) -> u64 {
        0
    }

    fn column(&self, column: usize) -> &Value {
        self.0.get(column).unwrap_or(&Value::Null)
    }

    fn parent(&self, _: usize, _: usize) -> Value {
        Value::Null
    }
}
