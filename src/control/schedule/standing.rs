//! Where the schedules stand.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::Row;

use super::claim::{RunRecord, RunState};
use crate::config::Schedule;
use crate::control::Control;
use crate::error::Result;

/// What the ledger knows of one schedule.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// The moment from which its due times count; none when no daemon has watched it yet.
    pub watched_from: Option<DateTime<Utc>>,
    /// The newest due time that anybody dealt with.
    pub settled: Option<DateTime<Utc>>,
    /// The newest due time whose run succeeded.
    pub succeeded: Option<DateTime<Utc>>,
    /// When the last success ended.
    pub success_ended: Option<DateTime<Utc>>,
    /// The newest run.
    pub last: Option<RunRecord>,
    /// Runs by state.
    pub counts: BTreeMap<&'static str, i64>,
}

impl Control {
    /// Records that a daemon watches a schedule. Its due times count from `now` when it is new or
    /// has another pattern than before. Returns the moment from which they count.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn watch_schedule(
        &self,
        project: &str,
        schedule: &Schedule,
        now: DateTime<Utc>,
    ) -> Result<DateTime<Utc>> {
        let from = sqlx::query_scalar(
            "insert into tidegate.schedule as s (project, name, cron, timezone, command, watched_from) \
             values ($1, $2, $3, $4, $5, $6) \
             on conflict (project, name) do update set command = excluded.command, \
               cron = excluded.cron, timezone = excluded.timezone, \
               watched_from = case when (s.cron, s.timezone) = (excluded.cron, excluded.timezone) \
                 then s.watched_from else excluded.watched_from end \
             returning watched_from",
        )
        .bind(project)
        .bind(&schedule.name)
        .bind(schedule.cadence.pattern())
        .bind(schedule.cadence.zone())
        .bind(shell_line(&schedule.words))
        .bind(now)
        .fetch_one(self.pool())
        .await?;
        Ok(from)
    }

    /// Everything that the ledger knows of one schedule.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn schedule_standing(&self, project: &str, name: &str) -> Result<Standing> {
        let mut standing = Standing {
            watched_from: sqlx::query_scalar(
                "select watched_from from tidegate.schedule where project = $1 and name = $2",
            )
            .bind(project)
            .bind(name)
            .fetch_optional(self.pool())
            .await?,
            ..Standing::default()
        };
        let rows = sqlx::query(
            "select state, pg_catalog.count(*) as runs, pg_catalog.max(due_at) as due_at, \
               pg_catalog.max(due_at) filter (where cause = 'due') as settled, \
               pg_catalog.max(finished_at) as finished_at \
             from tidegate.schedule_run where project = $1 and name = $2 group by state",
        )
        .bind(project)
        .bind(name)
        .fetch_all(self.pool())
        .await?;
        for row in &rows {
            let state = RunState::read(row.try_get("state")?)?;
            standing.counts.insert(state.as_str(), row.try_get("runs")?);
            standing.settled = standing.settled.max(row.try_get("settled")?);
            if state == RunState::Done {
                standing.succeeded = row.try_get("due_at")?;
                standing.success_ended = row.try_get("finished_at")?;
            }
        }
        standing.last = self.last_run(project, name).await?;
        Ok(standing)
    }

    async fn last_run(&self, project: &str, name: &str) -> Result<Option<RunRecord>> {
        let row = sqlx::query(
            "select due_at, state, finished_at, exit_code, reason from tidegate.schedule_run \
             where project = $1 and name = $2 order by id desc limit 1",
        )
        .bind(project)
        .bind(name)
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| {
            Ok(RunRecord {
                due_at: row.try_get("due_at")?,
                state: RunState::read(row.try_get("state")?)?,
                finished_at: row.try_get("finished_at")?,
                exit_code: row.try_get("exit_code")?,
                reason: row.try_get("reason")?,
            })
        })
        .transpose()
    }

    /// The newest due time of a schedule that anybody dealt with.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn settled_until(&self, project: &str, name: &str) -> Result<Option<DateTime<Utc>>> {
        Ok(sqlx::query_scalar(
            "select pg_catalog.max(due_at) from tidegate.schedule_run \
             where project = $1 and name = $2 and cause = 'due'",
        )
        .bind(project)
        .bind(name)
        .fetch_one(self.pool())
        .await?)
    }
}

/// The words as one line that a shell reads back.
fn shell_line(words: &[String]) -> String {
    shlex::try_join(words.iter().map(String::as_str)).unwrap_or_else(|_| words.join(" "))
}
