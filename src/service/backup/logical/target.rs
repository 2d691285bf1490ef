//! The database that a logical backup is restored into: what of it is in the way, and what has to be
//! there first.

use std::collections::{BTreeMap, BTreeSet};

use crate::catalog::{Catalog, ForeignKeyGraph};
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::{Session, introspect_in_transaction};
use crate::recovery::LogicalManifest;
use crate::sql::{Ident, QualifiedName, literal};

/// What is done with an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// The table is made, with its rows, and with its indexes and constraints after that.
    Anew,
    /// The table is there and empty: its rows and sequences come back.
    Rows,
    /// The whole database.
    Whole,
}

/// How the archives are restored.
#[derive(Debug)]
pub(super) struct Reception {
    /// The archives, in the order in which they are loaded.
    pub(super) archives: Vec<(usize, Way)>,
    /// What is done before, as SQL.
    pub(super) before: Vec<String>,
    /// Schemas that are made.
    pub(super) schemas: Vec<Ident>,
    /// The major version of the server.
    pub(super) major: u32,
}

/// Looks at the database.
///
/// # Errors
/// [`Kind::Unsupported`] for a server that is older than the backup's; [`Kind::ObjectExists`] names every
/// table that holds rows, or all that is in the way of a whole database.
pub(super) async fn receive(
    target: &Target,
    backup: &LogicalManifest,
    chosen: &[usize],
) -> Result<Reception> {
    let session = Session::connect(target, "restore").await?;
    let (major, made) = (
        session.version().unsigned_abs() / 10_000,
        backup.postgres / 10_000,
    );
    if major < made {
        let text = format!(
            "{} runs PostgreSQL {major}, the backup is of {made}",
            target.label()
        );
        return Err(Error::new(Kind::Unsupported, text)
            .hint("tables are restored into the same major version or a newer one"));
    }
    let begin = "begin isolation level repeatable read, read only";
    session.batch_execute(begin).await?;
    let catalog = introspect_in_transaction(&session).await?;
    if backup.whole {
        nothing_in_the_way(target, &catalog, backup)?;
        return Ok(Reception {
            archives: chosen.iter().map(|number| (*number, Way::Whole)).collect(),
            before: Vec::new(),
            schemas: Vec::new(),
            major,
        });
    }
    let (mut archives, mut full) = (Vec::new(), Vec::new());
    for number in chosen {
        let Some(name) = &backup.archives[*number].table else {
            continue;
        };
        let way = match catalog.table(name) {
            Some(_) if holds_rows(&session, name).await? => {
                full.push(name.plain());
                continue;
            }
            Some(_) => Way::Rows,
            None => Way::Anew,
        };
        archives.push((*number, way, name));
    }
    if !full.is_empty() {
        return Err(Error::new(
            Kind::ObjectExists,
            format!("{} already holds rows of {}", target.label(), full.join(", ")),
        )
        .hint("nothing was changed: restore into an empty database and compare with `tidegate diff`, or empty the table first"));
    }
    Ok(reception(&catalog, archives, major))
}

/// Refuses a database that has a table of the backup.
fn nothing_in_the_way(target: &Target, catalog: &Catalog, backup: &LogicalManifest) -> Result<()> {
    let tables = backup.archives.iter().flat_map(|archive| &archive.rows_of);
    let there = tables.filter(|name| catalog.has_relation(name));
    let there: Vec<String> = there.take(5).map(QualifiedName::plain).collect();
    if there.is_empty() {
        return Ok(());
    }
    let text = format!("{} already has {}", target.label(), there.join(", "));
    Err(Error::new(Kind::ObjectExists, text)
        .hint("nothing was changed: a whole database is restored into a new one (createdb)"))
}

async fn holds_rows(session: &Session, name: &QualifiedName) -> Result<bool> {
    let sql = format!("select exists (select from {name})");
    Ok(session.query_one(&sql, &[]).await?.try_get(0)?)
}

/// Tables that are there are loaded parents first; those that are made get their foreign keys last.
fn reception(
    catalog: &Catalog,
    mut archives: Vec<(usize, Way, &QualifiedName)>,
    major: u32,
) -> Reception {
    let order = ForeignKeyGraph::new(catalog).order().into_iter();
    let place: BTreeMap<QualifiedName, usize> = order.zip(0..).collect();
    archives.sort_by_key(|(number, _, name)| (place.get(*name).copied(), *number));
    let known: BTreeSet<&str> = catalog
        .schemas
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    let made = archives.iter().filter(|(_, way, _)| *way == Way::Anew);
    let schemas: BTreeSet<&Ident> = made.map(|(_, _, name)| &name.schema).collect();
    let schemas = schemas
        .into_iter()
        .filter(|name| !known.contains(name.as_str()));
    let schemas: Vec<Ident> = schemas.cloned().collect();
    let mut before: Vec<String> = schemas
        .iter()
        .map(|name| format!("create schema {name};"))
        .collect();
    let there = archives.iter().filter(|(_, way, _)| *way == Way::Rows);
    before.extend(there.map(|(_, _, name)| still_empty(name)));
    Reception {
        archives: archives
            .iter()
            .map(|(number, way, _)| (*number, *way))
            .collect(),
        before,
        schemas,
        major,
    }
}

/// Keeps writers out of a table, and fails when rows came into it since it was looked at.
fn still_empty(name: &QualifiedName) -> String {
    let text = literal(&format!("rows have come into {} meanwhile", name.plain()));
    let body = format!(
        "begin if exists (select from {name}) then raise exception using message = {text}; end if; end"
    );
    format!(
        "lock table {name} in share row exclusive mode;\ndo {};",
        literal(&body)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::logical_tests::table;

    #[test]
    fn quotes_in_names_stay_inside_of_the_block() {
        let sql = still_empty(&table("app", "it's \"so\""));
        assert!(
            sql.contains("select from \"app\".\"it''s \"\"so\"\"\""),
            "{sql}"
        );
        assert!(
            sql.contains("''rows have come into app.it''''s \"so\" meanwhile''"),
            "{sql}"
        );
    }
}
