//! Uniqueness: which columns of a constraint count, so that no two rows hold the same.

use super::draft::{Draft, Origin};
use super::labels::{Component, Shares};
use super::room::{self, Counted, Keys, Unit};
use super::siblings;
use super::slots;
use super::unique::Unique;
use crate::error::Result;
use crate::generate::plan::{Group, How, Take};
use crate::generate::source::Source;

/// The largest counter.
const BOUND: u64 = 1 << 62;

/// Tries of a row whose counter takes part in conditions.
const TRIES: u64 = 64;

/// A table whose constraint has no room for its rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Full {
    /// The constraint.
    pub(super) constraint: String,
    /// Distinct values, or combinations, that there are.
    pub(super) room: u64,
}

/// A constraint that is still to be met.
pub(super) struct Open {
    pub(super) unique: Unique,
    pub(super) units: Vec<Unit>,
}

/// Meets the uniques of a table; `Err(Full)` inside when one of them has no room.
pub(super) fn solve(draft: &mut Draft<'_>, keys: &Keys, today: i64) -> Result<Result<(), Full>> {
    if let Some(full) = counted_out(draft)? {
        return Ok(Err(full));
    }
    let mut open = Vec::new();
    for unique in &draft.uniques {
        if let Counted::By(units) = room::units(draft, keys, unique) {
            open.push(Open {
                unique: unique.clone(),
                units,
            });
        }
    }
    slots::settle(draft, &open, today)?;
    carriers(draft, &mut open)?;
    if let Err(full) = siblings::number(draft, &mut open) {
        return Ok(Err(full));
    }
    while !open.is_empty() {
        let component = take_component(&mut open);
        if let Err(full) = share(draft, component)? {
            return Ok(Err(full));
        }
    }
    Ok(Ok(()))
}

/// A column that is counted and has fewer values than rows.
fn counted_out(draft: &Draft<'_>) -> Result<Option<Full>> {
    for (index, slot) in draft.slots.iter().enumerate() {
        if slot.origin == Origin::Serial {
            let room = room::column_size(draft, index)?;
            if room < draft.total() {
                let by = draft.uniques.iter().find(|u| u.columns.contains(&index));
                let name = by.map_or_else(|| slot.column.name.as_str(), |unique| &unique.name);
                return Ok(Some(Full {
                    constraint: name.to_owned(),
                    room,
                }));
            }
        }
    }
    Ok(None)
}

/// Columns with more values than rows: one of them meets every constraint that it is in.
fn carriers(draft: &mut Draft<'_>, open: &mut Vec<Open>) -> Result<()> {
    loop {
        let mut best: Option<(usize, bool, std::cmp::Reverse<usize>)> = None;
        // Ranges of a group come several to a group.
        let grouped = |entry: &&Open| slots::is_grouped(draft, entry, open);
        for entry in open.iter().filter(|entry| !grouped(entry)) {
            for unit in &entry.units {
                let Unit::Column(column) = *unit else {
                    continue;
                };
                let number = is_whole(draft, *unit);
                let of_parent = entry.units.iter().any(|u| matches!(u, Unit::Pick(_)));
                // A line number begins again with each parent.
                if number && of_parent || room::column_size(draft, column)? < draft.total() {
                    continue;
                }
                let meets = open.iter().filter(|o| o.units.contains(unit)).count();
                let candidate = (meets, !number, std::cmp::Reverse(column));
                best = best.max(Some(candidate));
            }
        }
        let Some((_, _, std::cmp::Reverse(column))) = best else {
            return Ok(());
        };
        let unit = Unit::Column(column);
        let met = |entry: &&Open| entry.units.contains(&unit);
        let serves = open.iter().filter(met).map(|o| o.unique.name.clone());
        let serves = serves.collect();
        open.retain(|entry| !entry.units.contains(&unit));
        let size = room::column_size(draft, column)?.min(BOUND);
        count(draft, serves, &[(size, vec![unit])]);
    }
}

/// Removes one constraint and all that are connected with it by shared units.
fn take_component(open: &mut Vec<Open>) -> Vec<Open> {
    let mut component = vec![open.remove(0)];
    loop {
        let shares = |entry: &Open| {
            let units = component.iter().flat_map(|o| &o.units);
            units.clone().any(|unit| entry.units.contains(unit))
        };
        let Some(next) = open.iter().position(shares) else {
            return component;
        };
        component.push(open.remove(next));
    }
}

fn share(draft: &mut Draft<'_>, mut component: Vec<Open>) -> Result<Result<(), Full>> {
    let total = draft.total();
    loop {
        let (units, shares) = search(draft, &component, total)?;
        let room = shares.as_ref().map_or(1, |shares| shares.room);
        if room >= total {
            let serves = component.iter().map(|o| o.unique.name.clone()).collect();
            let digits = shares.map(|shares| shares.digits).unwrap_or_default();
            let digits = sized(draft, &units, &digits)?;
            count(draft, serves, &digits);
            return Ok(Ok(()));
        }
        if carry_number(draft, &mut component)? {
            if component.is_empty() {
                return Ok(Ok(()));
            }
            continue;
        }
        // A null frees a row from the constraint.
        let Some(place) = component
            .iter()
            .position(|entry| release(draft, entry).is_some())
        else {
            let names: Vec<&str> = component.iter().map(|o| o.unique.name.as_str()).collect();
            return Ok(Err(Full {
                constraint: names.join("\", \""),
                room,
            }));
        };
        if let Some(unit) = release(draft, &component[place]) {
            make_null(draft, unit, &component[place].unique.name);
        }
        component.remove(place);
        if component.is_empty() {
            return Ok(Ok(()));
        }
    }
}

/// Lets a number be different in all rows after all, when it would begin again with each parent and
/// the component has no room for that.
fn carry_number(draft: &mut Draft<'_>, component: &mut Vec<Open>) -> Result<bool> {
    let units: Vec<Unit> = component.iter().flat_map(|o| o.units.clone()).collect();
    for unit in units {
        let Unit::Column(column) = unit else {
            continue;
        };
        let size = room::column_size(draft, column)?;
        if size < draft.total() {
            continue;
        }
        let met = |entry: &&Open| entry.units.contains(&unit);
        let serves = component.iter().filter(met).map(|o| o.unique.name.clone());
        let serves = serves.collect();
        component.retain(|entry| !entry.units.contains(&unit));
        count(draft, serves, &[(size.min(BOUND), vec![unit])]);
        return Ok(true);
    }
    Ok(false)
}

fn search(
    draft: &Draft<'_>,
    component: &[Open],
    total: u64,
) -> Result<(Vec<Unit>, Option<Shares>)> {
    let mut units: Vec<Unit> = component.iter().flat_map(|o| o.units.clone()).collect();
    units.sort();
    units.dedup();
    let sizes = units.iter().map(|unit| room::size(draft, *unit));
    let sizes = sizes.collect::<Result<Vec<_>>>()?;
    let place = |unit: &Unit| units.iter().position(|u| u == unit).unwrap_or_default();
    let sets: Vec<Vec<usize>> = component
        .iter()
        .map(|entry| entry.units.iter().map(place).collect())
        .collect();
    let picks: Vec<bool> = units.iter().map(|u| matches!(u, Unit::Pick(_))).collect();
    let alone: Vec<bool> = units.iter().map(|unit| is_spread(draft, *unit)).collect();
    let found = Component {
        sizes: &sizes,
        sets: &sets,
        picks: &picks,
        alone: &alone,
    };
    let shares = found.search(total);
    Ok((units, shares))
}

/// The digits with their moduli, which multiply to at most [`BOUND`].
fn sized(
    draft: &Draft<'_>,
    units: &[Unit],
    digits: &[Vec<usize>],
) -> Result<Vec<(u64, Vec<Unit>)>> {
    let mut sized = Vec::with_capacity(digits.len());
    for digit in digits {
        let members: Vec<Unit> = digit.iter().map(|unit| units[*unit]).collect();
        let sizes = members.iter().map(|unit| room::size(draft, *unit));
        let sizes = sizes.collect::<Result<Vec<_>>>()?;
        sized.push((sizes.into_iter().min().unwrap_or(1), members));
    }
    // Small ones first: what they leave is shared by the large ones.
    sized.sort_by_key(|(size, _)| *size);
    let spread = sized
        .iter()
        .position(|(_, units)| units.iter().any(|u| is_spread(draft, *u)));
    if let Some(place) = spread {
        let low = sized.remove(place);
        sized.insert(0, low);
    }
    few_groups(draft, &mut sized);
    let mut left = BOUND;
    let count = sized.len();
    let number = sized.len() > 1;
    let mut others: u64 = 1;
    for (place, (size, units)) in sized.iter_mut().enumerate() {
        let equal = (left as f64).powf(1.0 / (count - place) as f64) as u64;
        *size = (*size).min(equal.max(1));
        let whole = units.iter().all(|unit| is_whole(draft, *unit));
        if number && whole && place + 1 == count {
            // Line numbers stay low, with some to spare.
            let needed = draft.total().div_ceil(others);
            *size = (*size).min(needed.saturating_mul(2).max(8));
        }
        others = others.saturating_mul(*size);
        left /= (*size).max(1);
    }
    Ok(sized)
}

/// Of ranges in groups several are in each: as many groups are taken as that leaves.
fn few_groups(draft: &Draft<'_>, sized: &mut [(u64, Vec<Unit>)]) {
    let spaced = |units: &[Unit]| units.iter().any(|unit| slots::is_spaced(draft, *unit));
    if !sized.iter().any(|(_, units)| spaced(units)) {
        return;
    }
    let mut others: Vec<&mut u64> = sized
        .iter_mut()
        .filter(|(_, units)| !spaced(units))
        .map(|(size, _)| size)
        .collect();
    others.sort_unstable();
    let Some(largest) = others.pop() else {
        return;
    };
    let rest = others
        .iter()
        .fold(1_u64, |all, size| all.saturating_mul(**size));
    let wanted = draft.total().div_ceil(slots::EACH).div_ceil(rest.max(1));
    *largest = (*largest).min(wanted.max(1));
}

fn is_whole(draft: &Draft<'_>, unit: Unit) -> bool {
    match unit {
        Unit::Column(column) => {
            let whole = matches!(draft.plan.columns[column].source, Source::Whole { .. });
            whole || draft.slots[column].spaced
        }
        Unit::Pick(_) => false,
    }
}

fn is_spread(draft: &Draft<'_>, unit: Unit) -> bool {
    matches!(unit, Unit::Pick(pick) if draft.plan.picks[pick].how == How::Spread)
}

/// A unit of the constraint that may be null in every row.
fn release(draft: &Draft<'_>, entry: &Open) -> Option<Unit> {
    if entry.unique.nulls_equal {
        return None;
    }
    entry.units.iter().copied().find(|unit| match unit {
        Unit::Column(column) => {
            !draft.slots[*column].not_null && draft.plan.columns[*column].take == Take::Draw
        }
        Unit::Pick(pick) => draft.reach[*pick].nullable,
    })
}

fn make_null(draft: &mut Draft<'_>, unit: Unit, constraint: &str) {
    match unit {
        Unit::Column(column) => {
            let plan = &mut draft.plan.columns[column];
            plan.source = Source::Null;
            plan.nulls = 0.0;
            plan.reason = format!("null, because \"{constraint}\" has too few values");
        }
        Unit::Pick(pick) => draft.plan.picks[pick].nulls = 1.0,
    }
}

/// Adds a group whose digits the units take.
fn count(draft: &mut Draft<'_>, serves: Vec<String>, digits: &[(u64, Vec<Unit>)]) {
    let group = draft.plan.groups.len();
    let mut bound = 1;
    let mut ordered = false;
    for (modulo, units) in digits {
        let take = Take::Digit {
            group,
            divide: bound,
            modulo: *modulo,
        };
        bound *= modulo;
        for unit in units {
            match *unit {
                Unit::Column(column) => {
                    draft.plan.columns[column].take = take.clone();
                    draft.plan.columns[column].nulls = 0.0;
                }
                // It has but one value for each row, and keeps it.
                Unit::Pick(pick) if room::is_decided(draft, pick) => {}
                Unit::Pick(pick) => {
                    let plan = &mut draft.plan.picks[pick];
                    plan.nulls = 0.0;
                    match &mut plan.how {
                        How::Spread => ordered = true,
                        How::Within { take: within, .. } => *within = take.clone(),
                        how => *how = How::Take(take.clone()),
                    }
                }
            }
        }
    }
    let lowest = digits.first().map_or(1, |(modulo, _)| *modulo);
    draft.plan.groups.push(Group {
        serves,
        bound,
        stride: stride(bound, draft.total(), if ordered { lowest } else { 1 }),
        ordered,
    });
}

/// Places between two tries of a row, a multiple of `lowest`; 0 when there is no room for two.
fn stride(bound: u64, total: u64, lowest: u64) -> u64 {
    let most = bound / TRIES / lowest * lowest;
    let least = total.div_ceil(lowest) * lowest;
    let stride = most.max(least);
    if stride == 0 || bound / stride < 2 {
        0
    } else {
        stride
    }
}
