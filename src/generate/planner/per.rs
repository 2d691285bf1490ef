//! Rows by parent: `per = { parent, count }`.

use super::draft::Draft;
use super::scene::{Families, Scene, Wanted};
use crate::error::{Error, Kind, Result};
use crate::generate::children::Children;
use crate::generate::plan::How;
use crate::generate::spec::PerParent;
use crate::generate::stream::StreamKey;

/// Counts the children of all tables whose rows go by parent.
pub(super) fn count(scene: &mut Scene<'_>) -> Result<()> {
    for table in 0..scene.tables.len() {
        let said = scene.specs[table].and_then(|said| said.per.as_ref());
        let learned = scene.specs[table].is_some_and(|said| said.learned);
        let Some(said) = said.filter(|_| !learned || scene.options.rows.is_none()) else {
            continue;
        };
        if scene.crowded[table] {
            continue;
        }
        let found = match families(scene, table, said) {
            Err(_) if learned => continue,
            found => found?,
        };
        let first = scene.first(table);
        scene.wanted[table] = Wanted {
            rows: found.total.saturating_sub(first),
            explicit: !learned,
        };
        scene.families[table] = Some(found);
    }
    Ok(())
}

fn families(scene: &Scene<'_>, table: usize, said: &PerParent) -> Result<Families> {
    let own = scene.tables[table];
    let wrong = |why: &str| {
        let name = own.name.plain();
        Error::new(Kind::SeedSpec, format!("{name}: {why}")).at(said.place.clone())
    };
    let parent = scene.resolve(&said.parent, Kind::SeedSpec);
    let parent = parent.map_err(|error| error.at(said.place.clone()))?;
    let refers = |key: &&crate::catalog::Constraint| {
        key.foreign_key()
            .is_some_and(|key| key.table == parent.name)
    };
    let mut keys = own.foreign_keys().filter(refers);
    let constraint = match (keys.next(), keys.next()) {
        (Some(key), None) => key.name.as_str().to_owned(),
        (None, _) => return Err(wrong(&format!("no foreign key refers to {}", said.parent))),
        _ => {
            return Err(wrong(&format!(
                "several foreign keys refer to {}",
                said.parent
            )));
        }
    };
    let index = scene.index.get(&parent.name).copied();
    let index = index.filter(|index| *index < table);
    let index = index.ok_or_else(|| wrong("the parent is not seeded before the table"))?;
    // The stream of the pick, as the rows will draw it.
    let purpose = format!("-> {constraint}");
    let key = StreamKey::new(scene.seed(), &own.name.plain(), &purpose);
    let parents = scene.total(index);
    let children = Children::new(key, &said.count, parents);
    let largest = (0..parents).map(|parent| children.of(parent)).max();
    Ok(Families {
        constraint,
        count: said.count.clone(),
        total: children.total(),
        largest: largest.unwrap_or_default(),
    })
}

/// Makes the pick of the counted key.
pub(super) fn apply(scene: &Scene<'_>, draft: &mut Draft<'_>, table: usize) -> Result<()> {
    let Some(found) = &scene.families[table] else {
        return Ok(());
    };
    let by = |pick: &crate::generate::plan::Pick| pick.serves[..] == [found.constraint.clone()];
    let pick = draft.plan.picks.iter().position(by);
    let pick = pick.filter(|pick| matches!(draft.plan.picks[*pick].how, How::Draw(_)));
    let Some(pick) = pick else {
        if scene.specs[table].is_some_and(|said| said.learned) {
            return Ok(());
        }
        let why = "cannot be counted by parent, because it shares columns with other foreign keys";
        return Err(draft.error(&found.constraint, why));
    };
    draft.plan.picks[pick].how = How::Per(found.count.clone());
    draft.plan.picks[pick].nulls = 0.0;
    draft.reach[pick].nullable = false;
    draft.reach[pick].largest = found.largest;
    Ok(())
}
