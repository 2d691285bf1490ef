//! Foreign keys as sets of columns, and which of them follow from others.

use super::draft::Draft;
use super::scene::Scene;
use crate::catalog::Match;
use crate::error::Result;
use crate::sql::{Ident, QualifiedName};

/// A foreign key of a planned table.
#[derive(Debug, Clone)]
pub(super) struct Key<'a> {
    pub(super) name: &'a str,
    /// Columns of the table's plan.
    pub(super) own: Vec<usize>,
    pub(super) to: &'a QualifiedName,
    pub(super) target: Target<'a>,
    /// `MATCH FULL`
    pub(super) full: bool,
}

/// What a key refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target<'a> {
    /// A table of the plan, and columns of its plan.
    Planned { table: usize, columns: Vec<usize> },
    /// A table that has rows and gets none.
    Existing { columns: &'a [Ident], rows: u64 },
}

/// Columns of a planned table.
pub(super) type Place = (usize, Vec<usize>);

/// The foreign keys of all planned tables, in a fixed order; those that follow from others are left
/// out by [`necessary`].
pub(super) type KeysOf<'a> = Vec<Vec<Key<'a>>>;

/// Reads the foreign keys of all planned tables, and makes what they refer to not null.
pub(super) fn read<'a>(scene: &Scene<'a>, drafts: &mut [Draft<'a>]) -> Result<KeysOf<'a>> {
    let keys = (0..drafts.len())
        .map(|index| of(scene, drafts, index))
        .collect::<Result<KeysOf<'a>>>()?;
    for key in keys.iter().flatten() {
        if let Target::Planned { table, columns } = &key.target {
            for column in columns {
                drafts[*table].slots[*column].not_null = true;
            }
        }
    }
    Ok(keys)
}

fn of<'a>(scene: &Scene<'a>, drafts: &[Draft<'a>], index: usize) -> Result<Vec<Key<'a>>> {
    let draft = &drafts[index];
    let mut keys = Vec::new();
    let constraints = draft.constraints.iter().copied();
    for constraint in constraints.filter(|c| c.enforced && !c.inherited) {
        let Some(key) = constraint.foreign_key() else {
            continue;
        };
        let name = constraint.name.as_str();
        let own = draft.columns(&constraint.columns);
        let own = own.ok_or_else(|| draft.error(name, "refers by a generated column"))?;
        let target = match scene.index.get(&key.table) {
            Some(table) => Target::Planned {
                table: *table,
                columns: drafts[*table]
                    .columns(&key.columns)
                    .ok_or_else(|| draft.error(name, "refers to a generated column"))?,
            },
            None => Target::Existing {
                columns: &key.columns,
                rows: scene.standing.tables.get(&key.table).map_or(0, |standing| {
                    let present = standing.present.get(&key.columns);
                    present.copied().unwrap_or(standing.rows)
                }),
            },
        };
        keys.push(Key {
            name,
            own,
            to: &key.table,
            target,
            full: key.matching == Match::Full,
        });
    }
    keys.sort_by_key(|key| (usize::MAX - key.own.len(), key.name));
    Ok(keys)
}

/// The keys of a table that do not follow from its others.
pub(super) fn necessary<'k, 'a>(all: &'k KeysOf<'a>, table: usize) -> Vec<&'k Key<'a>> {
    let mut kept: Vec<&Key<'a>> = all[table].iter().collect();
    // Narrow ones follow from wide ones, and none by way of one that was left out.
    let mut out = Vec::new();
    let mut at = kept.len();
    while at > 0 {
        at -= 1;
        let key = kept[at];
        let Target::Planned {
            table: target,
            columns,
        } = &key.target
        else {
            continue;
        };
        let wanted = (*target, columns.clone());
        let of_itself = (table, key.own.clone()) == wanted;
        let follows = kept.iter().enumerate().any(|(other, by)| {
            other != at
                && through(by, &key.own).is_some_and(|place| {
                    let mut used = out.clone();
                    used.push((table, key.name));
                    reaches(all, &place, &wanted, &mut used)
                })
        });
        if of_itself || follows {
            out.push((table, key.name));
            kept.remove(at);
        }
    }
    kept
}

/// Where the columns `own` of a table are in the row that `key` refers to; `None` when it does not
/// decide all of them.
pub(super) fn through(key: &Key<'_>, own: &[usize]) -> Option<Place> {
    let Target::Planned { table, columns } = &key.target else {
        return None;
    };
    let place = |column: &usize| key.own.iter().position(|o| o == column);
    let there: Option<Vec<usize>> = own.iter().map(|c| Some(columns[place(c)?])).collect();
    Some((*table, there?))
}

/// Whether the values at `from` are always values at `to`; `used` are the keys not to go along.
fn reaches<'a>(
    all: &KeysOf<'a>,
    from: &Place,
    to: &Place,
    used: &mut Vec<(usize, &'a str)>,
) -> bool {
    if from == to {
        return true;
    }
    for key in &all[from.0] {
        if used.contains(&(from.0, key.name)) {
            continue;
        }
        let Some(next) = through(key, &from.1) else {
            continue;
        };
        used.push((from.0, key.name));
        if reaches(all, &next, to, used) {
            return true;
        }
    }
    false
}

/// All places that the values at `from` come from, the nearest first.
pub(super) fn origins(all: &KeysOf<'_>, from: &Place) -> Vec<Place> {
    let mut found = vec![from.clone()];
    let mut next = 0;
    while next < found.len() {
        let here = found[next].clone();
        next += 1;
        for key in &all[here.0] {
            if let Some(place) = through(key, &here.1)
                && !found.contains(&place)
            {
                found.push(place);
            }
        }
    }
    found
}
