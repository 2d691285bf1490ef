//! Gives a run up: its rows are taken out, and what was taken off the tables is put back.

use super::engine::Engine;
use super::put_back::put_back;
use crate::control::seed as ledger;
use crate::control::seed::{RunRecord, RunState, Written};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// Tables that are emptied in one statement when all at once is too much.
const AT_ONCE: usize = 32;

/// Abandons a run. A process that dies in between is gone on with by the next. Returns a remark when
/// the schema is not what it was before the run.
pub(super) async fn abandon(engine: &Engine, record: &RunRecord) -> Result<Option<String>> {
    let run = record.id;
    let mut session = engine.session().await?;
    let written = ledger::written(&*session, run).await?;
    if !engine.consent && record.state != RunState::Abandoning {
        refuse_others(&session, run, &written).await?;
    }
    ledger::set_state(&*session, run, RunState::Abandoning).await?;
    empty(&mut session, &written).await?;
    remove(&session, &written).await?;
    put_back(engine, run).await?;
    ledger::end(&*session, run, false).await?;
    let catalog = engine.introspect().await?;
    let same = catalog.fingerprint().as_str() == record.plan.fingerprint;
    Ok((!same).then(|| {
        "the schema is not what it was before the run: it was changed meanwhile, or a constraint is not \
         validated (pg_constraint.convalidated)"
            .to_owned()
    }))
}

/// Refuses to empty tables that hold rows of others: those of the run are told by their transactions.
async fn refuse_others(session: &Session, run: i64, written: &[Written]) -> Result<()> {
    for (table, _, xids) in written.iter().filter(|(_, was_empty, _)| *was_empty) {
        let partitioned = is_partitioned(session, table).await?;
        let from = name(table, partitioned);
        let sql = format!("select exists (select from {from} where xmin::text <> all ($1))");
        if session.query_one(&sql, &[xids]).await?.get(0) {
            let message = format!(
                "{} holds rows that run {run}, which is unfinished, did not write, and that would go with it",
                table.plain()
            );
            return Err(Error::new(Kind::SeedRefused, message)
                .hint("keep them elsewhere, or say --yes when they may go"));
        }
    }
    Ok(())
}

fn name(table: &QualifiedName, partitioned: bool) -> String {
    if partitioned {
        table.to_string()
    } else {
        format!("only {table}")
    }
}

async fn is_partitioned(session: &Session, table: &QualifiedName) -> Result<bool> {
    let row = session
        .query_one(
            "select exists (select from pg_catalog.pg_class c \
             where c.oid = pg_catalog.to_regclass($1) and c.relkind = 'p')",
            &[&table.to_string()],
        )
        .await?;
    Ok(row.get(0))
}

/// Tables that were empty are empty again: all at once where nothing else refers to them and the server
/// has locks enough, else some at a time, children before parents, row by row where something refers to
/// them.
async fn empty(session: &mut Session, written: &[Written]) -> Result<()> {
    let mut names = Vec::new();
    for (table, _, _) in written.iter().rev().filter(|(_, was_empty, _)| *was_empty) {
        let partitioned = is_partitioned(session, table).await?;
        names.push(name(table, partitioned));
    }
    if names.is_empty() {
        return Ok(());
    }
    let all = format!("truncate {}", names.join(", "));
    if session.batch_execute(&all).await.is_ok() {
        return Ok(());
    }
    for some in names.chunks(AT_ONCE) {
        let at_once = format!("truncate {}", some.join(", "));
        if session.batch_execute(&at_once).await.is_ok() {
            continue;
        }
        let transaction = session.transaction().await?;
        for name in some {
            let delete = format!("delete from {name}");
            transaction.batch_execute(&delete).await?;
        }
        transaction.commit().await?;
    }
    Ok(())
}

/// Rows of tables that were not empty are told by the transactions that wrote them.
async fn remove(session: &Session, written: &[Written]) -> Result<()> {
    for (table, _, xids) in written.iter().filter(|(_, was_empty, _)| !*was_empty) {
        let sql = format!("delete from {table} where xmin::text = any ($1)");
        session.execute(&sql, &[xids]).await?;
    }
    Ok(())
}
