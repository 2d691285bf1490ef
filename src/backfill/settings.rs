//! What may be tuned while a job runs.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// The limits of a job. They lie in the ledger; running engines read them again every second.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Workers of each engine, at least 1.
    pub workers: usize,
    /// The time that one chunk's statement should take, in milliseconds.
    pub chunk_ms: u64,
    /// A chunk that takes longer than this, in milliseconds, is rolled back and halved.
    pub chunk_timeout_ms: u64,
    /// Rows that a window may hold at most, about.
    pub window_rows: u64,
    /// Replay lag of a replica, in milliseconds, that stops the job.
    pub replica_lag_ms: u64,
    /// Rows that may be set aside before the job gives up.
    pub quarantine_limit: u64,
    /// Stripes of a window, rounded up to a power of two; absent: chosen by the room in the pages and the measured HOT share.
    pub stripes: Option<u32>,
    /// Whether the throttle is asked at all.
    pub throttle: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            workers: 2,
            chunk_ms: 400,
            chunk_timeout_ms: 5_000,
            window_rows: 50_000,
            replica_lag_ms: 5_000,
            quarantine_limit: 100,
            stripes: None,
            throttle: true,
        }
    }
}

impl Settings {
    /// The chunk's target time.
    #[must_use]
    pub fn chunk_target(&self) -> Duration {
        Duration::from_millis(self.chunk_ms.max(1))
    }
}
