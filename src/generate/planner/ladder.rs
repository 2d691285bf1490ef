//! Numbers of which four and more stand in an order: each step has a part of their range of its own.
//! One draw in 24 of four has them in order, in 120 of five: too few for trying.

use super::draft::{Draft, Origin};
use super::overlap::{Bounds, within};
use crate::generate::plan::Take;
use crate::generate::source::Source;

/// Steps from which on trying does not do.
const STEPS: usize = 4;

/// Gives the numbers of each long order their parts of the range that all of them have in common. An
/// order with a number that is decided otherwise is left to trying.
pub(super) fn climb(draft: &mut Draft<'_>) {
    let orders: Vec<(usize, usize)> = draft.orders.iter().map(|(l, g, _)| (*l, *g)).collect();
    let count = draft.slots.len();
    // The columns that orders connect have the least of their places in common.
    let mut of: Vec<usize> = (0..count).collect();
    let mut step = vec![0_usize; count];
    for _ in 0..=count {
        for (lesser, greater) in &orders {
            let least = of[*lesser].min(of[*greater]);
            (of[*lesser], of[*greater]) = (least, least);
            // A circle climbs on and on; it is left to trying.
            step[*greater] = step[*greater].max(step[*lesser] + 1).min(count);
        }
    }
    for first in 0..count {
        let columns: Vec<usize> = (0..count).filter(|column| of[*column] == first).collect();
        let steps = 1 + columns.iter().map(|c| step[*c]).max().unwrap_or(0);
        if steps < STEPS || steps > columns.len() {
            continue;
        }
        let bounds = columns.iter().map(|column| free(draft, *column));
        let Some(bounds) = bounds.collect::<Option<Vec<Bounds>>>() else {
            continue;
        };
        let low = bounds.iter().map(|(low, _)| *low).fold(f64::MIN, f64::max);
        let high = bounds
            .iter()
            .map(|(_, high)| *high)
            .fold(f64::MAX, f64::min);
        let width = ((high - low + 1.0) / steps as f64).floor();
        if width < 1.0 {
            continue;
        }
        for column in columns {
            let from = low + width * step[column] as f64;
            within(&mut draft.plan.columns[column], (from, from + width - 1.0));
        }
    }
}

/// The bounds of a number that nothing else decides.
fn free(draft: &Draft<'_>, column: usize) -> Option<Bounds> {
    let plan = &draft.plan.columns[column];
    if draft.slots[column].origin != Origin::Own || plan.take != Take::Draw {
        return None;
    }
    match &plan.source {
        Source::Whole { min, max, .. } => Some((*min as f64, *max as f64)),
        Source::Decimal { min, max, .. } => Some((*min, *max)),
        _ => None,
    }
}
