//! The same request again, after its run has ended: nothing is written, and the rows are looked at.

use super::engine::Engine;
use super::standing::only;
use crate::catalog::Catalog;
use crate::control::seed as ledger;
use crate::control::seed::RunRecord;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// What is compared before a run is called done. A row that was updated, deleted and inserted again,
/// or loaded by somebody else carries another transaction; values are not read.
pub(super) const LOOKED_AT: [&str; 3] = [
    "the fingerprint of the schema",
    "the number of rows of each table",
    "the transaction that wrote each row",
];

/// The run of this request that adds rows, that has ended last of all, and whose answer nobody got: it
/// has no entry in the audit log, which is written before each answer. Its rows are not added twice.
/// When another request's answer was lost, a remark says so.
///
/// # Errors
/// [`Kind::SeedChanged`] when only some of its rows are as it left them; those of the database.
pub(super) async fn unanswered(
    session: &Session,
    request: &str,
    remarks: &mut Vec<String>,
) -> Result<Option<RunRecord>> {
    let Some(run) = ledger::unanswered(&**session).await? else {
        return Ok(None);
    };
    if run.request != request {
        remarks.push(format!(
            "run {} before this one had ended without an answer; its {} rows are there",
            run.id,
            run.plan.rows()
        ));
        return Ok(None);
    }
    let written = ledger::written(&**session, run.id).await?;
    let (mut wanted, mut there) = (0, 0);
    for ((name, _, xids), plan) in written.into_iter().zip(&run.plan.tables) {
        let sql = format!(
            "select pg_catalog.count(*) from {name} where xmin::pg_catalog.text = any ($1::pg_catalog.text[])"
        );
        let rows: i64 = session.query_one(&sql, &[&xids]).await?.get(0);
        wanted += plan.rows;
        there += u64::try_from(rows).unwrap_or_default();
    }
    match there {
        0 if wanted > 0 => Ok(None),
        rows if rows == wanted => Ok(Some(run)),
        rows => {
            let message = format!(
                "{rows} of the {wanted} rows are there that run {} of the same request added; nobody got its answer",
                run.id
            );
            Err(Error::new(Kind::SeedChanged, message))
        }
    }
}

/// Rows of a table as they are, against those of the run.
struct Found {
    table: QualifiedName,
    wanted: u64,
    rows: u64,
    /// Rows of other transactions than the run's.
    foreign: u64,
}

/// The ended run of this request whose rows are all in place; `None` when there is none, when the
/// schema is another since, or when all its tables were emptied: then a new run is due.
///
/// # Errors
/// [`Kind::SeedChanged`] when only some of its rows are as it left them; those of the database.
pub(super) async fn already(
    engine: &Engine,
    session: &Session,
    request: &str,
) -> Result<Option<RunRecord>> {
    let Some(run) = ledger::ended(&**session, request).await? else {
        return Ok(None);
    };
    let catalog = engine.introspect().await?;
    if catalog.fingerprint().as_str() != run.plan.fingerprint {
        return Ok(None);
    }
    let found = look(session, &catalog, &run).await?;
    if found.iter().all(|found| found.rows == 0) && run.plan.rows() > 0 {
        return Ok(None);
    }
    match found.iter().find_map(|found| changed(run.id, found)) {
        Some(error) => Err(error),
        None => Ok(Some(run)),
    }
}

async fn look(session: &Session, catalog: &Catalog, run: &RunRecord) -> Result<Vec<Found>> {
    let written = ledger::written(&**session, run.id).await?;
    let mut found = Vec::with_capacity(written.len());
    for ((name, _, xids), plan) in written.into_iter().zip(&run.plan.tables) {
        let Some(table) = catalog.table(&name).filter(|_| plan.rows > 0) else {
            continue;
        };
        let sql = format!(
            "select pg_catalog.count(*), \
               pg_catalog.count(*) filter (where xmin::pg_catalog.text <> all ($1::pg_catalog.text[])) \
             from {}{name}",
            only(table)
        );
        let row = session.query_one(&sql, &[&xids]).await?;
        let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or_default();
        found.push(Found {
            wanted: plan.rows,
            rows: count(0),
            foreign: count(1),
            table: name,
        });
    }
    Ok(found)
}

fn changed(run: i64, found: &Found) -> Option<Error> {
    let Found {
        table,
        wanted,
        rows,
        foreign,
    } = found;
    (rows != wanted || *foreign > 0).then(|| {
        let table = table.plain();
        let message = format!(
            "{table} holds {rows} rows, {foreign} of them written since; run {run} of the same request left {wanted}"
        );
        Error::new(Kind::SeedChanged, message)
    })
}
