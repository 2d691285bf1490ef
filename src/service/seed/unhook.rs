//! Takes objects off the tables, each recorded in the transaction that drops it.

use std::collections::BTreeSet;

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use super::engine::Engine;
use super::hooks::{hooks, with_partitions};
use crate::catalog::Catalog;
use crate::control::seed as ledger;
use crate::control::seed::{HookKind, RunRecord, Unhooked};
use crate::error::Result;
use crate::sql::QualifiedName;

/// Objects of one transaction: each locks a few relations to its end, and the server has room for some
/// thousands of locks.
const BATCH: usize = 32;

/// Takes off what is on the tables of a run, before its first row; a process that died meanwhile is gone
/// on with. What something else depends on stays in place, with a remark.
pub(super) async fn take_off(
    engine: &Engine,
    run: &RunRecord,
    catalog: &Catalog,
) -> Result<Vec<String>> {
    let mut session = engine.session().await?;
    let written = ledger::written(&*session, run.id).await?;
    let empty = written.into_iter().filter(|(_, was_empty, _)| *was_empty);
    let empty: BTreeSet<QualifiedName> = empty.map(|(name, ..)| name).collect();
    let planned = run.plan.tables.iter().map(|table| table.name.clone());
    let planned = with_partitions(catalog, planned);
    let known = ledger::unhooked(&*session, run.id).await?;
    let next = known.iter().map(|hook| hook.id + 1).max().unwrap_or(0);
    let mut all = hooks(catalog, &planned, &empty);
    for hook in &mut all {
        hook.id += next;
    }
    let mut remarks = Vec::new();
    for batch in all.chunks(BATCH) {
        engine.check()?;
        let mut transaction = session.transaction().await?;
        take(&mut transaction, run.id, batch, &mut remarks).await?;
        transaction.commit().await?;
    }
    Ok(remarks)
}

async fn take(
    transaction: &mut Transaction<'_>,
    run: i64,
    hooks: &[Unhooked],
    remarks: &mut Vec<String>,
) -> Result<()> {
    for hook in hooks {
        let savepoint = transaction.savepoint("hook").await?;
        match savepoint.batch_execute(&drop_sql(hook)).await {
            Ok(()) => {
                ledger::unhook(&savepoint, run, hook).await?;
                savepoint.commit().await?;
            }
            Err(error) if error.code() == Some(&SqlState::DEPENDENT_OBJECTS_STILL_EXIST) => {
                savepoint.rollback().await?;
                remarks.push(format!(
                    "\"{}\" of {} stays in place during the load: something depends on it",
                    hook.name.as_str(),
                    hook.table.plain()
                ));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn drop_sql(hook: &Unhooked) -> String {
    let Unhooked { table, name, .. } = hook;
    match hook.kind {
        HookKind::Trigger => format!("alter table only {table} disable trigger {name}"),
        HookKind::Key | HookKind::ForeignKey => {
            format!("alter table {table} drop constraint {name}")
        }
        HookKind::Index => format!(
            "drop index {}",
            QualifiedName::new(table.schema.clone(), name.clone())
        ),
    }
}
