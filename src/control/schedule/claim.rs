//! One due time, from its claim to its end.

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgConnection, Row};

use super::Presence;
use crate::control::{Control, append_audit_on};
use crate::error::{Error, Kind, Result};
use crate::governance::AuditEvent;

/// Why a run is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Its time has come.
    Due,
    /// A person asked for it.
    Hand,
}

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Claimed, not begun.
    Intent,
    /// At work.
    Running,
    /// Ended with exit code 0.
    Done,
    /// Ended otherwise.
    Failed,
    /// Its owner died; what it did is told by the command's own ledger.
    Unknown,
    /// Not run: an earlier run was still alive.
    Skipped,
    /// Not run: no daemon was there in time.
    Missed,
}

impl RunState {
    /// The word in the ledger and in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Running => "running",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
            Self::Skipped => "skipped",
            Self::Missed => "missed",
        }
    }

    pub(super) fn read(word: &str) -> Result<Self> {
        [
            Self::Intent,
            Self::Running,
            Self::Done,
            Self::Failed,
            Self::Unknown,
            Self::Skipped,
            Self::Missed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
        .ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("unknown state {word:?} of a schedule's run"),
            )
        })
    }
}

/// A due time that this process would take.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// The project.
    pub project: &'a str,
    /// The schedule.
    pub name: &'a str,
    /// The due time.
    pub due_at: DateTime<Utc>,
    /// Why.
    pub cause: Cause,
    /// Earlier due times that it stands for.
    pub passed_over: u32,
    /// Whether it is too late to run it: it is only recorded.
    pub missed: bool,
}

/// What asking for a due time gave.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It is this process's to run, under this number.
    Mine(i64),
    /// Recorded as not run, for this reason.
    NotRun(String),
    /// Somebody else has dealt with it.
    Taken,
}

/// How a run ended.
#[derive(Debug, Clone, Serialize)]
pub struct Ending {
    /// `done` or `failed`.
    pub state: RunState,
    /// Exit code; none when a signal ended it.
    pub exit_code: Option<i32>,
    /// Why it failed, in a sentence.
    pub reason: Option<String>,
    /// What the command printed.
    pub outcome: serde_json::Value,
}

/// One run, as the ledger has it.
#[derive(Debug, Clone, Serialize)]
pub struct RunRecord {
    /// When it was due.
    pub due_at: DateTime<Utc>,
    /// Where it stands.
    pub state: RunState,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
    /// Exit code.
    pub exit_code: Option<i32>,
    /// Why it failed or was not run.
    pub reason: Option<String>,
}

impl Control {
    /// Claims a due time: exactly one process gets it. Runs of the same schedule whose owner died
    /// become `unknown` first; while one is alive, the due time is recorded as skipped.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn claim_run(&self, wanted: &Wanted<'_>, presence: &Presence) -> Result<Claim> {
        let mut tx = self.pool().begin().await?;
        // One claim of a schedule at a time: looking for a live run and taking the time are one.
        sqlx::query("select 1 from tidegate.schedule where project = $1 and name = $2 for update")
            .bind(wanted.project)
            .bind(wanted.name)
            .fetch_one(&mut *tx)
            .await?;
        bury(&mut tx, wanted.project, Some(wanted.name)).await?;
        let alive = alive(&mut tx, wanted).await?;
        let (state, reason) = match alive {
            _ if wanted.missed => ("missed", Some("no daemon ran within the grace".to_owned())),
            Some(run) => ("skipped", Some(run)),
            None => ("intent", None),
        };
        if wanted.cause == Cause::Hand
            && let ("skipped", Some(reason)) = (state, &reason)
        {
            tx.commit().await?;
            return Ok(Claim::NotRun(reason.clone()));
        }
        let inserted: Option<i64> = sqlx::query_scalar(
            "insert into tidegate.schedule_run (project, name, due_at, cause, state, passed_over, \
               owner, owner_key, reason, finished_at) \
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, \
               case when $5 <> 'intent' then pg_catalog.clock_timestamp() end) \
             on conflict (project, name, due_at) do nothing returning id",
        )
        .bind(wanted.project)
        .bind(wanted.name)
        .bind(wanted.due_at)
        .bind(match wanted.cause {
            Cause::Due => "due",
            Cause::Hand => "hand",
        })
        .bind(state)
        .bind(i32::try_from(wanted.passed_over).unwrap_or(i32::MAX))
        .bind(presence.owner())
        .bind(presence.key())
        .bind(&reason)
        .fetch_optional(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(match (inserted, reason) {
            (None, _) => Claim::Taken,
            (Some(_), Some(reason)) => Claim::NotRun(reason),
            (Some(id), None) => Claim::Mine(id),
        })
    }

    /// Records that a claimed run begins, together with its entry in the audit log.
    ///
    /// # Errors
    /// [`Kind::LeaseLost`] when others took this process for dead; those of the database.
    pub async fn begin_run(&self, id: i64, event: &AuditEvent) -> Result<()> {
        let mut tx = self.pool().begin().await?;
        let begun = sqlx::query(
            "update tidegate.schedule_run set state = 'running', \
               started_at = pg_catalog.clock_timestamp(), heartbeat_at = pg_catalog.clock_timestamp() \
             where id = $1 and state = 'intent'",
        )
        .bind(id)
        .execute(&mut *tx)
        .await?
        .rows_affected();
        if begun == 0 {
            return Err(Error::new(
                Kind::LeaseLost,
                format!("run {id} of a schedule was given up before it began"),
            ));
        }
        append_audit_on(&mut tx, event).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Records how a run ended, together with its entry in the audit log. A run that others had
    /// given up as unknown is known again.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn end_run(&self, id: i64, ending: &Ending, event: &AuditEvent) -> Result<()> {
        let mut tx = self.pool().begin().await?;
        sqlx::query(
            "update tidegate.schedule_run set state = $2, exit_code = $3, reason = $4, outcome = $5, \
               finished_at = pg_catalog.clock_timestamp() \
             where id = $1 and state in ('intent', 'running', 'unknown')",
        )
        .bind(id)
        .bind(ending.state.as_str())
        .bind(ending.exit_code)
        .bind(&ending.reason)
        .bind(&ending.outcome)
        .execute(&mut *tx)
        .await?;
        append_audit_on(&mut tx, event).await?;
        tx.commit().await?;
        Ok(())
    }

    /// Declares runs unknown whose owner died; returns how many.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn bury_runs(&self, project: &str) -> Result<u64> {
        let mut connection = self.pool().acquire().await?;
        bury(&mut connection, project, None).await
    }
}

async fn bury(connection: &mut PgConnection, project: &str, name: Option<&str>) -> Result<u64> {
    let buried = sqlx::query(
        "update tidegate.schedule_run as r set state = 'unknown', \
           finished_at = pg_catalog.clock_timestamp(), \
           reason = 'the process that ran it died: ' || r.owner \
         where r.project = $1 and ($2::text is null or r.name = $2) \
           and r.state in ('intent', 'running') and not tidegate.schedule_run_alive(r)",
    )
    .bind(project)
    .bind(name)
    .execute(connection)
    .await?;
    Ok(buried.rows_affected())
}

/// The run that keeps another from beginning, in words.
async fn alive(connection: &mut PgConnection, wanted: &Wanted<'_>) -> Result<Option<String>> {
    let row = sqlx::query(
        "select due_at, owner from tidegate.schedule_run \
         where project = $1 and name = $2 and state in ('intent', 'running') \
         order by id limit 1",
    )
    .bind(wanted.project)
    .bind(wanted.name)
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let due_at: DateTime<Utc> = row.try_get("due_at")?;
        let owner: String = row.try_get("owner")?;
        Ok(format!(
            "the run due at {} is still alive ({owner})",
            due_at.format("%Y-%m-%d %H:%M:%S UTC")
        ))
    })
    .transpose()
}
