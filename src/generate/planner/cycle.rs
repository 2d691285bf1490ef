//! Keys whose values come from each other in a circle.

use super::draft::{Draft, Origin};
use super::scene::Scene;
use crate::error::Result;
use crate::generate::plan::Parent;
use crate::generate::source::Source;

/// Finds columns whose values would come from themselves and makes one of them null, where it may be.
pub(super) fn cut(scene: &mut Scene<'_>, drafts: &mut [Draft<'_>]) -> Result<()> {
    for table in 0..drafts.len() {
        for column in 0..drafts[table].slots.len() {
            if comes_from_itself(drafts, (table, column)) {
                break_at(scene, &mut drafts[table], column)?;
            }
        }
    }
    Ok(())
}

fn comes_from_itself(drafts: &[Draft<'_>], start: (usize, usize)) -> bool {
    let mut seen = vec![start];
    let mut at = start;
    while let Source::Reference { pick, column } = drafts[at.0].plan.columns[at.1].source {
        let Parent::Planned { table, .. } = drafts[at.0].plan.picks[pick].parent else {
            return false;
        };
        at = (table, column);
        if seen.contains(&at) {
            return at == start;
        }
        seen.push(at);
    }
    false
}

fn break_at(scene: &mut Scene<'_>, draft: &mut Draft<'_>, column: usize) -> Result<()> {
    let Origin::Pick(pick) = draft.slots[column].origin else {
        return Ok(());
    };
    let name = draft.plan.picks[pick].serves.join("\", \"");
    if !draft.reach[pick].nullable {
        let why = "takes its values from a key that takes them from it";
        return Err(draft.error(&name, why));
    }
    let of_pick = |index: &usize| draft.slots[*index].origin == Origin::Pick(pick);
    let columns: Vec<usize> = (0..draft.slots.len()).filter(of_pick).collect();
    draft.set_null(&columns, "its values would come from itself");
    scene.note(format!(
        "{}: \"{name}\" refers to nothing, because its values would come from itself",
        draft.plan.name.plain()
    ));
    Ok(())
}
