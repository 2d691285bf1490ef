//! The loop that runs what is due.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::health::Health;
use crate::config::Schedule;
use crate::control::schedule::RunState;
use crate::error::Result;
use crate::service::schedule::{Keeper, Occasion};

/// The longest pause between two rounds; a clock that was set is noticed after it.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// A pause is at least so long, so that a due time that lies a hair ahead does not spin.
const SHORTEST_PAUSE: Duration = Duration::from_millis(5);

/// How often a sign of life is given.
const HEARTBEAT: Duration = Duration::from_secs(2);

/// Without a sign for this long the runs are stopped: five seconds later others may take this
/// process for dead and begin the next ones (`tidegate.schedule_run_alive`).
const SILENCE: Duration = Duration::from_secs(15);

/// Runs what is due, until it is told to stop.
#[derive(Debug)]
pub struct Scheduler {
    pub(super) keeper: Keeper,
    pub(super) schedules: Vec<Schedule>,
    pub(super) health: Health,
    done: AtomicU64,
    failed: AtomicU64,
}

/// What a scheduler ran in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Tally {
    /// Runs that ended well.
    pub done: u64,
    /// Runs that did not.
    pub failed: u64,
}

impl Scheduler {
    /// A scheduler of these schedules.
    #[must_use]
    pub fn new(keeper: Keeper, schedules: Vec<Schedule>) -> Arc<Self> {
        Arc::new(Self {
            keeper,
            schedules,
            health: Health::default(),
            done: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        })
    }

    /// Runs what is due until `cancel` is set; then stops what runs at its next safe point.
    ///
    /// # Errors
    /// None once it has begun: trouble with the database is waited out.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) -> Result<Tally> {
        let mut since = HashMap::new();
        for schedule in &self.schedules {
            since.insert(schedule.name.clone(), self.watch(schedule).await?);
        }
        let stop = CancellationToken::new();
        let signs = tokio::spawn(Arc::clone(&self).give_signs(stop.clone()));
        let mut runs = JoinSet::new();
        while !cancel.is_cancelled() {
            match self.round(&mut since).await {
                Ok(occasions) => {
                    for (index, occasion) in occasions {
                        let stop = stop.child_token();
                        runs.spawn(Arc::clone(&self).perform(index, occasion, stop));
                    }
                    self.health.went_round(self.keeper.clock.monotonic());
                }
                Err(error) => {
                    tracing::warn!(code = error.kind().policy().code, %error, "schedules wait");
                    self.health.trouble(error.to_string());
                }
            }
            while runs.try_join_next().is_some() {}
            tokio::select! {
                () = cancel.cancelled() => {}
                () = tokio::time::sleep(self.pause()) => {}
            }
        }
        stop.cancel();
        while runs.join_next().await.is_some() {}
        signs.abort();
        Ok(self.tally())
    }

    async fn watch(&self, schedule: &Schedule) -> Result<DateTime<Utc>> {
        let keeper = &self.keeper;
        let now = keeper.clock.now();
        keeper
            .control
            .watch_schedule(&keeper.project, schedule, now)
            .await
    }

    /// One look at every schedule.
    async fn round(
        &self,
        since: &mut HashMap<String, DateTime<Utc>>,
    ) -> Result<Vec<(usize, Occasion)>> {
        let mut occasions = Vec::new();
        for (index, schedule) in self.schedules.iter().enumerate() {
            let Some(settled) = since.get_mut(&schedule.name) else {
                continue;
            };
            let (until, occasion) = self.keeper.take_due(schedule, *settled).await?;
            *settled = until;
            occasions.extend(occasion.map(|occasion| (index, occasion)));
        }
        Ok(occasions)
    }

    async fn perform(self: Arc<Self>, index: usize, occasion: Occasion, stop: CancellationToken) {
        let Some(schedule) = self.schedules.get(index) else {
            return;
        };
        let name = schedule.name.as_str();
        match self.keeper.perform(schedule, occasion, &stop).await {
            Ok(ending) if ending.state == RunState::Done => {
                self.done.fetch_add(1, Ordering::Relaxed);
                tracing::info!(schedule = name, due = %occasion.due_at, "done");
            }
            Ok(ending) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                let reason = ending.reason.unwrap_or_default();
                tracing::error!(schedule = name, due = %occasion.due_at, %reason, "failed");
            }
            Err(error) => {
                self.failed.fetch_add(1, Ordering::Relaxed);
                tracing::error!(schedule = name, due = %occasion.due_at, %error, "not recorded");
                self.health.trouble(error.to_string());
            }
        }
    }

    /// Gives signs of life; stops everything when they do not arrive for too long.
    async fn give_signs(self: Arc<Self>, stop: CancellationToken) {
        let clock = &self.keeper.clock;
        let mut heard = clock.monotonic();
        loop {
            match self.keeper.presence.beat(&self.keeper.control).await {
                Ok(()) => heard = clock.monotonic(),
                Err(error) => {
                    self.health.trouble(error.to_string());
                    if clock.monotonic().saturating_sub(heard) > SILENCE && !stop.is_cancelled() {
                        tracing::error!(%error, "no sign of life arrives: runs are stopped");
                        stop.cancel();
                    }
                }
            }
            tokio::time::sleep(HEARTBEAT).await;
        }
    }

    /// The time until the next schedule is due, within limits.
    fn pause(&self) -> Duration {
        let now = self.keeper.clock.now();
        self.schedules
            .iter()
            .filter_map(|schedule| schedule.cadence.next_after(now))
            .min()
            .and_then(|next| (next - now).to_std().ok())
            .unwrap_or(LONGEST_PAUSE)
            .clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    fn tally(&self) -> Tally {
        Tally {
            done: self.done.load(Ordering::Relaxed),
            failed: self.failed.load(Ordering::Relaxed),
        }
    }
}
