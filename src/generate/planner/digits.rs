//! Uniqueness: which columns of a constraint count, so that no two rows hold the same.

use super::draft::{Draft, Origin};
use super::scene::Scene;
use super::unique::Unique;
use crate::error::Result;
use crate::generate::plan::{Group, How, Parent, Take};
use crate::generate::stream::StreamKey;

/// A table whose constraint has no room for its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Full {
    /// The constraint.
    pub(super) constraint: String,
    /// Distinct values, or combinations, that there are.
    pub(super) room: u64,
}

/// What counts in a constraint: a column of its own, or the row that a pick chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Unit {
    Column(usize),
    Pick(usize),
}

/// Meets the uniques of a table; `Err(Full)` inside when one of them has no room.
pub(super) fn solve(scene: &Scene<'_>, draft: &mut Draft<'_>) -> Result<Result<(), Full>> {
    let total = draft.total();
    let _ = scene;
    for unique in draft.uniques.clone() {
        let units = units(draft, &unique);
        if unique
            .columns
            .iter()
            .any(|column| draft.slots[*column].origin == Origin::Serial)
        {
            continue;
        }
        let mut sized = Vec::with_capacity(units.len());
        for unit in units {
            sized.push((size(draft, unit)?, unit));
        }
        let carrier = sized
            .iter()
            .filter(|(size, unit)| *size >= total && matches!(unit, Unit::Column(_)))
            .max();
        let chosen: Vec<(u64, Unit)> = match carrier {
            Some(carrier) => vec![*carrier],
            None => sized.clone(),
        };
        let group = draft.plan.groups.len();
        let mut bound = 1_u64;
        for (size, unit) in chosen {
            let modulo = size.min((1 << 62) / bound);
            let take = Take::Digit {
                group,
                divide: bound,
                modulo,
            };
            bound *= modulo;
            match unit {
                Unit::Column(column) => {
                    draft.plan.columns[column].take = take;
                    draft.plan.columns[column].nulls = 0.0;
                }
                Unit::Pick(pick) => {
                    draft.plan.picks[pick].how = How::Take(take);
                    draft.plan.picks[pick].nulls = 0.0;
                }
            }
        }
        if bound < total {
            return Ok(Err(Full {
                constraint: unique.name,
                room: bound,
            }));
        }
        draft.plan.groups.push(Group {
            serves: vec![unique.name],
            bound,
        });
    }
    Ok(Ok(()))
}

fn units(draft: &Draft<'_>, unique: &Unique) -> Vec<Unit> {
    let mut units: Vec<Unit> = unique
        .columns
        .iter()
        .map(|column| match draft.slots[*column].origin {
            Origin::Pick(pick) => Unit::Pick(pick),
            _ => Unit::Column(*column),
        })
        .collect();
    units.sort();
    units.dedup();
    units
}

fn size(draft: &Draft<'_>, unit: Unit) -> Result<u64> {
    Ok(match unit {
        Unit::Column(column) => {
            let plan = &draft.plan.columns[column];
            let key = StreamKey::new(0, "", "");
            plan.source
                .compile(&plan.kind, key)?
                .size()
                .unwrap_or(u64::MAX)
        }
        Unit::Pick(pick) => match &draft.plan.picks[pick].parent {
            Parent::Planned { rows, .. } | Parent::Existing { rows, .. } => *rows,
        },
    })
}
