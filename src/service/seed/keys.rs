//! Keys that are in the database already and that new rows refer to.

use std::collections::btree_map::Entry;

use super::stored;
use crate::catalog::Catalog;
use crate::error::{Error, Kind, Result};
use crate::generate::{ColumnType, Keys, Parent, PgType, SeedPlan, Value};
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

/// Keys of one table that a run keeps in memory at most.
const MOST: u64 = 1 << 20;

/// Reads the keys that the plan refers to and does not write, in their order.
pub(super) async fn read(session: &Session, catalog: &Catalog, plan: &SeedPlan) -> Result<Keys> {
    let mut keys = Keys::new();
    for pick in plan.tables.iter().flat_map(|table| &table.picks) {
        let Parent::Existing {
            table,
            columns,
            rows,
        } = &pick.parent
        else {
            continue;
        };
        if let Entry::Vacant(entry) = keys.entry((table.clone(), columns.clone())) {
            entry.insert(rows_of(session, catalog, (table, columns), *rows).await?);
        }
    }
    Ok(keys)
}

async fn rows_of(
    session: &Session,
    catalog: &Catalog,
    (table, columns): (&QualifiedName, &[Ident]),
    rows: u64,
) -> Result<Vec<Vec<Value>>> {
    let kinds = columns
        .iter()
        .map(|column| kind(catalog, table, column))
        .collect::<Result<Vec<_>>>()?;
    let list = |between: &str, each: &dyn Fn(&Ident) -> String| {
        let parts: Vec<String> = columns.iter().map(each).collect();
        parts.join(between)
    };
    let shown: Vec<String> = columns
        .iter()
        .zip(&kinds)
        .map(|(column, kind)| stored::shown(column, kind))
        .collect();
    let sql = format!(
        "select {} from {table} where {} order by {} limit {}",
        shown.join(", "),
        list(" and ", &|column| format!("{column} is not null")),
        list(", ", &|column| column.to_string()),
        rows.min(MOST)
    );
    let found = session.query(&sql, &[]).await?;
    let mut keys = Vec::with_capacity(found.len());
    for row in found {
        let values = kinds.iter().enumerate().map(|(at, kind)| {
            let text: String = row.get(at);
            stored::value(&text, kind).ok_or_else(|| {
                let name = format!("{}.{}", table.plain(), columns[at].as_str());
                Error::new(
                    Kind::SeedPlan,
                    format!("{name}: a key that rows would refer to is one that cannot be written"),
                )
                .hint("only finite numbers of ordinary size and times in UTC can be referred to; seed the tables that do not refer to it with --table")
            })
        });
        keys.push(values.collect::<Result<Vec<_>>>()?);
    }
    if (keys.len() as u64) < rows.min(MOST) {
        return Err(Error::new(
            Kind::PlanStale,
            format!("{} holds fewer rows than it did", table.plain()),
        ));
    }
    Ok(keys)
}

fn kind(catalog: &Catalog, table: &QualifiedName, column: &Ident) -> Result<PgType> {
    let found = catalog.table(table);
    let found = found.and_then(|found| found.column(column.as_str()));
    let found = found.ok_or_else(|| {
        let column = column.as_str();
        Error::new(
            Kind::UnknownObject,
            format!("no column {}.{column}", table.plain()),
        )
    })?;
    Ok(ColumnType::of(catalog, &found.data_type).base)
}
