//! Looks after the server while a run is under way: the throttle's samples, the ledger's requests
//! and limits, and the progress.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::run::Run;
use crate::backfill::{Decision, Limits, Sample, ThrottleSignal, decide, signals};
use crate::control::backfill as ledger;
use crate::error::Result;
use crate::job::{Event, Progress};
use crate::postgres::Session;

/// Time between two canary commits.
const CANARY_EVERY: Duration = Duration::from_millis(200);

/// Canary commits between two looks at everything else.
const LOOK_EVERY: u32 = 5;

/// Canaries whose median counts.
const CANARIES: usize = 5;

/// Canaries before the first chunk, which tell what calm is.
const CALM_CANARIES: usize = 9;

/// The monitor of one run.
#[derive(Debug)]
pub(super) struct Monitor {
    run: Arc<Run>,
    session: Session,
    canaries: VecDeque<Duration>,
    calm: Duration,
    sample: Option<Sample>,
    signals: Vec<Box<dyn ThrottleSignal>>,
    /// Rows walked at some moments, for the rate.
    history: VecDeque<(Duration, f64)>,
}

fn median(times: impl Iterator<Item = Duration>) -> Duration {
    let mut sorted: Vec<_> = times.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

impl Monitor {
    /// Connects and measures how fast the server commits while nothing of ours runs.
    pub(super) async fn calibrate(run: &Arc<Run>) -> Result<Self> {
        let session = connect(run).await?;
        let mut monitor = Self {
            run: Arc::clone(run),
            session,
            canaries: VecDeque::new(),
            calm: Duration::ZERO,
            sample: None,
            signals: signals(),
            history: VecDeque::new(),
        };
        let mut calm = Vec::new();
        for _ in 0..CALM_CANARIES {
            calm.push(monitor.canary().await?);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        monitor.calm = median(calm.into_iter());
        monitor.canaries.push_back(monitor.calm);
        monitor.look().await?;
        Ok(monitor)
    }

    /// Watches until the task is dropped. A lost connection makes the samples stale, which stops
    /// the workers until there is a new one.
    pub(super) async fn watch(mut self) {
        loop {
            if let Err(error) = self.round().await {
                tracing::debug!(%error, "the monitor lost its connection");
                self.decide();
                tokio::time::sleep(Duration::from_secs(1)).await;
                if let Ok(session) = connect(&self.run).await {
                    self.session = session;
                }
            }
        }
    }

    async fn round(&mut self) -> Result<()> {
        for _ in 0..LOOK_EVERY {
            let latency = self.canary().await?;
            if self.canaries.len() == CANARIES {
                self.canaries.pop_front();
            }
            self.canaries.push_back(latency);
            let canary = median(self.canaries.iter().copied());
            if let Some(sample) = &mut self.sample {
                sample.canary = Some(canary);
            }
            self.decide();
            tokio::time::sleep(CANARY_EVERY).await;
        }
        self.look().await?;
        self.progress().await
    }

    /// One small synchronous commit.
    async fn canary(&self) -> Result<Duration> {
        let began = self.run.clock.monotonic();
        self.session
            .execute(
                "insert into tidegate.canary (id, at) values ($1, pg_catalog.now()) \
                 on conflict (id) do update set at = excluded.at",
                &[&self.session.pid()],
            )
            .await?;
        Ok(self.run.clock.monotonic().saturating_sub(began))
    }

    async fn look(&mut self) -> Result<()> {
        // What replays nothing (`pg_receivewal`) has a lag that grows for ever.
        let row = self
            .session
            .query_one(
                "select (select coalesce(pg_catalog.max(extract(epoch from r.replay_lag)), 0) \
                     from pg_catalog.pg_stat_replication r where r.replay_lsn is not null)::pg_catalog.float8, \
                   (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a \
                     where a.wait_event_type = 'Lock' and a.pid <> all ($1) \
                       and a.state_change < pg_catalog.clock_timestamp() - interval '100 ms' \
                       and pg_catalog.pg_blocking_pids(a.pid) && $1), \
                   (select pg_catalog.count(*) from pg_catalog.pg_stat_activity a \
                     where a.backend_type = 'client backend' and a.pid <> pg_catalog.pg_backend_pid() \
                       and a.application_name not like 'tidegate/%' \
                       and (a.state = 'active' \
                         or a.state_change > pg_catalog.clock_timestamp() - interval '1 s'))",
                &[&self.run.pids()],
            )
            .await?;
        let lag: f64 = row.get(0);
        let blocked: i64 = row.get(1);
        let sessions: i64 = row.get(2);
        self.run.busy.store(sessions > 0, Ordering::Relaxed);
        if blocked > 0 {
            self.run.smaller_chunks();
        }
        self.sample = Some(Sample {
            at: self.run.clock.monotonic(),
            replica_lag: Some(Duration::from_secs_f64(lag.max(0.0))),
            app_sessions: Some(sessions),
            blocked_sessions: Some(blocked),
            canary: Some(median(self.canaries.iter().copied())),
        });
        let job = ledger::job(&*self.session, self.run.job).await?;
        self.run.heed(job.settings, job.request);
        self.decide();
        Ok(())
    }

    fn decide(&self) {
        let settings = self.run.settings();
        let limits = Limits {
            replica_lag: Duration::from_millis(settings.replica_lag_ms),
            canary_calm: self.calm,
        };
        let decision = if settings.throttle {
            decide(
                &self.signals,
                self.sample.as_ref(),
                &limits,
                self.run.clock.monotonic(),
            )
        } else {
            Decision::Full
        };
        self.run.decision.send_replace(decision);
    }

    async fn progress(&mut self) -> Result<()> {
        let totals = ledger::totals(&*self.session, self.run.job).await?;
        let now = self.run.clock.monotonic();
        if self.history.len() == 10 {
            self.history.pop_front();
        }
        self.history.push_back((now, totals.rows_walked));
        let rate = match (self.history.front(), self.history.back()) {
            (Some((t0, r0)), Some((t1, r1))) if t1 > t0 => (r1 - r0) / (*t1 - *t0).as_secs_f64(),
            _ => 0.0,
        };
        let left = (totals.rows_total - totals.rows_walked).max(0.0);
        let eta = (rate > 0.0).then(|| Duration::from_secs_f64((left / rate).min(1e9)));
        let held_by = self.run.decision.borrow().reason().map(str::to_owned);
        ledger::note_progress(&*self.session, self.run.job, rate, held_by.as_deref()).await?;
        self.run.events.emit(Event::Backfill(Progress {
            title: self.run.spec.title(),
            // Both are counts of rows, far below 2^63 and not negative.
            rows_done: totals.rows_walked.max(0.0) as u64,
            rows_total: totals.rows_total.max(0.0) as u64,
            rate,
            eta,
            hot_percent: totals.hot_percent(),
            chunk_p90: self.run.chunk_p90(),
            workers: (
                self.run.working.load(Ordering::Relaxed),
                self.run.settings().workers,
            ),
            held_by,
        }));
        Ok(())
    }
}

async fn connect(run: &Run) -> Result<Session> {
    let session = Session::connect(&run.target, "monitor").await?;
    session
        .batch_execute("set statement_timeout = '5s'; set synchronous_commit = on")
        .await?;
    Ok(session)
}
