//! Rows by parent: `per = { parent, count }`.

use super::draft::Draft;
use super::scene::{Families, Scene, Wanted};
use crate::catalog::{ConstraintKind, Index, IndexColumn, IndexKey, Table};
use crate::error::{Error, Kind, Result};
use crate::generate::children::Children;
use crate::generate::distribution::Distribution;
use crate::generate::plan::How;
use crate::generate::spec::PerParent;
use crate::generate::stream::StreamKey;
use crate::sql::Ident;

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
    let key = match (keys.next(), keys.next()) {
        (Some(key), None) => key,
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
    let mut count = said.count.clone();
    let learned = scene.specs[table].is_some_and(|said| said.learned);
    if learned && is_alone(own, &key.columns) {
        count = at_most_one(count);
    }
    let constraint = key.name.as_str().to_owned();
    // The stream of the pick, as the rows will draw it.
    let purpose = format!("-> {constraint}");
    let key = StreamKey::new(scene.seed(), &own.name.plain(), &purpose);
    let parents = scene.total(index);
    let children = Children::new(key, &count, parents);
    let each = (0..parents).map(|parent| children.of(parent));
    Ok(Families {
        constraint,
        count,
        total: children.total(),
        largest: each.clone().max().unwrap_or_default(),
        parents: each.filter(|children| *children > 0).count() as u64,
    })
}

/// Whether a key lets each parent have one row at most.
fn is_alone(table: &Table, key: &[Ident]) -> bool {
    let mut constraints = table.constraints.iter().filter(|constraint| {
        matches!(
            constraint.kind,
            ConstraintKind::PrimaryKey | ConstraintKind::Unique
        )
    });
    let whole = |index: &&Index| index.unique && index.predicate.is_none();
    let mut indexes = table.indexes.iter().filter(whole);
    let part =
        |column: &IndexColumn| matches!(&column.key, IndexKey::Column(name) if key.contains(name));
    constraints.any(|unique| unique.columns.iter().all(|column| key.contains(column)))
        || indexes.any(|index| index.columns.iter().all(part))
}

/// Measured numbers of children without what rounding and noise have added to one.
fn at_most_one(count: Distribution) -> Distribution {
    match count {
        Distribution::Empirical(mut buckets) => {
            for bucket in &mut buckets {
                bucket.min = bucket.min.min(1.0);
                bucket.max = bucket.max.min(1.0);
            }
            Distribution::Empirical(buckets)
        }
        other => other,
    }
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
    draft.reach[pick].families = found.parents;
    Ok(())
}
