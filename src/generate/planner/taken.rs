//! Rows that are added to earlier ones, and keys that somebody else has taken since.

use super::draft::{Draft, Origin};
use super::room;
use super::scene::Scene;
use crate::error::{Error, Kind, Result};
use crate::generate::source::Source;

/// Refuses rows whose numbers another row has already: an application has inserted some since the
/// earlier run.
pub(super) fn refuse(scene: &Scene<'_>, draft: &Draft<'_>) -> Result<()> {
    let first = draft.plan.first;
    let standing = scene.standing.tables.get(&draft.plan.name);
    let Some(standing) = standing.filter(|_| first > 0 && draft.plan.rows > 0) else {
        return Ok(());
    };
    for (index, column) in draft.plan.columns.iter().enumerate() {
        let Source::Serial { start, step } = column.source else {
            continue;
        };
        let unique = draft.uniques.iter().any(|u| u.columns[..] == [index]);
        let number = i64::try_from(first).unwrap_or(i64::MAX);
        let next = start.saturating_add(step.saturating_mul(number));
        let highest = standing.highest.get(&column.name).copied();
        let taken = highest.filter(|highest| step > 0 && *highest >= next);
        if let Some(highest) = taken.filter(|_| unique)
            && draft.slots[index].origin == Origin::Serial
        {
            let name = format!("{}.{}", draft.plan.name.plain(), column.name.as_str());
            let message = format!(
                "{name}: a row with {highest} is there that no run wrote, and new rows begin with {next}"
            );
            return Err(Error::new(Kind::SeedPlan, message).hint(
                "delete what was inserted since the earlier run, or bring a saved state back with tidegate seed reset",
            ));
        }
    }
    Ok(())
}

/// Lets templates count among as many numbers as when the earlier rows were made, as long as there
/// are enough for all rows: among more, keys of earlier rows would come again.
pub(super) fn keep_numbers(scene: &Scene<'_>, draft: &mut Draft<'_>) -> Result<()> {
    if draft.plan.first == 0 {
        return Ok(());
    }
    let Some(standing) = scene.standing.tables.get(&draft.plan.name) else {
        return Ok(());
    };
    for index in 0..draft.plan.columns.len() {
        let column = &mut draft.plan.columns[index];
        let Some(earlier) = standing.templates.get(&column.name) else {
            continue;
        };
        let (Source::Template { pieces, .. }, Source::Template { pieces: before, .. }) =
            (&column.source, earlier)
        else {
            continue;
        };
        if pieces != before {
            continue;
        }
        let wider = std::mem::replace(&mut column.source, earlier.clone());
        if room::column_size(draft, index)? < draft.total() {
            draft.plan.columns[index].source = wider;
        }
    }
    Ok(())
}
