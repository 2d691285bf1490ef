//! Foreign keys that share columns, as all keys of a tenant's tables share the tenant.
//!
//! The shared columns come from one row of a root table (the tenant), and the keys choose among rows
//! of the same root: [`crate::generate::How::Within`]. For that the tables they refer to deal their
//! rows out to the root's in turn ([`crate::generate::How::Spread`]), so that the rows of a tenant
//! are known without looking.

use super::draft::Draft;
use super::keys::{self, Key, KeysOf, Place, Target};
use super::room::Keys;
use crate::error::{Error, Result};

/// What a table's keys share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shared {
    /// The shared columns of the table's plan.
    pub(super) columns: Vec<usize>,
    /// Where they come from.
    pub(super) root: Place,
    /// Whether others choose among this table's rows by root.
    pub(super) spread: bool,
    /// Rows of the root that are referred to.
    pub(super) rows: u64,
}

/// What the keys of each table share. `uniques` are the keys of all tables.
pub(super) fn find(
    drafts: &[Draft<'_>],
    all: &KeysOf<'_>,
    uniques: &Keys,
) -> Result<Vec<Option<Shared>>> {
    let mut found: Vec<Option<Shared>> = vec![None; drafts.len()];
    for table in 0..drafts.len() {
        let Some(columns) = overlap(all, table).or_else(|| circle(all, table)) else {
            continue;
        };
        let places = keys::origins(all, &(table, columns));
        let Some(root) = root(all, uniques, &places) else {
            continue;
        };
        for (member, columns) in places.iter().filter(|place| **place != root) {
            match &found[*member] {
                Some(known) if known.columns == *columns && known.root == root => {}
                Some(_) => return Err(conflict(&drafts[*member], all, *member)),
                None => {
                    found[*member] = Some(Shared {
                        columns: columns.clone(),
                        root: root.clone(),
                        spread: false,
                        rows: drafts[root.0].total(),
                    });
                }
            }
        }
    }
    for table in 0..found.len() {
        let Some(shared) = found[table].clone() else {
            continue;
        };
        for key in &all[table] {
            if let Some((to, _)) = keys::through(key, &shared.columns)
                && let Some(parent) = &mut found[to]
            {
                parent.spread = true;
            }
        }
    }
    narrow(drafts, all, &mut found);
    Ok(found)
}

/// The columns that several keys of a table share.
fn overlap(all: &KeysOf<'_>, table: usize) -> Option<Vec<usize>> {
    let keys = keys::necessary(all, table);
    let count = |column: &usize| keys.iter().filter(|key| key.own.contains(column)).count();
    let mut sharing = keys
        .iter()
        .filter(|key| key.own.iter().any(|column| count(column) > 1));
    let first = sharing.next()?;
    let mut columns: Vec<usize> = first.own.iter().copied().filter(|c| count(c) > 1).collect();
    columns.sort_unstable();
    let all_share = sharing.all(|key| columns.iter().all(|column| key.own.contains(column)));
    all_share.then_some(columns)
}

/// The columns of a table whose values would come from themselves, by way of other tables.
fn circle(all: &KeysOf<'_>, table: usize) -> Option<Vec<usize>> {
    all[table].iter().find_map(|key| {
        let returns = |column: &usize| {
            let here = (table, vec![*column]);
            let Some(next) = keys::through(key, &here.1) else {
                return false;
            };
            next != here && keys::origins(all, &next).contains(&here)
        };
        let mut columns: Vec<usize> = key.own.iter().copied().filter(returns).collect();
        columns.sort_unstable();
        (!columns.is_empty()).then_some(columns)
    })
}

/// The only place that the values come from and that comes from no other, one row for each value.
fn root(all: &KeysOf<'_>, uniques: &Keys, places: &[Place]) -> Option<Place> {
    let is_root = |place: &&Place| {
        let covers = |key: &Vec<usize>| key.iter().all(|column| place.1.contains(column));
        uniques[place.0].iter().any(covers) && keys::origins(all, place).len() == 1
    };
    let mut roots = places.iter().filter(is_root);
    let root = roots.next()?.clone();
    let mut tables: Vec<usize> = places.iter().map(|place| place.0).collect();
    tables.sort_unstable();
    tables.dedup();
    // A table in two places would have to share in two ways.
    (roots.next().is_none() && tables.len() == places.len()).then_some(root)
}

/// Roots without rows in a table that is chosen from are not chosen.
fn narrow(drafts: &[Draft<'_>], all: &KeysOf<'_>, found: &mut [Option<Shared>]) {
    let mut changed = true;
    while changed {
        changed = false;
        for table in 0..found.len() {
            let Some(shared) = found[table].clone() else {
                continue;
            };
            let mut rows = shared.rows;
            for key in keys::necessary(all, table) {
                let Some(place) = keys::through(key, &shared.columns) else {
                    continue;
                };
                if place != shared.root
                    && let Some(parent) = &found[place.0]
                {
                    rows = rows.min(parent.rows).min(drafts[place.0].total());
                }
            }
            if rows < shared.rows {
                found[table] = Some(Shared { rows, ..shared });
                changed = true;
            }
        }
    }
}

fn conflict(draft: &Draft<'_>, all: &KeysOf<'_>, table: usize) -> Error {
    let name = all[table].first().map_or("", |key| key.name);
    draft.error(
        name,
        "shares columns with other foreign keys in more than one way",
    )
}

/// Whether a key refers to a table that its own is.
pub(super) fn is_self(key: &Key<'_>, table: usize) -> bool {
    matches!(&key.target, Target::Planned { table: to, .. } if *to == table)
}
