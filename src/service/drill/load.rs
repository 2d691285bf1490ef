//! What applications do besides the probe: updates, DDL, large objects, unlogged tables,
//! transactions in two phases.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;

use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Time between two rounds.
const PACE: Duration = Duration::from_millis(25);
/// Rounds between two changes of the schema.
const DDL_EVERY: u64 = 8;

/// What the load does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everything.
    All = 0,
    /// Rows only: somebody reads tables in one long transaction, which DDL must not wait for.
    Rows = 1,
    /// Nothing more.
    Stop = 2,
}

/// The load at work.
#[derive(Debug)]
pub(super) struct Load {
    mode: Arc<AtomicU8>,
    #[cfg_attr(not(test), expect(dead_code, reason = "tests look at it"))]
    rounds: Arc<AtomicU64>,
    /// Held while a round is under way.
    round: Arc<Mutex<()>>,
    error: Arc<std::sync::Mutex<Option<Error>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Load {
    /// Starts it.
    pub(super) async fn start(target: &Target) -> Result<Self> {
        let session = Session::connect(target, "drill-load").await?;
        let mode: Arc<AtomicU8> = Arc::default();
        let rounds: Arc<AtomicU64> = Arc::default();
        let round: Arc<Mutex<()>> = Arc::default();
        let error: Arc<std::sync::Mutex<Option<Error>>> = Arc::default();
        let (now, count, busy, failed) = (
            Arc::clone(&mode),
            Arc::clone(&rounds),
            Arc::clone(&round),
            Arc::clone(&error),
        );
        let task = tokio::spawn(async move {
            let mut number = 0;
            loop {
                let _busy = busy.lock().await;
                let mode = now.load(Ordering::SeqCst);
                if mode == Mode::Stop as u8 {
                    return;
                }
                number += 1;
                if let Err(error) = turn(&session, number, mode == Mode::All as u8).await {
                    let mut slot = failed
                        .lock()
                        .unwrap_or_else(std::sync::PoisonError::into_inner);
                    *slot = Some(error);
                    return;
                }
                count.fetch_add(1, Ordering::Relaxed);
                drop(_busy);
                tokio::time::sleep(PACE).await;
            }
        });
        Ok(Self {
            mode,
            rounds,
            round,
            error,
            task,
        })
    }

    /// Changes what it does; what it did before is over when this returns.
    pub(super) async fn set(&self, mode: Mode) {
        self.mode.store(mode as u8, Ordering::SeqCst);
        drop(self.round.lock().await);
    }

    /// Lets it do nothing until the guard is dropped; no transaction is under way then.
    pub(super) async fn pause(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.round.lock().await
    }

    /// Rounds done.
    #[cfg(test)]
    pub(super) fn rounds(&self) -> u64 {
        self.rounds.load(Ordering::Relaxed)
    }

    /// Fails when it has ended by an error: a drill without its load proves less than it says.
    pub(super) fn check(&self) -> Result<()> {
        let mut slot = self
            .error
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        match slot.take() {
            Some(error) => Err(Error::new(
                Kind::Internal,
                format!("the load of the sandbox failed: {error}"),
            )
            .because(error)),
            None => Ok(()),
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One round: some rows; sometimes a large object, a prepared transaction, a change of the schema.
async fn turn(session: &Session, number: u64, ddl: bool) -> Result<()> {
    let id = i64::try_from(number).unwrap_or(i64::MAX);
    session
        .execute(
            "insert into public.orders (customer, amount, note) values (1 + $1::bigint % 500, $1::bigint % 1000, pg_catalog.md5($1::bigint::text))",
            &[&id],
        )
        .await?;
    session
        .execute(
            "update public.customers set balance = balance + 1 where id = 1 + $1::bigint * 7 % 500",
            &[&id],
        )
        .await?;
    session
        .execute(
            "delete from public.orders where id = $1::bigint * 3 and id < 5000",
            &[&id],
        )
        .await?;
    session
        .execute(
            "insert into public.sessions (note) values ('session ' || $1::bigint)",
            &[&id],
        )
        .await?;
    session
        .execute(
            "insert into public.far (id, note) values ($1::bigint, pg_catalog.md5($1::bigint::text))",
            &[&id],
        )
        .await?;
    match number % 5 {
        1 => large_object(session, id).await?,
        2 => two_phases(session, number).await?,
        _ => {}
    }
    if ddl && number.is_multiple_of(DDL_EVERY) {
        change_schema(session, number).await?;
    }
    Ok(())
}

async fn large_object(session: &Session, id: i64) -> Result<()> {
    session
        .execute(
            "insert into public.attachments (content) \
             select pg_catalog.lo_from_bytea(0, pg_catalog.sha256(pg_catalog.int8send($1)) || pg_catalog.convert_to(pg_catalog.repeat('x', 3000), 'UTF8'))",
            &[&id],
        )
        .await?;
    Ok(())
}

/// One of the prepared transactions is never ended, so that one is there at every moment. The row
/// that each writes bears its name.
async fn two_phases(session: &Session, number: u64) -> Result<()> {
    // PREPARE TRANSACTION takes no parameters, and the name is a number of ours.
    let gid = crate::sql::literal(&format!("drill-{number}"));
    session
        .batch_execute(&format!(
            "begin; insert into public.orders (customer, amount, note) values (1, 1, {gid}); prepare transaction {gid}"
        ))
        .await?;
    if number > 2 {
        session
            .batch_execute(&format!("commit prepared {gid}"))
            .await?;
    }
    Ok(())
}

/// A table comes, gets a column and an index, and the one before goes.
async fn change_schema(session: &Session, number: u64) -> Result<()> {
    let (old, new) = (
        format!("public.journal_{}", number.saturating_sub(2 * DDL_EVERY)),
        format!("public.journal_{number}"),
    );
    let statements = [
        format!("create table {new} (id bigint primary key, note text)"),
        format!(
            "insert into {new} select n, pg_catalog.md5(n::text) from pg_catalog.generate_series(1, 50) as n"
        ),
        format!("alter table {new} add column done boolean not null default false"),
        format!("create index on {new} (note)"),
        format!("drop table if exists {old}"),
    ];
    for statement in statements {
        session.batch_execute(&statement).await?;
    }
    Ok(())
}
