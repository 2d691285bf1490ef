//! A drill from the repository alone: production is not touched, nothing is written to it, and
//! nothing is known of it but what it left in the repository.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::controls::Exhibit;
use super::engine::{self, Engine, Recovered};
use super::run::Drill;
use super::{checks, controls};
use crate::error::Result;
use crate::job::Event;
use crate::postgres::Session;
use crate::recovery::{
    BackupManifest, Damage, DrillCheck, DrillPhase, DrillReport, DrillSource, Lsn, OracleCount,
    RecoveryTarget, Verdict,
};
use crate::service::backup::ancestry;
use crate::storage::Repository;

/// The database that everybody has.
const DATABASE: &str = "postgres";

/// Restores the newest state of `repository` in `folder`, and looks at it.
pub(super) async fn run(
    drill: &Drill<'_>,
    repository: &Repository,
    folder: &Path,
    earlier: usize,
) -> Result<DrillReport> {
    let say = |words: &str| drill.events.emit(Event::Note(format!("drill: {words}")));
    let engine = Engine::over(drill, repository, folder);
    let backup = Engine::newest(repository).await?;
    let lineage = ancestry(repository, &backup).await?;
    let exhibit = Exhibit::new(&engine, &backup).await?;
    let (at, started) = (drill.clock.now(), drill.clock.monotonic());
    let since = |start: Duration| drill.clock.monotonic().saturating_sub(start).as_secs_f64();
    say("restore from the repository alone");
    let restored = engine
        .restore(
            (repository, Some(backup.id.as_str())),
            RecoveryTarget::Latest,
            &folder.join("latest"),
        )
        .await?;
    let promoted = drill.clock.monotonic();
    let session = Session::connect(&restored.target, "drill").await?;
    read_and_write(&session).await?;
    let rto = since(started);
    let mut phases = restored.phases(since(promoted));
    say("checks");
    let begun = drill.clock.monotonic();
    let newest = newest_commit(&session).await?;
    let found = check_all(&session, &restored).await?;
    drop(session);
    phases.push(DrillPhase::new("checks", since(begun), 0));
    let mut report = Report {
        drill,
        backup: &backup,
        lineage: &lineage,
        at,
        newest,
        reached: restored.restored.reached,
    }
    .with(rto, phases, found);
    restored.stop().await;
    let possible: Vec<Damage> = Damage::ALL
        .into_iter()
        .filter(|damage| !damage.needs_sandbox())
        .collect();
    for damage in drill.controls.of(&possible, earlier) {
        say(&format!("control: {}", damage.name()));
        let result = controls::attempt(damage, &exhibit).await?;
        report.negative_controls.push(result);
    }
    report.checks.push(exhibit.unchanged().await?);
    Ok(report)
}

/// The first thing that an application does.
async fn read_and_write(session: &Session) -> Result<()> {
    session
        .batch_execute(
            "begin; create table pg_temp.drill as select pg_catalog.count(*) from pg_catalog.pg_class; \
             create schema tidegate_drill; drop schema tidegate_drill; commit",
        )
        .await?;
    Ok(())
}

/// When the newest transaction that came back was committed; none when WAL held none.
async fn newest_commit(session: &Session) -> Result<Option<DateTime<Utc>>> {
    let sql = "select pg_catalog.pg_last_xact_replay_timestamp()";
    Ok(session.query_one(sql, &[]).await?.get(0))
}

/// The databases that can be connected to.
async fn databases(session: &Session) -> Result<Vec<String>> {
    let rows = session
        .query(
            "select datname::text from pg_catalog.pg_database where datallowconn and not datistemplate order by datname = $1, 1",
            &[&DATABASE],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The checks of every database.
async fn check_all(session: &Session, restored: &Recovered) -> Result<Vec<DrillCheck>> {
    let mut found = Vec::new();
    for database in databases(session).await? {
        let target = restored.target.at_database(&database);
        let inside = Session::connect(&target, "drill").await?;
        let binaries = &restored.restored.server.binaries;
        for mut check in checks::all(&inside, &target, binaries).await? {
            check.name = format!("{} of {database}", check.name);
            found.push(check);
        }
    }
    Ok(found)
}

/// What is known of the repository.
struct Report<'a> {
    drill: &'a Drill<'a>,
    backup: &'a BackupManifest,
    lineage: &'a [BackupManifest],
    at: DateTime<Utc>,
    newest: Option<DateTime<Utc>>,
    reached: Lsn,
}

impl Report<'_> {
    fn with(
        &self,
        rto_seconds: f64,
        phases: Vec<DrillPhase>,
        checks: Vec<DrillCheck>,
    ) -> DrillReport {
        let (backup, at) = (self.backup, self.at);
        let wal_bytes = self.reached.since(backup.start);
        let since = |time: DateTime<Utc>| (time - backup.started_at).as_seconds_f64();
        let age = self.newest.map_or(0.0, since);
        DrillReport {
            id: engine::id(at),
            at,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            sandbox: false,
            wal_mode: None,
            verdict: Verdict::Failed,
            reasons: Vec::new(),
            objectives: self.drill.objectives,
            rto_seconds,
            rpo_seconds: self
                .newest
                .map(|newest| (at - newest).as_seconds_f64().max(0.0)),
            rpo_worst_case: None,
            acknowledged_lost: 0,
            probe: None,
            disaster_at: None,
            source: DrillSource {
                backup: backup.id.clone(),
                backup_at: backup.started_at,
                postgres: backup.postgres,
                bytes: self.lineage.iter().map(|one| one.bytes).sum(),
                sealed_bytes: self.lineage.iter().map(|one| one.sealed_bytes).sum(),
                reached: self.reached.to_string(),
                wal_bytes,
                wal_rate: if age > 1.0 {
                    wal_bytes as f64 / age
                } else {
                    0.0
                },
            },
            oracle_equal: None,
            oracle: OracleCount::default(),
            oracle_differences: Vec::new(),
            phases,
            checks,
            negative_controls: Vec::new(),
            warnings: Vec::new(),
            extrapolation: None,
        }
    }
}
