//! What is dumped: each table by a `pg_dump` of its own, or the whole database by one.

use std::collections::BTreeSet;
use std::ffi::OsString;

use crate::catalog::{Catalog, Table};
use crate::error::{Error, Kind, Result};
use crate::sql::QualifiedName;

/// How long `pg_dump` waits for a lock that somebody's DDL holds.
const LOCK_WAIT: &str = "30s";

/// What one call of `pg_dump` is about.
#[derive(Debug)]
pub(super) struct Unit {
    /// The table; none for the whole database.
    pub(super) table: Option<QualifiedName>,
    /// It, and what is below it.
    all: Vec<QualifiedName>,
    /// Those that hold rows.
    pub(super) rows_of: Vec<QualifiedName>,
}

/// The units of the tables that are wanted; one unit of everything when none is named. What is below
/// another table that is wanted comes with that one.
///
/// # Errors
/// [`Kind::UnknownObject`] names every table that is not there; [`Kind::Unsupported`] for one whose
/// rows are on another server.
pub(super) fn units(
    catalog: &Catalog,
    wanted: &[String],
    search_path: &[String],
) -> Result<Vec<Unit>> {
    if wanted.is_empty() {
        let rows = catalog.tables.values().filter(|table| table.stores_rows());
        return Ok(vec![Unit {
            table: None,
            all: Vec::new(),
            rows_of: rows.map(|table| table.name.clone()).collect(),
        }]);
    }
    let (mut found, mut unknown) = (BTreeSet::new(), Vec::new());
    for name in wanted {
        match catalog.resolve(name, search_path) {
            Some(table) => {
                found.insert(&table.name);
            }
            None => unknown.push(name.as_str()),
        }
    }
    if let Some(first) = unknown.first() {
        let text = format!("{} has no table {}", catalog.database, unknown.join(", "));
        let error = Error::new(Kind::UnknownObject, text);
        return Err(match catalog.suggest(first) {
            Some(near) => error.hint(format!("did you mean {}?", near.plain())),
            None => error.hint("write names as schema.table; nothing was written"),
        });
    }
    let below: BTreeSet<&QualifiedName> = found
        .iter()
        .flat_map(|name| catalog.descendants(name))
        .map(|table| &table.name)
        .collect();
    let tops = found.iter().filter(|name| !below.contains(**name));
    tops.filter_map(|name| catalog.table(name))
        .map(|table| unit(catalog, table))
        .collect()
}

fn unit(catalog: &Catalog, table: &Table) -> Result<Unit> {
    let below = catalog.descendants(&table.name);
    let all: Vec<&Table> = std::iter::once(table).chain(below).collect();
    let stores = |table: &&&Table| table.stores_rows();
    let rows_of = all.iter().filter(stores).map(|table| table.name.clone());
    let rows_of: Vec<QualifiedName> = rows_of.collect();
    let elsewhere = all
        .iter()
        .find(|one| !one.stores_rows() && !one.is_partitioned());
    if let Some(elsewhere) = elsewhere {
        let text = format!(
            "the rows of {} are on another server",
            elsewhere.name.plain()
        );
        return Err(Error::new(Kind::Unsupported, text).hint("back them up there"));
    }
    Ok(Unit {
        table: Some(table.name.clone()),
        all: all.iter().map(|table| table.name.clone()).collect(),
        rows_of,
    })
}

impl Unit {
    /// The command line. What is written is compressed when it is sealed.
    pub(super) fn arguments(&self, snapshot: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec![
            "--format=custom".into(),
            "--compress=0".into(),
            "--no-password".into(),
            "--strict-names".into(),
            format!("--lock-wait-timeout={LOCK_WAIT}").into(),
            format!("--snapshot={snapshot}").into(),
        ];
        // Quoted names are no patterns.
        let tables = self.all.iter().map(|name| format!("--table={name}").into());
        arguments.extend(tables);
        arguments
    }
}
