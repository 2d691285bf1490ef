//! Foreign keys: which row of another table a row refers to.

use super::draft::{Draft, Origin, Reach};
use super::keys::{self, Key, KeysOf, Target};
use super::room;
use super::scene::Scene;
use super::shared::{self, Shared};
use crate::error::Result;
use crate::generate::distribution::Distribution;
use crate::generate::pg_type::PgType;
use crate::generate::plan::{How, Parent, Pick, Take};
use crate::generate::source::Source;

/// Share of rows that refer to nothing where they may.
const NULLS: f64 = 0.1;

/// Gives the columns of all foreign keys their picks.
pub(super) fn link<'a>(
    scene: &mut Scene<'a>,
    drafts: &mut [Draft<'a>],
    all: &KeysOf<'a>,
    uniques: &room::Keys,
) -> Result<()> {
    let shared = shared::find(drafts, all, uniques)?;
    for table in 0..drafts.len() {
        if let Some(found) = &shared[table] {
            root(drafts, all, table, found);
        }
        for key in keys::necessary(all, table) {
            let from_root = shared[table].as_ref().is_some_and(|shared| {
                let place = keys::through(key, &shared.columns);
                place.as_ref() == Some(&shared.root) && key.own.len() == shared.columns.len()
            });
            if from_root {
                continue;
            }
            one(scene, drafts, &shared, (table, key))?;
        }
    }
    // A pick knows how many groups its parent's rows are dealt out to once all are made.
    for table in 0..drafts.len() {
        for pick in 0..drafts[table].plan.picks.len() {
            let Pick { parent, how, .. } = &drafts[table].plan.picks[pick];
            if let (Parent::Planned { table: parent, .. }, How::Within { through, .. }) =
                (parent, how)
            {
                let groups = room::rows(&drafts[*parent].plan.picks[*through].parent);
                drafts[table].reach[pick].groups = groups;
            }
        }
    }
    Ok(())
}

/// The pick of the row that all keys share; it is the first of its table.
fn root(drafts: &mut [Draft<'_>], all: &KeysOf<'_>, table: usize, shared: &Shared) {
    let serves = all[table]
        .iter()
        .filter(|key| key.own.iter().all(|column| shared.columns.contains(column)))
        .map(|key| key.name.to_owned());
    let draft = &mut drafts[table];
    let pick = Pick {
        serves: serves.collect(),
        parent: Parent::Planned {
            table: shared.root.0,
            rows: shared.rows,
        },
        how: if shared.spread {
            How::Spread
        } else {
            evenly(shared.rows)
        },
        nulls: 0.0,
    };
    let reach = Reach {
        nullable: false,
        groups: 1,
        given: Vec::new(),
        ..Reach::default()
    };
    let pairs = shared.columns.iter().copied();
    let pairs: Vec<(usize, usize)> = pairs.zip(shared.root.1.iter().copied()).collect();
    draft.pick(pick, reach, &pairs);
}

/// Each of the parent's rows as likely as the others.
fn evenly(rows: u64) -> How {
    How::Draw(Distribution::Uniform {
        min: 0.0,
        max: rows.saturating_sub(1) as f64,
    })
}

fn one(
    scene: &mut Scene<'_>,
    drafts: &mut [Draft<'_>],
    shared: &[Option<Shared>],
    (table, key): (usize, &Key<'_>),
) -> Result<()> {
    let draft = &drafts[table];
    let open = |column: &usize| draft.slots[*column].origin == Origin::Open;
    let free: Vec<usize> = key.own.iter().copied().filter(open).collect();
    let nullable = free.iter().all(|column| !draft.slots[*column].not_null);
    let own = shared[table].as_ref().filter(|shared| {
        let place = keys::through(key, &shared.columns);
        place.is_some_and(|place| place != shared.root)
    });
    if free.is_empty() {
        return settled(drafts, (table, key));
    }
    let (parent, columns) = parent(drafts, key);
    let parent = narrowed(drafts, (table, key), parent);
    let rows = room::rows(&parent);
    if rows == 0 || own.is_some_and(|shared| shared.rows == 0) {
        return empty(scene, &mut drafts[table], key, (nullable, &free));
    }
    let same = key
        .own
        .iter()
        .zip(&columns)
        .any(|(own, column)| own == column);
    let itself = shared::is_self(key, table);
    let how = match own {
        Some(_) => How::Within {
            pick: 0,
            through: 0,
            take: Take::Draw,
        },
        None if itself && same => How::Itself,
        None if free.len() < key.own.len() => {
            return crossed(scene, &mut drafts[table], key, (nullable, &free));
        }
        None if itself => How::Earlier,
        None => evenly(rows),
    };
    let nullable = nullable && !(key.full && free.len() < key.own.len());
    let pick = Pick {
        serves: vec![key.name.to_owned()],
        parent,
        nulls: match how {
            How::Itself if nullable => 1.0,
            _ if nullable => NULLS,
            _ => 0.0,
        },
        how,
    };
    let pairs = key.own.iter().copied().zip(columns);
    let (pairs, given): (Vec<_>, Vec<_>) =
        pairs.partition(|(own, column)| free.contains(own) && !(itself && own == column));
    let reach = Reach {
        nullable,
        groups: 1,
        given,
        ..Reach::default()
    };
    drafts[table].pick(pick, reach, &pairs);
    Ok(())
}

fn parent(drafts: &[Draft<'_>], key: &Key<'_>) -> (Parent, Vec<usize>) {
    match &key.target {
        Target::Planned { table, columns } => {
            let parent = Parent::Planned {
                table: *table,
                rows: drafts[*table].total(),
            };
            (parent, columns.clone())
        }
        Target::Existing { columns, rows } => {
            let parent = Parent::Existing {
                table: key.to.clone(),
                columns: columns.to_vec(),
                rows: *rows,
            };
            (parent, (0..columns.len()).collect())
        }
    }
}

/// A narrower whole number refers only to the parents whose counted keys it can hold.
fn narrowed(drafts: &[Draft<'_>], (table, key): (usize, &Key<'_>), parent: Parent) -> Parent {
    let (&[own], Target::Planned { table: to, columns }) = (&key.own[..], &key.target) else {
        return parent;
    };
    let most = match drafts[table].kind(own) {
        PgType::Int(2) => i64::from(i16::MAX),
        PgType::Int(4) => i64::from(i32::MAX),
        _ => return parent,
    };
    let Source::Serial { start, step } = drafts[*to].plan.columns[columns[0]].source else {
        return parent;
    };
    let room = (most.saturating_sub(start) / step.max(1))
        .saturating_add(1)
        .max(0);
    Parent::Planned {
        table: *to,
        rows: room::rows(&parent).min(room.unsigned_abs()),
    }
}

/// A key to a table without rows.
fn empty(
    scene: &mut Scene<'_>,
    draft: &mut Draft<'_>,
    key: &Key<'_>,
    (nullable, free): (bool, &[usize]),
) -> Result<()> {
    let to = key.to.plain();
    if !nullable && draft.plan.rows > 0 {
        let error = draft.error(key.name, &format!("refers to {to}, which has no rows"));
        return Err(error.hint(format!("seed {to} too, or fill it before")));
    }
    draft.set_null(free, &format!("{to} has no rows"));
    scene.note(format!(
        "{}: \"{}\" refers to nothing, because {to} has no rows",
        draft.plan.name.plain(),
        key.name
    ));
    Ok(())
}

/// A key that shares columns with others and has no root in common with them.
fn crossed(
    scene: &mut Scene<'_>,
    draft: &mut Draft<'_>,
    key: &Key<'_>,
    (nullable, free): (bool, &[usize]),
) -> Result<()> {
    if !nullable || key.full {
        let why = "shares columns with another foreign key, and nothing relates the two";
        return Err(draft.error(key.name, why));
    }
    draft.set_null(free, "shares columns with another foreign key");
    scene.note(format!(
        "{}: \"{}\" refers to nothing, because it shares columns with another foreign key",
        draft.plan.name.plain(),
        key.name
    ));
    Ok(())
}

/// A key over columns that others decide: fine when both count their rows from the same number.
fn settled(drafts: &mut [Draft<'_>], (table, key): (usize, &Key<'_>)) -> Result<()> {
    let draft = &drafts[table];
    let why = "is over columns that another foreign key decides";
    let refused = || draft.error(key.name, why);
    let (&[own], Target::Planned { table: to, columns }) = (&key.own[..], &key.target) else {
        return Err(refused());
    };
    let Source::Reference { pick, column } = draft.plan.columns[own].source else {
        return Err(refused());
    };
    let Parent::Planned { table: other, rows } = draft.plan.picks[pick].parent else {
        return Err(refused());
    };
    let start = |table: usize, column: usize| {
        let draft = &drafts[table];
        match draft.plan.columns[column].source {
            Source::Serial { start, step } => Some((start, step)),
            _ => None,
        }
    };
    let counted = start(other, column);
    if draft.reach[pick].nullable && counted.is_none() {
        let of_pick = |index: &usize| draft.slots[*index].origin == Origin::Pick(pick);
        let columns: Vec<usize> = (0..draft.slots.len()).filter(of_pick).collect();
        drafts[table].set_null(&columns, "two foreign keys decide it");
        return Ok(());
    }
    if counted.is_none() || counted != start(*to, columns[0]) {
        return Err(refused());
    }
    let least = drafts[*to].total().min(rows);
    let plan = &mut drafts[table].plan.picks[pick];
    plan.parent = Parent::Planned {
        table: other,
        rows: least,
    };
    plan.serves.push(key.name.to_owned());
    if let How::Draw(_) = plan.how {
        plan.how = evenly(least);
    }
    Ok(())
}
