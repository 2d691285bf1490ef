//! Claims due times and runs what is due.

use std::sync::Arc;

use chrono::{DateTime, SubsecRound as _, Utc};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::clock::Clock;
use crate::config::Schedule;
use crate::control::schedule::{Cause, Claim, Ending, Presence, RunState, Standing, Wanted};
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};
use crate::service::process::{Caller, Ran};

/// Keeps the schedules of one project. Any number of processes may keep them at once.
#[derive(Debug)]
pub struct Keeper {
    /// The project.
    pub project: String,
    /// The environment that audit entries name.
    pub environment: String,
    /// Where claims are recorded.
    pub control: Control,
    /// How others see that this process lives.
    pub presence: Presence,
    /// Who is answerable.
    pub operator: Operator,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Runs the command lines.
    pub caller: Caller,
}

/// A due time that this process has claimed and must run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Occasion {
    /// Number of the run.
    pub id: i64,
    /// The due time.
    pub due_at: DateTime<Utc>,
}

impl Keeper {
    /// Deals with what is due now, given that everything up to `since` was dealt with. Returns the
    /// moment up to which everything is dealt with now, and what this process must run.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn take_due(
        &self,
        schedule: &Schedule,
        since: DateTime<Utc>,
    ) -> Result<(DateTime<Utc>, Option<Occasion>)> {
        let now = self.clock.now();
        let cadence = &schedule.cadence;
        if cadence.newest(since, now).is_none() {
            return Ok((since, None));
        }
        // Another daemon may have been here since.
        let settled = self
            .control
            .settled_until(&self.project, &schedule.name)
            .await?
            .map_or(since, |settled| settled.max(since));
        let Some(due) = cadence.due(settled, now, schedule.grace) else {
            return Ok((settled, None));
        };
        let wanted = Wanted {
            project: &self.project,
            name: &schedule.name,
            due_at: due.at,
            cause: Cause::Due,
            passed_over: due.passed_over,
            missed: due.too_late,
        };
        let claim = self.control.claim_run(&wanted, &self.presence).await?;
        let occasion = match claim {
            Claim::Mine(id) => Some(Occasion { id, due_at: due.at }),
            Claim::NotRun(reason) => {
                tracing::warn!(schedule = %schedule.name, due = %due.at, %reason, "not run");
                None
            }
            Claim::Taken => None,
        };
        Ok((due.at, occasion))
    }

    /// Claims a run that a person asks for.
    ///
    /// # Errors
    /// [`Kind::RunnerBusy`] while another run of the schedule is alive; those of the database.
    pub async fn take_now(&self, schedule: &Schedule) -> Result<Occasion> {
        let due_at = self.clock.now().trunc_subsecs(6);
        self.control
            .watch_schedule(&self.project, schedule, due_at)
            .await?;
        let wanted = Wanted {
            project: &self.project,
            name: &schedule.name,
            due_at,
            cause: Cause::Hand,
            passed_over: 0,
            missed: false,
        };
        match self.control.claim_run(&wanted, &self.presence).await? {
            Claim::Mine(id) => Ok(Occasion { id, due_at }),
            Claim::NotRun(reason) => Err(Error::new(
                Kind::RunnerBusy,
                format!("schedule \"{}\": {reason}", schedule.name),
            )
            .hint("wait for it to end")),
            Claim::Taken => Err(Error::new(
                Kind::RunnerBusy,
                format!(
                    "schedule \"{}\" was begun at this very moment",
                    schedule.name
                ),
            )),
        }
    }

    /// Runs what was claimed, and records how it ended.
    ///
    /// # Errors
    /// The ledger could not be written; how the command ended is part of the result.
    pub async fn perform(
        &self,
        schedule: &Schedule,
        occasion: Occasion,
        cancel: &CancellationToken,
    ) -> Result<Ending> {
        let detail = json!({
            "schedule": schedule.name, "due_at": occasion.due_at, "run": occasion.id,
            "command": schedule.words,
        });
        let event = self
            .operator
            .event(&self.environment, "schedule.run", detail);
        self.control.begin_run(occasion.id, &event).await?;
        let ending = match self.caller.call(&schedule.words, cancel).await {
            Ok(ran) => ending(ran),
            Err(error) => Ending {
                state: RunState::Failed,
                exit_code: None,
                reason: Some(error.to_string()),
                outcome: serde_json::Value::Null,
            },
        };
        let detail = json!({
            "schedule": schedule.name, "due_at": occasion.due_at, "run": occasion.id,
            "state": ending.state, "exit_code": ending.exit_code, "reason": ending.reason,
        });
        let event = self
            .operator
            .event(&self.environment, "schedule.ran", detail);
        self.control.end_run(occasion.id, &ending, &event).await?;
        Ok(ending)
    }

    /// What the ledger knows of a schedule.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn standing(&self, schedule: &Schedule) -> Result<Standing> {
        self.control
            .schedule_standing(&self.project, &schedule.name)
            .await
    }
}

fn ending(ran: Ran) -> Ending {
    let message = |error: &serde_json::Value| {
        let text = |key: &str| error[key].as_str().unwrap_or_default();
        format!("{}: {}", text("code"), text("message"))
    };
    let done = ran.exit_code == Some(0);
    let reason = match (&ran.error, ran.exit_code) {
        _ if done => None,
        _ if ran.stopped => Some("stopped together with its daemon".to_owned()),
        (Some(error), _) => Some(message(error)),
        (None, Some(code)) => Some(format!("exit code {code}")),
        (None, None) => Some("ended by a signal".to_owned()),
    };
    Ending {
        state: if done {
            RunState::Done
        } else {
            RunState::Failed
        },
        exit_code: ran.exit_code,
        reason,
        outcome: ran.error.unwrap_or(ran.result),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ran(exit_code: Option<i32>, error: Option<serde_json::Value>, stopped: bool) -> Ending {
        ending(Ran {
            exit_code,
            result: json!({ "rows": 3 }),
            error,
            stopped,
        })
    }

    #[test]
    fn only_exit_code_0_is_done() {
        let done = ran(Some(0), None, false);
        assert_eq!((done.state, done.reason), (RunState::Done, None));
        assert_eq!(done.outcome, json!({ "rows": 3 }));
        for (code, error, stopped, reason) in [
            (Some(3), None, false, "exit code 3"),
            (
                Some(4),
                Some(json!({ "code": "TG0810", "message": "no" })),
                false,
                "TG0810: no",
            ),
            (Some(130), None, true, "stopped together with its daemon"),
            (None, None, false, "ended by a signal"),
        ] {
            let failed = ran(code, error, stopped);
            assert_eq!(failed.state, RunState::Failed);
            assert_eq!(failed.reason.as_deref(), Some(reason));
        }
    }
}
