//! `tidegate doctor`.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report, Style};
use crate::config::Target;
use crate::error::{Kind, Result};
use crate::postgres::Session;
use crate::recovery::{SlotState, UNGUARDED_REMEDY, bytes, lost_remedy};
use crate::service::wal::slots;

/// Arguments of `doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {}

#[derive(Debug, Serialize)]
struct Doctor {
    environment: String,
    findings: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Finding {
    name: &'static str,
    status: Status,
    detail: String,
    remedy: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Status {
    Ok,
    Warn,
    Fail,
}

pub(super) async fn run(app: &App, _args: &Args) -> Result<Output> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let mut doctor = Doctor {
        environment: target.environment.clone(),
        findings: Vec::new(),
    };
    match Session::connect(&target, "doctor").await {
        Err(error) => doctor.note(
            "connection",
            Status::Fail,
            error.to_string(),
            error.hint_text(),
        ),
        Ok(session) => doctor.look(app, &session, &target).await?,
    }
    Ok(Output::report(doctor))
}

const LOOK: &str = "select pg_catalog.current_setting('server_version'), \
                 pg_catalog.pg_is_in_recovery() or pg_catalog.current_setting('transaction_read_only') = 'on', \
                 pg_catalog.has_database_privilege(pg_catalog.current_database(), 'CREATE') \
                 or pg_catalog.to_regnamespace('tidegate') is not null, \
                 pg_catalog.pg_has_role('pg_read_all_stats', 'USAGE'), \
                 pg_catalog.current_setting('max_connections')::int, \
                 pg_catalog.clock_timestamp(), \
                 coalesce((select extract(epoch from max(pg_catalog.clock_timestamp() - xact_start))::float8 \
                 from pg_catalog.pg_stat_activity where datname = pg_catalog.current_database()), 0), \
                 pg_catalog.current_setting('wal_level')";

impl Doctor {
    fn note(
        &mut self,
        name: &'static str,
        status: Status,
        detail: impl Into<String>,
        remedy: &str,
    ) {
        let remedy = if status == Status::Ok {
            String::new()
        } else {
            remedy.to_owned()
        };
        self.findings.push(Finding {
            name,
            status,
            detail: detail.into(),
            remedy,
        });
    }

    async fn look(&mut self, app: &App, session: &Session, target: &Target) -> Result<()> {
        let before = app.clock.now();
        let row = session.query_one(LOOK, &[]).await?;
        self.note(
            "server",
            Status::Ok,
            format!("PostgreSQL {}", row.get::<_, String>(0)),
            "",
        );
        let pick = |good: bool, bad: Status| if good { Status::Ok } else { bad };
        let read_only: bool = row.get(1);
        self.note(
            "writes",
            pick(!read_only, Status::Fail),
            if read_only { "read-only" } else { "accepted" },
            "connect to the primary",
        );
        let create: bool = row.get(2);
        self.note(
            "control schema",
            pick(create, Status::Fail),
            if create {
                "there, or may be created"
            } else {
                "may not be created"
            },
            "grant create on the database, or let an owner create schema tidegate",
        );
        let stats: bool = row.get(3);
        self.note(
            "statistics",
            pick(stats, Status::Warn),
            if stats {
                "pg_read_all_stats"
            } else {
                "other roles' statements are hidden"
            },
            "grant pg_read_all_stats to the role, so that blockers and lag are seen",
        );
        self.look_closer(app.clock.now(), before, &row, target);
        self.look_at_slots(&slots(session).await?);
        Ok(())
    }

    /// What the server keeps WAL for. A disk that WAL has filled stops it, with all that was to be done.
    fn look_at_slots(&mut self, slots: &[SlotState]) {
        for slot in slots {
            let kept = slot.retained_bytes.unwrap_or_default();
            let state = match slot.active {
                true => "in use",
                false => "not in use",
            };
            let detail = format!("\"{}\" is {state}, {} kept", slot.name, bytes(kept));
            if slot.lost() {
                let detail = format!("\"{}\" is lost: the server has given it up", slot.name);
                self.note("slot", Status::Fail, detail, &lost_remedy(&slot.name));
            } else if let Some(problem) = slot.problem(None, Duration::MAX) {
                let remedy =
                    "see why its receiver does not keep up, or raise max_slot_wal_keep_size";
                self.note("slot", Status::Warn, problem, remedy);
            } else if let Some(words) = slot.unguarded() {
                let detail = format!("{detail}; {words}");
                self.note("slot", Status::Warn, detail, UNGUARDED_REMEDY);
            } else {
                self.note("slot", Status::Ok, detail, "");
            }
        }
    }

    fn look_closer(
        &mut self,
        after: chrono::DateTime<chrono::Utc>,
        before: chrono::DateTime<chrono::Utc>,
        row: &tokio_postgres::Row,
        target: &Target,
    ) {
        let pick = |good: bool, bad: Status| if good { Status::Ok } else { bad };
        let connections: i32 = row.get(4);
        let enough = i64::from(connections) > i64::from(target.pool) * 2;
        self.note(
            "connections",
            pick(enough, Status::Warn),
            format!("max_connections {connections}, pool {}", target.pool),
            "lower the pool or raise max_connections",
        );
        let server: chrono::DateTime<chrono::Utc> = row.get(5);
        let skew = (server - (before + (after - before) / 2))
            .num_milliseconds()
            .abs();
        self.note(
            "clock",
            pick(skew < 2000, Status::Warn),
            format!("{skew} ms apart"),
            "synchronize the clocks of both machines",
        );
        let oldest: f64 = row.get(6);
        self.note(
            "transactions",
            pick(oldest < 300.0, Status::Warn),
            format!("the oldest is {oldest:.0} s old"),
            "end long transactions before a backfill: they keep row versions alive",
        );
        self.note("wal_level", Status::Ok, row.get::<_, String>(7), "");
    }
}

impl Report for Doctor {
    fn kind(&self) -> &'static str {
        "doctor"
    }

    fn exit(&self) -> u8 {
        if self
            .findings
            .iter()
            .any(|finding| finding.status == Status::Fail)
        {
            Kind::Drift.policy().exit
        } else {
            0
        }
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let rows = self
            .findings
            .iter()
            .map(|finding| {
                let word = match finding.status {
                    Status::Ok => page.styled(Style::Good, "ok"),
                    Status::Warn => page.styled(Style::Waiting, "warn"),
                    Status::Fail => page.styled(Style::Bad, "fail"),
                };
                vec![
                    word,
                    finding.name.to_owned(),
                    finding.detail.clone(),
                    finding.remedy.clone(),
                ]
            })
            .collect();
        page.line(format!("environment {}", self.environment))?;
        page.table(&[], rows)
    }
}
