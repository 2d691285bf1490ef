//! Whether the daemon does its work.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde::Serialize;

/// A scheduler that went round no longer ago than this is well.
const FRESH: Duration = Duration::from_secs(30);

/// When the scheduler last went all the way round, and what kept it from it since.
#[derive(Debug, Default)]
pub(super) struct Health(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    round: Option<Duration>,
    trouble: Option<String>,
}

/// What `/healthz` says.
#[derive(Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) healthy: bool,
    pub(super) seconds_since_round: Option<f64>,
    pub(super) trouble: Option<String>,
}

impl Health {
    /// Notes a round without trouble at `now` (monotonic).
    pub(super) fn went_round(&self, now: Duration) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = State {
            round: Some(now),
            trouble: None,
        };
    }

    /// Notes what kept the scheduler from its work.
    pub(super) fn trouble(&self, text: String) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.trouble = Some(text);
    }

    pub(super) fn verdict(&self, now: Duration) -> Verdict {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let age = state.round.map(|round| now.saturating_sub(round));
        Verdict {
            healthy: age.is_some_and(|age| age <= FRESH),
            seconds_since_round: age.map(|age| age.as_secs_f64()),
            trouble: state.trouble.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheduler_that_hangs_is_not_healthy() {
        let health = Health::default();
        let at = Duration::from_secs;
        assert!(!health.verdict(at(1)).healthy, "it has not begun");
        health.went_round(at(2));
        health.trouble("out of reach".to_owned());
        let verdict = health.verdict(at(32));
        assert!(verdict.healthy);
        assert_eq!(verdict.trouble.as_deref(), Some("out of reach"));
        assert!(!health.verdict(at(33)).healthy);
        health.went_round(at(40));
        assert_eq!(health.verdict(at(40)).trouble, None);
    }
}
