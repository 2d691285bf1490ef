//! The states of a resumable job.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// Where a job stands. Only [`JobState::Done`] means that its work is complete and verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    /// Recorded, not begun.
    Pending,
    /// Begun; whether somebody works on it now is told by its leases.
    Running,
    /// Stopped by a person; goes on after `resume`.
    Paused,
    /// All chunks done and the result verified.
    Done,
    /// Ended with an error that needs a person.
    Failed,
    /// Given up by a person.
    Cancelled,
}

impl JobState {
    /// The word in the ledger and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for JobState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for JobState {
    type Err = Error;

    fn from_str(word: &str) -> Result<Self, Error> {
        [
            Self::Pending,
            Self::Running,
            Self::Paused,
            Self::Done,
            Self::Failed,
            Self::Cancelled,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("unknown job state {word:?} in the ledger"),
            )
        })
    }
}
