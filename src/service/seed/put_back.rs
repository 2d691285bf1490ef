//! Makes everything again that was taken off the tables. Each object and its record are one
//! transaction, so that a process that dies in between is gone on with.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, TryStreamExt, stream};
use tokio_postgres::GenericClient;

use super::engine::Engine;
use super::rehearse::is_of_rows;
use super::session::several;
use crate::control::seed as ledger;
use crate::control::seed::{HookKind, Unhooked};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Session, from_postgres};
use crate::sql::{QualifiedName, literal};

/// Memory that all index builds take together, in megabytes.
const MEMORY: usize = 512;

/// Puts back what the ledger holds: keys and indexes, table by table beside each other; foreign
/// keys, first as not valid, since that needs no reading, then validated beside each other; triggers.
pub(super) async fn put_back(engine: &Engine, run: i64) -> Result<()> {
    let session = engine.session().await?;
    let all = ledger::unhooked(&*session, run).await?;
    let of = |kinds: &[HookKind]| -> Vec<Unhooked> {
        let some = all.iter().filter(|hook| kinds.contains(&hook.kind));
        some.cloned().collect()
    };
    beside(engine, run, of(&[HookKind::Key, HookKind::Index])).await?;
    let mut keys = of(&[HookKind::ForeignKey]);
    let mut session = session;
    for key in keys.iter_mut().filter(|key| !key.added) {
        engine.check()?;
        add_key(&mut session, run, key).await?;
    }
    keys.retain(|key| key.added);
    beside(engine, run, keys).await?;
    for trigger in of(&[HookKind::Trigger]) {
        remake(&mut session, run, &trigger).await?;
    }
    Ok(())
}

/// Several tables at a time; the objects of one table one after the other.
async fn beside(engine: &Engine, run: i64, hooks: Vec<Unhooked>) -> Result<()> {
    let mut tables: Vec<Vec<Unhooked>> = Vec::new();
    for hook in hooks {
        match tables.iter_mut().find(|of| of[0].table == hook.table) {
            Some(of) => of.push(hook),
            None => tables.push(vec![hook]),
        }
    }
    if tables.is_empty() {
        return Ok(());
    }
    let workers = engine.options.workers.clamp(1, tables.len());
    let sessions = several(engine, workers).await?;
    let memory = (MEMORY / sessions.len()).max(64);
    let left = Mutex::new(VecDeque::from(tables));
    let left = &left;
    stream::iter(sessions.into_iter().map(Ok))
        .map(|session: Result<Session>| async move {
            let mut session = session?;
            let setting = format!("{memory}MB");
            let set = "select pg_catalog.set_config('maintenance_work_mem', $1, false)";
            session.query_one(set, &[&setting]).await?;
            while let Some(hooks) = next(left) {
                for hook in hooks {
                    engine.check()?;
                    remake(&mut session, run, &hook).await?;
                }
            }
            Ok::<(), Error>(())
        })
        .buffer_unordered(workers)
        .try_collect()
        .await
}

/// The objects of the next table.
fn next(left: &Mutex<VecDeque<Vec<Unhooked>>>) -> Option<Vec<Unhooked>> {
    let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
    left.pop_front()
}

/// A foreign key of a partitioned table cannot be added as not valid before PostgreSQL 18; one that
/// refers to a partitioned table can, but what belongs to its partitions stays not valid when the key
/// is validated. Such a key is added whole: it is then there, and valid, at once.
async fn add_key(session: &mut Session, run: i64, key: &mut Unhooked) -> Result<()> {
    let row = session
        .query_one(
            "select coalesce((select c.relkind = 'p' from pg_catalog.pg_class c \
             where c.oid = pg_catalog.to_regclass($1)), false)",
            &[&key.table.to_string()],
        )
        .await?;
    let whole: bool = row.get(0);
    let kept = ["NOT VALID", "NOT ENFORCED"];
    if whole || kept.iter().any(|word| key.definition.ends_with(word)) {
        return remake(session, run, key).await;
    }
    let sql = format!("{} not valid", statement(key));
    let transaction = session.transaction().await?;
    let failed = |error| refused(key, error);
    transaction.batch_execute(&sql).await.map_err(failed)?;
    if refers_to_partitions(&transaction, key).await? {
        transaction.rollback().await?;
        return remake(session, run, key).await;
    }
    ledger::added(&transaction, run, key.id).await?;
    transaction.commit().await?;
    key.added = true;
    Ok(())
}

/// Whether a foreign key that is there refers to a partitioned table.
async fn refers_to_partitions(client: &impl GenericClient, key: &Unhooked) -> Result<bool> {
    let row = client
        .query_one(
            "select exists (select from pg_catalog.pg_constraint c \
             join pg_catalog.pg_class r on r.oid = c.confrelid \
             where c.conrelid = pg_catalog.to_regclass($1) and c.conname = $2 and r.relkind = 'p')",
            &[&key.table.to_string(), &key.name.as_str()],
        )
        .await?;
    Ok(row.get(0))
}

/// Makes an object again, or validates it when it is there.
async fn remake(session: &mut Session, run: i64, hook: &Unhooked) -> Result<()> {
    let Unhooked { table, name, .. } = hook;
    let transaction = session.transaction().await?;
    let mut sql = if !hook.added {
        statement(hook)
    } else if refers_to_partitions(&transaction, hook).await? {
        // Earlier versions added these as not valid, too.
        let whole = statement(hook);
        format!("alter table {table} drop constraint {name}; {whole}")
    } else {
        format!("alter table {table} validate constraint {name}")
    };
    if let Some(comment) = &hook.comment {
        let on = match hook.kind {
            HookKind::Index => {
                let index = QualifiedName::new(table.schema.clone(), name.clone());
                format!("index {index}")
            }
            _ => format!("constraint {name} on {table}"),
        };
        sql.push_str(&format!("; comment on {on} is {}", literal(comment)));
    }
    let made = transaction.batch_execute(&sql).await;
    made.map_err(|error| refused(hook, error))?;
    ledger::put_back(&transaction, run, hook.id).await?;
    let done = transaction.commit().await;
    done.map_err(|error| refused(hook, error))
}

fn statement(hook: &Unhooked) -> String {
    let Unhooked {
        table,
        name,
        definition,
        ..
    } = hook;
    match hook.kind {
        HookKind::Index => definition.clone(),
        HookKind::Key | HookKind::ForeignKey => {
            format!("alter table {table} add constraint {name} {definition}")
        }
        HookKind::Trigger => format!("alter table only {table} {definition} {name}"),
    }
}

/// The object that the rows do not let be, without the server's words: they quote values.
fn refused(hook: &Unhooked, error: tokio_postgres::Error) -> Error {
    let class = error.code().map(|code| code.code().to_owned());
    match class {
        // Rows may be too long for an index, too.
        Some(code) if is_of_rows(&code) || code.starts_with("54") => Error::new(
            Kind::SeedPlan,
            format!(
                "{}: the rows break \"{}\" [{code}]",
                hook.table.plain(),
                hook.name.as_str()
            ),
        )
        .hint("tidegate seed run --abandon takes the rows out and puts everything back"),
        _ => from_postgres(error),
    }
}
