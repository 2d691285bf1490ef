//! What counts in a constraint, and how many values it has.

use super::draft::{Draft, Origin};
use super::unique::Unique;
use crate::error::Result;
use crate::generate::plan::{How, Parent};
use crate::generate::source::Source;
use crate::generate::stream::StreamKey;

/// What counts in a constraint: a column of its own, or the row that a pick chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Unit {
    Column(usize),
    Pick(usize),
}

/// How a constraint can be met.
pub(super) enum Counted {
    /// It is, whatever the rows hold.
    Already,
    /// By the values of these units.
    By(Vec<Unit>),
}

/// The keys of all tables, as sets of columns of their plans: a pick decides a row of its parent when
/// it decides a key of it.
pub(super) type Keys = Vec<Vec<Vec<usize>>>;

/// The units of a constraint of a table.
pub(super) fn units(draft: &Draft<'_>, keys: &Keys, unique: &Unique) -> Counted {
    let mut units = Vec::new();
    for column in &unique.columns {
        let plan = &draft.plan.columns[*column];
        let null = plan.source == Source::Null || plan.nulls >= 1.0;
        match draft.slots[*column].origin {
            Origin::Serial => return Counted::Already,
            _ if null && !unique.nulls_equal => return Counted::Already,
            Origin::Pick(pick) => {
                if !decides(draft, keys, unique, pick) {
                    continue;
                }
                let plan = &draft.plan.picks[pick];
                match &plan.how {
                    How::Itself => return Counted::Already,
                    _ if plan.nulls >= 1.0 && !unique.nulls_equal => return Counted::Already,
                    How::Within { pick: through, .. } => {
                        units.extend([Unit::Pick(*through), Unit::Pick(pick)]);
                    }
                    _ => units.push(Unit::Pick(pick)),
                }
            }
            Origin::Own | Origin::Open => units.push(Unit::Column(*column)),
        }
    }
    units.sort();
    units.dedup();
    Counted::By(units)
}

/// Whether the constraint's columns of a pick are different for different rows of the parent.
fn decides(draft: &Draft<'_>, keys: &Keys, unique: &Unique, pick: usize) -> bool {
    let given = &draft.reach[pick].given;
    let referenced: Vec<usize> = unique
        .columns
        .iter()
        .filter_map(|own| match draft.plan.columns[*own].source {
            Source::Reference { pick: of, column } if of == pick => Some(column),
            _ => given
                .iter()
                .find(|(given, _)| given == own)
                .map(|(_, column)| *column),
        })
        .collect();
    match &draft.plan.picks[pick].parent {
        Parent::Planned { table, .. } => keys[*table]
            .iter()
            .any(|key| key.iter().all(|column| referenced.contains(column))),
        Parent::Existing { columns, .. } => referenced.len() == columns.len(),
    }
}

/// How many different values a unit has.
pub(super) fn size(draft: &Draft<'_>, unit: Unit) -> Result<u64> {
    let index = match unit {
        Unit::Column(column) => return column_size(draft, column),
        Unit::Pick(pick) => pick,
    };
    let pick = &draft.plan.picks[index];
    let rows = rows(&pick.parent);
    if is_decided(draft, index) {
        return Ok(1);
    }
    Ok(match &pick.how {
        How::Within { pick, .. } => {
            let through = &draft.plan.picks[*pick];
            // The group with the fewest members is the last.
            let last = self::rows(&through.parent).saturating_sub(1);
            let groups = draft.reach[index].groups.max(1);
            rows.saturating_sub(last).div_ceil(groups)
        }
        How::Per(_) => 1,
        _ => rows,
    })
}

/// Whether the row's number alone decides what a pick chooses, or its tenant does: no counter may.
pub(super) fn is_decided(draft: &Draft<'_>, pick: usize) -> bool {
    match draft.plan.picks[pick].how {
        How::Tree { .. } | How::Dealt(_) | How::Of { .. } | How::EarlierOf { .. } => true,
        How::Within { pick: root, .. } => {
            matches!(
                draft.plan.picks[root].how,
                How::Dealt(_) | How::Of { .. } | How::Per(_)
            )
        }
        _ => false,
    }
}

/// Rows of a pick's parent.
pub(super) fn rows(parent: &Parent) -> u64 {
    match parent {
        Parent::Planned { rows, .. } | Parent::Existing { rows, .. } => *rows,
    }
}

pub(super) fn column_size(draft: &Draft<'_>, column: usize) -> Result<u64> {
    let plan = &draft.plan.columns[column];
    let made = plan.source.compile(&plan.kind, StreamKey::new(0, "", ""));
    let made = made.map_err(|error| {
        let name = draft.plan.name.plain();
        let message = format!("{name}.{}: {error}", plan.name.as_str());
        crate::error::Error::new(error.kind(), message)
    })?;
    Ok(made.size().unwrap_or(u64::MAX))
}
