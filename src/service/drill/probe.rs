//! The probe: writers that keep their own log of what the server acknowledged.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::TryStreamExt as _;
use tokio::sync::RwLock;

use crate::clock::Clock;
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::recovery::{Acknowledged, Loss, value_of};

/// Time between two commits of the heartbeat, which is what seconds are measured with.
const HEARTBEAT: Duration = Duration::from_millis(20);
/// Time between two commits of the other writers.
const PACE: Duration = Duration::from_millis(5);
/// Writers besides the heartbeat.
const WRITERS: i32 = 3;
/// How long a writer waits for the answer of a dead server.
const PATIENCE: Duration = Duration::from_secs(10);

/// Writers at work.
#[derive(Debug)]
pub(super) struct Probe {
    log: Arc<Mutex<Acknowledged>>,
    stop: Arc<AtomicBool>,
    gate: Arc<RwLock<()>>,
    tasks: Vec<tokio::task::JoinHandle<()>>,
}

impl Probe {
    /// Starts the heartbeat and the other writers.
    pub(super) async fn start(target: &Target, clock: &Arc<dyn Clock>) -> Result<Self> {
        let mut probe = Self {
            log: Arc::default(),
            stop: Arc::default(),
            gate: Arc::default(),
            tasks: Vec::new(),
        };
        for writer in 0..=WRITERS {
            let session = Session::connect(target, "drill-probe").await?;
            let statement = session
                .prepare(
                    "insert into public.drill_probe (writer, number, value) values ($1, $2, $3)",
                )
                .await?;
            let (log, stop) = (Arc::clone(&probe.log), Arc::clone(&probe.stop));
            let (gate, clock) = (Arc::clone(&probe.gate), Arc::clone(clock));
            let pace = if writer == 0 { HEARTBEAT } else { PACE };
            probe.tasks.push(tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    {
                        let _open = gate.read().await;
                        let number = lock(&log).send(writer);
                        let value = value_of(writer, number);
                        let sent = session
                            .execute(&statement, &[&writer, &number, &value])
                            .await;
                        // Whatever was not acknowledged may or may not come back.
                        if sent.is_err() {
                            return;
                        }
                        lock(&log).acknowledge(writer, clock.monotonic());
                    }
                    tokio::time::sleep(pace).await;
                }
            }));
        }
        Ok(probe)
    }

    /// Lets nobody write until the guard is dropped; no commit is under way then.
    pub(super) async fn pause(&self) -> tokio::sync::RwLockWriteGuard<'_, ()> {
        self.gate.write().await
    }

    /// Rows that were acknowledged so far.
    #[cfg(test)]
    pub(super) fn count(&self) -> u64 {
        lock(&self.log).count()
    }

    /// Whether all writers still write.
    pub(super) fn alive(&self) -> bool {
        self.tasks.iter().all(|task| !task.is_finished())
    }

    /// The log, after the server is gone.
    pub(super) async fn end(mut self) -> Acknowledged {
        self.stop.store(true, Ordering::Relaxed);
        for task in &mut self.tasks {
            if tokio::time::timeout(PATIENCE, &mut *task).await.is_err() {
                task.abort();
            }
        }
        lock(&self.log).clone()
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        for task in &self.tasks {
            task.abort();
        }
    }
}

fn lock(log: &Mutex<Acknowledged>) -> std::sync::MutexGuard<'_, Acknowledged> {
    log.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What of the log came back in the restored database.
pub(super) async fn compare(session: &Session, log: &Acknowledged) -> Result<Loss> {
    let rows = session
        .query_raw(
            "select writer, number, value from public.drill_probe where writer >= 0",
            Vec::<i32>::new(),
        )
        .await?;
    let rows: Vec<(i32, i64, i64)> = rows
        .and_then(async |row| Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?)))
        .try_collect()
        .await?;
    Ok(log.compare(rows))
}

/// The first thing that the application does: it reads, and it writes.
pub(super) async fn first_write(session: &Session) -> Result<()> {
    session
        .query_one("select pg_catalog.count(*) from public.drill_probe", &[])
        .await?;
    let written = session
        .execute(
            "insert into public.drill_probe (writer, number, value) values (-1, 1, 1)",
            &[],
        )
        .await?;
    if written == 1 {
        return Ok(());
    }
    Err(Error::new(
        Kind::Internal,
        "the first write of the application had no effect",
    ))
}
