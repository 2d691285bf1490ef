//! What happens while a job runs. Engines emit events; whoever listens decides how to show them.

use std::fmt;
use std::time::Duration;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// A step of a plan begins.
    StepStarted {
        /// `0007 expand 1/4`.
        step: String,
        /// What it does.
        title: String,
    },
    /// A step of a plan is done.
    StepFinished {
        /// `0007 expand 1/4`.
        step: String,
        /// How long it took.
        took: Duration,
    },
    /// A lock was not acquired; there will be another try.
    LockWait {
        /// `0007 expand 1/4`.
        step: String,
        /// Tries made so far.
        attempt: u32,
        /// Who holds the lock, in words.
        blockers: Vec<String>,
    },
    /// Where a backfill stands.
    Backfill(Progress),
    /// Anything else worth a line.
    Note(String),
}

/// Where a backfill stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// `0007 transactions.user_id`.
    pub title: String,
    /// Rows visited.
    pub rows_done: u64,
    /// Rows to visit, estimated.
    pub rows_total: u64,
    /// Rows a second, over the last seconds.
    pub rate: f64,
    /// Time left, when it can be told.
    pub eta: Option<Duration>,
    /// Share of HOT updates, 0 to 100.
    pub hot_percent: f64,
    /// The 90th percentile of the time of a chunk.
    pub chunk_p90: Duration,
    /// Workers at work now, and at most.
    pub workers: (usize, usize),
    /// The throttle signal that holds it back, in words.
    pub held_by: Option<String>,
}

/// Where events go.
pub trait EventSink: Send + Sync + fmt::Debug {
    /// Takes one event; must not block.
    fn emit(&self, event: Event);
}

/// Drops every event.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl EventSink for Silent {
    fn emit(&self, _event: Event) {}
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StepStarted { step, title } => write!(f, "{step}: {title}"),
            Self::StepFinished { step, took } => {
                write!(f, "{step}: done in {} ms", took.as_millis())
            }
            Self::LockWait {
                step,
                attempt,
                blockers,
            } => {
                write!(
                    f,
                    "{step}: try {attempt} waits for a lock held by {}",
                    blockers.join("; ")
                )
            }
            Self::Backfill(progress) => write!(
                f,
                "{}: {} of {} rows, {:.0} rows/s{}",
                progress.title,
                progress.rows_done,
                progress.rows_total,
                progress.rate,
                progress
                    .held_by
                    .as_ref()
                    .map(|reason| format!(", held back by: {reason}"))
                    .unwrap_or_default()
            ),
            Self::Note(text) => f.write_str(text),
        }
    }
}
