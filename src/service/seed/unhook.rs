//! Takes objects off the tables, each recorded in the transaction that drops it.

use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;

use crate::control::seed as ledger;
use crate::control::seed::{HookKind, Unhooked};
use crate::error::Result;
use crate::sql::QualifiedName;

/// Takes off what PostgreSQL lets go; what something else depends on stays in place, with a remark.
pub(super) async fn take_off(
    transaction: &mut Transaction<'_>,
    run: i64,
    hooks: &[Unhooked],
) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
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
    Ok(remarks)
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
