//! Workers that lease ranges from the copy's ledger and carry them.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{Mutex, MutexGuard};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::gather::Extent;
use super::pipe::Pipe;
use super::share::stopped;
use super::snapshot::{join, patient};
use crate::config::Target;
use crate::control::copy as ledger;
use crate::control::copy::Chunk;
use crate::copy::{CopyPlan, RowSum, Splicer, TableCopy, WIDE_ROW_BYTES, copy_in, may_be_wide};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Scope, Session, search_path};
use crate::service::subset::Selection;
use crate::sql::QualifiedName;

/// What the workers of one run share.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) source: Target,
    /// The database that is being built.
    pub(super) copy: Target,
    pub(super) plan: CopyPlan,
    /// The rows that are carried, when that is not all.
    pub(super) selection: Option<Arc<Selection>>,
    pub(super) splicers: BTreeMap<QualifiedName, Arc<Splicer>>,
    pub(super) extents: BTreeMap<QualifiedName, Extent>,
    /// The exported snapshot and the name of its instant.
    pub(super) snapshot: String,
    pub(super) instant: String,
    /// Who loads: the purpose of its sessions, and its machine and process.
    pub(super) purpose: &'static str,
    pub(super) worker: String,
    /// Held by whoever carries wide rows, or has connections that did.
    pub(super) wide: Mutex<()>,
    pub(super) cancel: CancellationToken,
}

/// Settings of a session that holds a lease. The server gives up a worker that was cut off from the
/// network when it has heard nothing for 25 s, or not been heard for 20 s, and with it the lease.
const LEASEHOLDER: &str = "set synchronous_commit = off; set tcp_user_timeout = '20s'";

/// What the workers do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Task {
    /// Load what is pending.
    Load,
    /// Compare what an earlier run has loaded with the source as it is now.
    Compare,
}

/// Runs the task to its end with so many workers; the first error ends all.
pub(super) async fn work(load: &Arc<Load>, task: Task, workers: usize) -> Result<()> {
    let stop = load.cancel.child_token();
    let mut set = JoinSet::new();
    for _ in 0..workers.max(1) {
        let (load, stop) = (Arc::clone(load), stop.clone());
        set.spawn(async move { worker(&load, task, &stop).await });
    }
    let mut first = None;
    while let Some(result) = set.join_next().await {
        let result =
            result.unwrap_or_else(|error| Err(Error::new(Kind::Internal, error.to_string())));
        if let Err(error) = result {
            stop.cancel();
            first.get_or_insert(error);
        }
    }
    if load.cancel.is_cancelled() {
        return Err(stopped());
    }
    first.map_or(Ok(()), Err)
}

/// A worker's sessions of both sides.
async fn sessions(load: &Load) -> Result<(Session, Session)> {
    let source = Session::connect(&load.source, load.purpose).await?;
    patient(&source).await?;
    let target = Session::connect(&load.copy, load.purpose).await?;
    patient(&target).await?;
    target.batch_execute(LEASEHOLDER).await?;
    Ok((source, target))
}

async fn worker(load: &Load, task: Task, stop: &CancellationToken) -> Result<()> {
    let (mut source, mut target) = sessions(load).await?;
    while !stop.is_cancelled() {
        let transaction = target.transaction().await?;
        let state = match task {
            Task::Load => "pending",
            Task::Compare => "done",
        };
        let Some(chunk) = ledger::lease(&transaction, state, &load.instant).await? else {
            return Ok(());
        };
        let carried = carry(load, task, &chunk, (&source, &transaction));
        let alone = tokio::select! {
            result = carried => result?,
            () = stop.cancelled() => return Ok(()),
        };
        transaction.commit().await?;
        if let Some(alone) = alone {
            // A connection keeps room for the widest row that it has seen: it is closed before the
            // next worker may read such rows.
            drop((source, target));
            (source, target) = sessions(load).await?;
            drop(alone);
        }
    }
    Ok(())
}

/// Carries one range; the turn of those that hold wide rows, when it does.
async fn carry<'a>(
    load: &'a Load,
    task: Task,
    chunk: &Chunk,
    (source, target): (&Session, &tokio_postgres::Transaction<'_>),
) -> Result<Option<MutexGuard<'a, ()>>> {
    let unknown = || {
        Error::new(
            Kind::Internal,
            format!("{} is not in the plan", chunk.table.plain()),
        )
    };
    let table = load.plan.table(&chunk.table).ok_or_else(unknown)?;
    let pipe = Pipe {
        table,
        splicer: load.splicers.get(&chunk.table).ok_or_else(unknown)?,
        range: chunk.range,
        picked: (load.selection.as_ref()).and_then(|selection| selection.rows(&chunk.table)),
        copy_in: copy_in(table),
    };
    join(source, &load.snapshot).await?;
    if table.runs_expressions() {
        let path = search_path(&load.source.search_path, Scope::Transaction)?;
        source.batch_execute(&path).await?;
    }
    let alone = match load.extents.get(&chunk.table) {
        Some(extent) if may_be_wide(extent.blocks, extent.bytes) => {
            let wide = pipe.widest(source).await? > WIDE_ROW_BYTES;
            if wide {
                Some(load.wide.lock().await)
            } else {
                None
            }
        }
        _ => None,
    };
    match task {
        Task::Load => {
            let sum = pipe.run(source, target).await?;
            same_file(load, source, table).await?;
            ledger::done(target, chunk.id, &load.instant, &sum, &load.worker).await?;
        }
        Task::Compare => {
            let sum: RowSum = pipe.read(source, None).await?;
            same_file(load, source, table).await?;
            let same = chunk.sum == Some(sum);
            ledger::compared(target, chunk.id, &load.instant, same).await?;
        }
    }
    source.batch_execute("rollback").await?;
    Ok(alone)
}

/// Called while the range's lock is still held: a table that was truncated or rewritten since the
/// snapshot looks empty to it, or has its rows in other blocks.
async fn same_file(load: &Load, source: &Session, table: &TableCopy) -> Result<()> {
    let changed = || {
        Error::new(
            Kind::CopySource,
            format!(
                "{} was truncated or rewritten during the copy",
                table.name.plain()
            ),
        )
    };
    let extent = load.extents.get(&table.name).ok_or_else(changed)?;
    let row = source
        .query_one(
            "select pg_catalog.pg_relation_filenode($1::oid)",
            &[&extent.oid],
        )
        .await?;
    if row.get::<_, Option<u32>>(0) != Some(extent.file) {
        return Err(changed());
    }
    Ok(())
}
