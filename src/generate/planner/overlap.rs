//! Numbers that stand in an order: their bounds are made to meet.

use super::draft::Draft;
use crate::generate::distribution::Distribution;
use crate::generate::parse::parse;
use crate::generate::plan::{ColumnPlan, Parent, Take};
use crate::generate::source::Source;

/// Least and greatest number of a column.
pub(super) type Bounds = (f64, f64);

/// The bounds of a table's columns as far as they are known, for those that refer to them.
pub(super) fn bounds(draft: &Draft<'_>) -> Vec<Option<Bounds>> {
    let columns = draft.plan.columns.iter();
    columns.map(|plan| of(plan, draft.total())).collect()
}

fn of(plan: &ColumnPlan, rows: u64) -> Option<Bounds> {
    match &plan.source {
        Source::Whole { min, max, .. } => Some((*min as f64, *max as f64)),
        Source::Decimal { min, max, .. } => Some((*min, *max)),
        Source::Serial { start, step } => {
            let last = rows.saturating_sub(1) as f64;
            Some((*start as f64, *start as f64 + *step as f64 * last))
        }
        Source::Choice(values) => {
            let numbers = values.iter().map(|v| parse(&v.value, &plan.kind)?.number());
            let numbers = numbers.collect::<Option<Vec<f64>>>()?;
            let least = numbers.iter().copied().reduce(f64::min)?;
            Some((least, numbers.iter().copied().reduce(f64::max)?))
        }
        _ => None,
    }
}

/// Lets numbers of which the first is at most the second have the same bounds, as far as their own
/// ones and their sources allow. `all` are the bounds of all tables.
pub(super) fn meet(
    draft: &mut Draft<'_>,
    all: &[Vec<Option<Bounds>>],
    (lesser, greater): (usize, usize),
) {
    let known = |column: usize| {
        let plan = &draft.plan.columns[column];
        let Source::Reference { pick, column } = plan.source else {
            return of(plan, draft.total());
        };
        match draft.plan.picks.get(pick)?.parent {
            Parent::Planned { table, .. } => *all.get(table)?.get(column)?,
            Parent::Existing { .. } => None,
        }
    };
    let (Some((low, most)), Some((least, high))) = (known(lesser), known(greater)) else {
        return;
    };
    for (column, from, to) in [
        (lesser, low, most.min(high)),
        (greater, least.max(low), high),
    ] {
        let plan = &mut draft.plan.columns[column];
        if plan.take == Take::Draw && from <= to {
            within(plan, (from, to));
        }
    }
}

/// Narrows a number to these bounds, each value as likely as the others.
pub(super) fn within(plan: &mut ColumnPlan, (from, to): Bounds) {
    let uniform = Distribution::Uniform { min: from, max: to };
    match &mut plan.source {
        Source::Whole { min, max, spread } if (*min as f64, *max as f64) != (from, to) => {
            (*min, *max, *spread) = (from as i64, to as i64, uniform);
        }
        Source::Decimal {
            min, max, spread, ..
        } if (*min, *max) != (from, to) => {
            (*min, *max, *spread) = (from, to, uniform);
        }
        Source::Choice(values) => {
            let fits = |text: &str| {
                let number = parse(text, &plan.kind).and_then(|value| value.number());
                number.is_some_and(|number| (from..=to).contains(&number))
            };
            if values.iter().any(|value| fits(&value.value)) {
                values.retain(|value| fits(&value.value));
            }
        }
        _ => {}
    }
}
