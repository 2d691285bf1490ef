//! Constraints that are met by the place of a row among those of the same parent, or tenant.

use super::digits::{Full, Open};
use super::draft::Draft;
use super::room::{self, Unit};
use crate::generate::deal::Deal;
use crate::generate::plan::{How, Take};

/// A number of its own for each child of a parent whose children are known. What is met is taken out;
/// `Err` names a constraint over rows of tenants that has no room.
pub(super) fn number(draft: &mut Draft<'_>, open: &mut Vec<Open>) -> Result<(), Full> {
    let mut kept = Vec::with_capacity(open.len());
    for entry in open.drain(..) {
        let picks = entry.units.iter().filter_map(|unit| match unit {
            Unit::Pick(pick) => Some(*pick),
            Unit::Column(_) => None,
        });
        let mut picks = picks.filter(|pick| has_places(&draft.plan.picks[*pick].how));
        // Children of a row are fewer than those of a tenant.
        let dealt = |pick: &usize| matches!(draft.plan.picks[*pick].how, How::Dealt(_));
        let first = picks
            .clone()
            .find(|pick| !dealt(pick))
            .or_else(|| picks.next());
        let of_tenant = first.as_ref().is_some_and(dealt);
        let met = match first {
            Some(pick) if sibling(draft, &entry, pick) || is_only_child(draft, pick) => true,
            Some(pick) if entry.units[..] == [Unit::Pick(pick)] => match parents(draft, pick) {
                Some(room) => {
                    let constraint = entry.unique.name;
                    return Err(Full { constraint, room });
                }
                None => false,
            },
            Some(pick) if of_tenant => among(draft, &entry, pick)?,
            _ => false,
        };
        if !met {
            kept.push(entry);
        }
    }
    *open = kept;
    Ok(())
}

fn has_places(how: &How) -> bool {
    matches!(how, How::Per(_) | How::Tree { .. } | How::Dealt(_))
}

/// Whether no two rows have the same parent.
fn is_only_child(draft: &Draft<'_>, pick: usize) -> bool {
    parents(draft, pick).is_some() && draft.reach[pick].largest <= 1
}

/// Rows that there are when each parent that has children has one; `None` when children are not counted
/// by parent, nor dealt out.
fn parents(draft: &Draft<'_>, pick: usize) -> Option<u64> {
    match draft.plan.picks[pick].how {
        How::Per(_) => Some(draft.reach[pick].families),
        How::Dealt(_) => Some(room::rows(&draft.plan.picks[pick].parent)),
        _ => None,
    }
}

/// Gives one unit of the constraint the place among the children of a parent.
fn sibling(draft: &mut Draft<'_>, entry: &Open, per: usize) -> bool {
    let largest = draft.reach[per].largest;
    for unit in &entry.units {
        let room = room::size(draft, *unit).unwrap_or_default();
        match *unit {
            Unit::Column(column) => {
                let plan = &mut draft.plan.columns[column];
                if plan.take == Take::Draw && room >= largest {
                    plan.take = Take::Sibling { pick: per };
                    plan.nulls = 0.0;
                    return true;
                }
            }
            Unit::Pick(pick) => {
                let least = least_of_tenants(draft, pick);
                let plan = &mut draft.plan.picks[pick];
                match &mut plan.how {
                    how @ How::Draw(_) if room >= largest => {
                        *how = How::Take(Take::Sibling { pick: per });
                    }
                    // Those of the tenant itself are dealt with together.
                    How::Within {
                        pick: root, take, ..
                    } if *root != per && *take == Take::Draw && least >= largest => {
                        *take = Take::Sibling { pick: per };
                    }
                    _ => continue,
                }
                plan.nulls = 0.0;
                return true;
            }
        }
    }
    false
}

/// The deal of the tenants that a pick stays inside of.
fn deal_of<'d>(draft: &'d Draft<'_>, pick: usize) -> Option<&'d Deal> {
    match draft.plan.picks[pick].how {
        How::Within { pick: root, .. } => draft.reach[root].deal.as_deref(),
        _ => None,
    }
}

/// Rows that the tenant with the fewest has in a pick's parent.
fn least_of_tenants(draft: &Draft<'_>, pick: usize) -> u64 {
    let rows = room::rows(&draft.plan.picks[pick].parent);
    let Some(deal) = deal_of(draft, pick) else {
        return 0;
    };
    let counts = (0..deal.tenants()).map(|tenant| deal.members(tenant, rows));
    counts.min().unwrap_or_default()
}

/// Gives the references of a constraint to rows of the same tenant the digits of the place among the
/// tenant's rows: each combination comes once.
fn among(draft: &mut Draft<'_>, entry: &Open, root: usize) -> Result<bool, Full> {
    let inside = entry.units.iter().filter_map(|unit| match unit {
        Unit::Pick(pick) => Some(*pick),
        Unit::Column(_) => None,
    });
    let of_root = |pick: &usize| matches!(draft.plan.picks[*pick].how, How::Within { pick: of, .. } if of == root);
    let inside: Vec<usize> = inside.filter(of_root).take(2).collect();
    let take = |pick: usize| match &draft.plan.picks[pick].how {
        How::Within { take, .. } => take.clone(),
        _ => Take::Draw,
    };
    let low = Take::Among {
        pick: root,
        after: None,
    };
    let (first, rest) = match inside[..] {
        [first] => (first, None),
        // One that another constraint has made the lower digit stays it.
        [one, two] if take(two) == low => (two, Some(one)),
        [one, two] => (one, Some(two)),
        _ => return Ok(false),
    };
    let free = |pick: usize| take(pick) == Take::Draw;
    if !(free(first) || take(first) == low) || rest.is_some_and(|pick| !free(pick)) {
        return Ok(false);
    }
    let picks: Vec<usize> = std::iter::once(first).chain(rest).collect();
    if let Some(room) = short(draft, root, &picks) {
        return Err(Full {
            constraint: entry.unique.name.clone(),
            room,
        });
    }
    let high = Take::Among {
        pick: root,
        after: Some(first),
    };
    for (pick, made) in picks.into_iter().zip([low, high]) {
        let plan = &mut draft.plan.picks[pick];
        plan.nulls = 0.0;
        if let How::Within { take, .. } = &mut plan.how {
            *take = made;
        }
    }
    Ok(true)
}

/// Rows of the table that there are combinations for, when that is not all.
fn short(draft: &Draft<'_>, root: usize, picks: &[usize]) -> Option<u64> {
    let deal = draft.reach[root].deal.as_deref()?;
    let parents: Vec<u64> = picks
        .iter()
        .map(|pick| room::rows(&draft.plan.picks[*pick].parent))
        .collect();
    let fits = |rows: u64| {
        (0..deal.tenants()).all(|tenant| {
            let counts = parents.iter().map(|rows| deal.members(tenant, *rows));
            deal.members(tenant, rows) <= counts.fold(1, u64::saturating_mul)
        })
    };
    if fits(draft.total()) {
        return None;
    }
    let (mut low, mut high) = (0, draft.total());
    while low + 1 < high {
        let middle = u64::midpoint(low, high);
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some(low)
}
