//! How long each part of a restore may take.

use std::fmt;
use std::future::Future;
use std::str::FromStr;
use std::time::Duration;

use crate::config::parse_duration;
use crate::error::{Error, Kind, Result};

const HOUR: Duration = Duration::from_secs(60 * 60);

/// A part of a restore that has a deadline of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestorePhase {
    /// Fetching and unpacking the base backup.
    Fetch,
    /// `pg_verifybackup`.
    Verify,
    /// Starting the server and replaying WAL up to the target.
    Replay,
    /// From the end of the replay until the server takes writes.
    Promote,
}

impl RestorePhase {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::Fetch, Self::Verify, Self::Replay, Self::Promote];

    /// Its name in options and reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Fetch => "fetch",
            Self::Verify => "verify",
            Self::Replay => "replay",
            Self::Promote => "promote",
        }
    }
}

impl fmt::Display for RestorePhase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The deadline of one phase, written `replay=4h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline {
    /// Which part.
    pub phase: RestorePhase,
    /// How long it may take.
    pub limit: Duration,
}

impl FromStr for Deadline {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("\"{text}\" is no deadline such as replay=4h");
        let (name, limit) = text.split_once('=').ok_or_else(wrong)?;
        let phase = RestorePhase::ALL.into_iter().find(|p| p.name() == name);
        let phase = phase.ok_or_else(|| {
            format!("\"{name}\" is none of the phases fetch, verify, replay, promote")
        })?;
        let limit = parse_duration(limit)?;
        Ok(Self { phase, limit })
    }
}

/// The deadlines of a restore. A restore that hangs must end: a drill that waits for ever tells
/// nobody that the backup is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines([Duration; 4]);

impl Default for Deadlines {
    /// A day for what grows with the cluster, an hour for the promotion, whose checkpoint is of
    /// `max_wal_size` at most.
    fn default() -> Self {
        Self([24 * HOUR, 24 * HOUR, 24 * HOUR, HOUR])
    }
}

impl Deadlines {
    /// The defaults with some of them replaced.
    #[must_use]
    pub fn with(changes: &[Deadline]) -> Self {
        let mut deadlines = Self::default();
        for change in changes {
            deadlines.0[change.phase as usize] = change.limit;
        }
        deadlines
    }

    /// How long a phase may take.
    #[must_use]
    pub fn of(&self, phase: RestorePhase) -> Duration {
        self.0[phase as usize]
    }

    /// Does the work of a phase, or ends it at its deadline.
    ///
    /// # Errors
    /// Those of the work; [`Kind::RestoreFailed`] with the name of the phase.
    pub(super) async fn hold<T>(
        &self,
        phase: RestorePhase,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let held = tokio::time::timeout(self.of(phase), work).await;
        held.unwrap_or_else(|_| Err(self.missed(phase)))
    }

    /// The error of a phase that has passed its deadline.
    pub(super) fn missed(&self, phase: RestorePhase) -> Error {
        let limit = self.of(phase);
        Error::new(
            Kind::RestoreFailed,
            format!("the phase {phase} did not end within {limit:?}"),
        )
        .hint(format!(
            "find out what it waits for; a cluster that needs longer gets --deadline {phase}=TIME"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_phase_has_its_own() {
        let replay: Deadline = "replay=90s".parse().unwrap();
        let deadlines = Deadlines::with(&[replay]);
        assert_eq!(deadlines.of(RestorePhase::Replay), Duration::from_secs(90));
        assert_eq!(deadlines.of(RestorePhase::Fetch), 24 * HOUR);
        for wrong in ["", "replay", "replay=", "sleep=1h"] {
            assert!(wrong.parse::<Deadline>().is_err(), "{wrong}");
        }
    }

    #[tokio::test]
    async fn the_phase_that_hangs_is_named() {
        let deadlines = Deadlines::with(&["verify=1s".parse().unwrap()]);
        let hangs = std::future::pending::<Result<()>>();
        let error = deadlines.hold(RestorePhase::Verify, hangs).await;
        let error = error.unwrap_err();
        assert_eq!(error.kind(), Kind::RestoreFailed);
        assert!(error.to_string().contains("phase verify"), "{error}");
        let done = deadlines.hold(RestorePhase::Verify, async { Ok(7) }).await;
        assert_eq!(done.unwrap(), 7);
    }
}
