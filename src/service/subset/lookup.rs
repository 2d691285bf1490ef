//! Looks up the rows at the other end of a reference.

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::types::ToSql;

use crate::catalog::Catalog;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::sql::QualifiedName;
use crate::subset::{Closure, Direction, Step, Tid};

/// Addresses in one statement: enough that a join pays, and below 1 MB.
const BATCH: usize = 20_000;

/// Looks up what `step` leads to and tells the closure.
pub(super) async fn follow(
    session: &Session,
    catalog: &Catalog,
    closure: &mut Closure,
    step: &Step,
) -> Result<()> {
    let reference = closure.reference(step);
    let Some(leaf) = closure.leaves().find(|leaf| leaf.oid == step.leaf) else {
        return Ok(());
    };
    let near = format!("only {}", leaf.name);
    let (from, to, wanted, at_hand) = match step.direction {
        Direction::Up => (near, relation(catalog, &reference.to), "p", "c"),
        Direction::Down => (relation(catalog, &reference.from), near, "c", "p"),
    };
    let condition = reference.condition();
    let these = match &step.rows {
        Some(_) => format!("where {at_hand}.ctid = any($1::text[]::tid[])"),
        None => String::new(),
    };
    let sql = format!(
        "select found.leaf, found.row::text from (select distinct {wanted}.tableoid as leaf, \
         {wanted}.ctid as row from {} join {to} p on {condition} {these}) found",
        reference.referring(&from)
    );
    let Some(rows) = &step.rows else {
        let found = addresses(session, &sql, &[]).await?;
        closure.found(step, found);
        return Ok(());
    };
    let mut batch = Vec::with_capacity(BATCH);
    let mut rows = rows.iter().peekable();
    while let Some(row) = rows.next() {
        batch.push(row.to_string());
        if batch.len() == BATCH || rows.peek().is_none() {
            let found = addresses(session, &sql, &[&batch]).await?;
            closure.found(step, found);
            batch.clear();
        }
    }
    Ok(())
}

/// How a table is read: a partitioned one with its partitions, any other without the tables that
/// inherit from it, as a foreign key sees them.
#[must_use]
pub fn relation(catalog: &Catalog, table: &QualifiedName) -> String {
    match catalog.table(table) {
        Some(found) if found.is_partitioned() => table.to_string(),
        _ => format!("only {table}"),
    }
}

/// Runs a query of leaves and addresses.
pub(super) async fn addresses(
    session: &Session,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<(u32, Tid)>> {
    let stream = session.query_raw(sql, parameters.iter().copied()).await?;
    pin_mut!(stream);
    let mut found = Vec::new();
    while let Some(row) = stream.try_next().await? {
        let leaf: u32 = row.try_get(0)?;
        let address: &str = row.try_get(1)?;
        let address = address
            .parse()
            .map_err(|error: String| Error::new(Kind::Internal, error))?;
        found.push((leaf, address));
    }
    Ok(found)
}
