//! Gives a run up: its rows are taken out, and what was taken off the tables is put back.

use tokio_postgres::Transaction;

use super::engine::Engine;
use super::put_back::put_back;
use crate::control::seed as ledger;
use crate::control::seed::{RunRecord, RunState, Written};
use crate::error::Result;
use crate::sql::QualifiedName;

/// Abandons a run. A process that dies in between is gone on with by the next. Returns a remark when
/// the schema is not what it was before the run.
pub(super) async fn abandon(engine: &Engine, record: &RunRecord) -> Result<Option<String>> {
    let run = record.id;
    let mut session = engine.session().await?;
    ledger::set_state(&*session, run, RunState::Abandoning).await?;
    let written = ledger::written(&*session, run).await?;
    let mut transaction = session.transaction().await?;
    empty(&mut transaction, &written).await?;
    remove(&transaction, &written).await?;
    transaction.commit().await?;
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

fn name(table: &QualifiedName, partitioned: bool) -> String {
    if partitioned {
        table.to_string()
    } else {
        format!("only {table}")
    }
}

async fn is_partitioned(transaction: &Transaction<'_>, table: &QualifiedName) -> Result<bool> {
    let row = transaction
        .query_one(
            "select exists (select from pg_catalog.pg_class c \
             where c.oid = pg_catalog.to_regclass($1) and c.relkind = 'p')",
            &[&table.to_string()],
        )
        .await?;
    Ok(row.get(0))
}

/// Tables that were empty are empty again: at once where nothing refers to them, else row by row.
async fn empty(transaction: &mut Transaction<'_>, written: &[Written]) -> Result<()> {
    let mut names = Vec::new();
    for (table, _, _) in written.iter().filter(|(_, was_empty, _)| *was_empty) {
        let partitioned = is_partitioned(transaction, table).await?;
        names.push(name(table, partitioned));
    }
    if names.is_empty() {
        return Ok(());
    }
    let savepoint = transaction.savepoint("truncate").await?;
    let all = format!("truncate {}", names.join(", "));
    if savepoint.batch_execute(&all).await.is_ok() {
        savepoint.commit().await?;
        return Ok(());
    }
    savepoint.rollback().await?;
    for name in names {
        transaction
            .batch_execute(&format!("delete from {name}"))
            .await?;
    }
    Ok(())
}

/// Rows of tables that were not empty are told by the transactions that wrote them.
async fn remove(transaction: &Transaction<'_>, written: &[Written]) -> Result<()> {
    for (table, _, xids) in written.iter().filter(|(_, was_empty, _)| !*was_empty) {
        let sql = format!("delete from {table} where xmin::text = any ($1)");
        transaction.execute(&sql, &[xids]).await?;
    }
    Ok(())
}
