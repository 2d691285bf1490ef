//! Foreign keys that share columns, as all keys of a tenant's tables share the tenant.
//!
//! The shared columns come from one row of a root table (the tenant), and the keys choose among rows
//! of the same root: [`crate::generate::How::Within`]. For that the tables they refer to deal their
//! rows out to the root's in turn ([`crate::generate::How::Spread`]), so that the rows of a tenant
//! are known without looking.

use super::draft::Draft;
use super::keys::{self, Key, KeysOf, Place, Target};
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

/// What the keys of each table share.
pub(super) fn find(drafts: &[Draft<'_>], all: &KeysOf<'_>) -> Result<Vec<Option<Shared>>> {
    let mut found: Vec<Option<Shared>> = vec![None; drafts.len()];
    let mut open = Vec::new();
    for table in 0..drafts.len() {
        if let Some((columns, root)) = overlap(all, table) {
            open.push((table, columns, root, false));
        }
    }
    while let Some((table, columns, root, spread)) = open.pop() {
        if let Some(known) = &mut found[table] {
            if known.columns != columns || known.root != root {
                return Err(conflict(&drafts[table], all, table));
            }
            known.spread |= spread;
            continue;
        }
        let rows = drafts[root.0].total();
        found[table] = Some(Shared {
            columns: columns.clone(),
            root: root.clone(),
            spread,
            rows,
        });
        for key in keys::necessary(all, table) {
            if let Some(place) = keys::through(key, &columns)
                && place != root
            {
                open.push((place.0, place.1, root.clone(), true));
            }
        }
    }
    narrow(drafts, all, &mut found);
    Ok(found)
}

/// The columns that several keys of a table share, and where all of them come from.
fn overlap(all: &KeysOf<'_>, table: usize) -> Option<(Vec<usize>, Place)> {
    let keys = keys::necessary(all, table);
    let count = |column: &usize| keys.iter().filter(|key| key.own.contains(column)).count();
    let sharing = |key: &&&Key<'_>| key.own.iter().any(|column| count(column) > 1);
    let sharing: Vec<&Key<'_>> = keys.iter().filter(sharing).copied().collect();
    let first = sharing.first()?;
    let mut columns: Vec<usize> = first.own.iter().copied().filter(|c| count(c) > 1).collect();
    columns.sort_unstable();
    let places: Option<Vec<Vec<Place>>> = sharing
        .iter()
        .map(|key| Some(keys::origins(all, &keys::through(key, &columns)?)))
        .collect();
    let places = places?;
    let (first, rest) = places.split_first()?;
    let root = first
        .iter()
        .find(|place| place.0 != table && rest.iter().all(|places| places.contains(place)))?;
    Some((columns, root.clone()))
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
