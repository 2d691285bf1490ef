//! How many places ranges that do not meet have in a row, and where the row lies: several for each group
//! that shares one, around today.

use super::digits::Open;
use super::draft::Draft;
use super::room::{self, Unit};
use crate::error::Result;
use crate::generate::pg_type::PgType;
use crate::generate::source::Source;

/// Microseconds of a day.
const DAY: i64 = 86_400_000_000;
/// Ranges of one group, about.
pub(super) const EACH: u64 = 4;
/// Places of a group at least: more than four months of ranges of days, four weeks of hours.
const PLACES: u64 = 32;
const PLACES_OF_HOURS: u64 = 28 * 24;
/// Days that the ranges of one group lie in, when there are many.
const SPAN: i64 = 40 * 365;

/// Lays out the columns of ranges whose constraint stands by itself, now that the groups are known.
/// What other constraints demand of the same columns is met by more places than rows, as before.
pub(super) fn settle(draft: &mut Draft<'_>, open: &[Open], today: i64) -> Result<()> {
    for column in 0..draft.slots.len() {
        let unit = Unit::Column(column);
        let mut of = open.iter().filter(|entry| entry.units.contains(&unit));
        let (true, Some(entry)) = (draft.slots[column].spaced, of.next()) else {
            continue;
        };
        let total = draft.total();
        let grouped = is_grouped(draft, entry, open);
        let count = if grouped {
            let mut groups: u64 = 1;
            for other in entry.units.iter().filter(|other| **other != unit) {
                groups = groups.saturating_mul(room::size(draft, *other)?);
            }
            let used = groups.min(total.div_ceil(EACH)).max(1);
            let least = match draft.kind(column) {
                PgType::Timestamp(_) => PLACES_OF_HOURS,
                PgType::Range(of) | PgType::Multirange(of)
                    if matches!(**of, PgType::Timestamp(_)) =>
                {
                    PLACES_OF_HOURS
                }
                _ => PLACES,
            };
            total.div_ceil(used).saturating_mul(2).max(least)
        } else {
            total.max(8)
        };
        lay(draft, column, count, today);
    }
    Ok(())
}

/// Whether ranges are of groups, and nothing else is demanded of what the groups are.
pub(super) fn is_grouped(draft: &Draft<'_>, entry: &Open, open: &[Open]) -> bool {
    let spaced = |unit: &&Unit| is_spaced(draft, **unit);
    let shared = |unit: &Unit| open.iter().filter(|o| o.units.contains(unit)).count() > 1;
    entry.units.iter().filter(spaced).count() == 1
        && entry.units.len() > 1
        && !entry.units.iter().any(shared)
}

/// Whether a unit is places in a row.
pub(super) fn is_spaced(draft: &Draft<'_>, unit: Unit) -> bool {
    matches!(unit, Unit::Column(column) if draft.slots[column].spaced)
}

fn lay(draft: &mut Draft<'_>, column: usize, places: u64, today: i64) {
    let half = i64::try_from(places / 2).unwrap_or(i64::MAX);
    let all = i64::try_from(places).unwrap_or(i64::MAX).max(1);
    let plan = &mut draft.plan.columns[column];
    let kind = match &plan.kind {
        PgType::Range(of) | PgType::Multirange(of) => (**of).clone(),
        other => other.clone(),
    };
    match &mut plan.source {
        Source::Slot { from, every, count } => {
            match kind {
                PgType::Date => {
                    *every = (SPAN / all).clamp(1, *every);
                    *from = today
                        .div_euclid(DAY)
                        .saturating_sub(half.saturating_mul(*every));
                }
                PgType::Timestamp(_) => {
                    // Whole minutes, and quarters of them.
                    let minutes = 4 * 60_000_000;
                    let fits = SPAN.saturating_mul(DAY) / all / minutes * minutes;
                    *every = fits.clamp(minutes, *every);
                    *from =
                        (today.div_euclid(DAY) * DAY).saturating_sub(half.saturating_mul(*every));
                }
                _ => {}
            }
            *count = places;
        }
        Source::Temporal { from, to, step } => {
            let begin = (today.div_euclid(DAY) * DAY).saturating_sub(half.saturating_mul(*step));
            *from = begin;
            *to = begin.saturating_add((all - 1).saturating_mul(*step));
        }
        _ => {}
    }
}
