//! The one runner of a database: its connections and its advisory lock.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::gather::{Gathered, gather};
use crate::clock::Clock;
use crate::config::{Config, Target};
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::postgres::Session;

/// Key of the advisory lock: the bytes of `tidegate`.
const LOCK_KEY: i64 = 0x7469_6465_6761_7465;

/// The one runner of a database. Holding it means holding the advisory lock.
#[derive(Debug)]
pub struct Runner {
    pub(super) config: Config,
    pub(super) target: Target,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: Arc<dyn EventSink>,
    pub(super) cancel: CancellationToken,
    /// Holds the lock and watches who blocks the other one.
    pub(super) guard: Session,
    /// Runs the steps.
    pub(super) session: Session,
    pub(super) control: Control,
    pub(super) operator: Operator,
}

/// What a command hands to the runner.
#[derive(Debug, Clone)]
pub struct Tools {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Set when the user wants to stop.
    pub cancel: CancellationToken,
}

impl Runner {
    /// Connects, brings the control schema up to date and takes the advisory lock, waiting at
    /// most `wait` for another runner.
    ///
    /// # Errors
    /// A server that does not accept writes, a missing privilege, [`Kind::RunnerBusy`].
    pub async fn open(
        config: Config,
        target: Target,
        tools: Tools,
        wait: Duration,
    ) -> Result<Self> {
        let guard = Session::connect(&target, "runner").await?;
        refuse_read_only(&guard).await?;
        let control = Control::open(&target).await?;
        let session = Session::connect(&target, "migrate").await?;
        let runner = Self {
            config,
            target,
            clock: tools.clock,
            events: tools.events,
            cancel: tools.cancel,
            guard,
            session,
            control,
            operator: Operator::of_process(None),
        };
        runner.lock(wait).await?;
        Ok(runner)
    }

    async fn lock(&self, wait: Duration) -> Result<()> {
        let deadline = self.clock.monotonic() + wait;
        let mut told = false;
        loop {
            let got: bool = self
                .guard
                .query_one("select pg_catalog.pg_try_advisory_lock($1)", &[&LOCK_KEY])
                .await?
                .get(0);
            if got {
                return Ok(());
            }
            let holder = self.lock_holder().await?;
            if self.clock.monotonic() >= deadline {
                return Err(Error::new(
                    Kind::RunnerBusy,
                    format!("another Tidegate run is under way: {holder}"),
                ));
            }
            if !told {
                self.events.emit(Event::Note(format!(
                    "waiting for another Tidegate run: {holder}"
                )));
                told = true;
            }
            self.pause(Duration::from_millis(200)).await?;
        }
    }

    async fn lock_holder(&self) -> Result<String> {
        let row = self
            .guard
            .query_opt(
                "select a.pid, a.usename, a.application_name, coalesce(a.client_addr::text, 'local') \
                 from pg_catalog.pg_locks as l join pg_catalog.pg_stat_activity as a on a.pid = l.pid \
                 where l.locktype = 'advisory' and l.granted \
                 and (l.classid::bigint << 32 | l.objid::bigint) = $1 limit 1",
                &[&LOCK_KEY],
            )
            .await?;
        Ok(row.map_or_else(
            || "it has just ended".to_owned(),
            |row| {
                format!(
                    "pid {} of {} ({}, {})",
                    row.get::<_, i32>(0),
                    row.get::<_, Option<String>>(1).unwrap_or_default(),
                    row.get::<_, Option<String>>(2).unwrap_or_default(),
                    row.get::<_, String>(3)
                )
            },
        ))
    }

    /// Waits, unless the user wants to stop.
    pub(super) async fn pause(&self, time: Duration) -> Result<()> {
        tokio::select! {
            () = self.cancel.cancelled() => Err(Error::new(Kind::Cancelled, "interrupted")),
            () = tokio::time::sleep(time) => Ok(()),
        }
    }

    /// Refuses to go on when the user wants to stop.
    pub(super) fn check_cancelled(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "interrupted between two steps"));
        }
        Ok(())
    }

    /// Files, catalog and ledger of this moment.
    pub(super) async fn gather(&self) -> Result<Gathered> {
        gather(&self.session, &self.config, &self.target).await
    }

    /// Writes one entry of the audit log.
    pub(super) async fn audit(&self, action: &str, detail: serde_json::Value) -> Result<()> {
        let event = self
            .operator
            .event(&self.target.environment, action, detail);
        self.control.append_audit(&event).await?;
        Ok(())
    }
}

/// Refuses a standby, and a database that takes no writes.
async fn refuse_read_only(session: &Session) -> Result<()> {
    let row = session
        .query_one(
            "select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') = 'on'",
            &[],
        )
        .await?;
    let standby: bool = row.get(0);
    if standby || row.get(1) {
        let what = if standby {
            "the server is a standby"
        } else {
            "the database is read-only"
        };
        return Err(Error::new(Kind::ReadOnly, what));
    }
    Ok(())
}
