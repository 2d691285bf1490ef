//! A drill from the repository alone: production is not touched, nothing is written to it, and
//! nothing is known of it but what it left in the repository.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::controls::Exhibit;
use super::engine::{self, Engine, Recovered};
use super::failure;
use super::run::Drill;
use crate::error::{Kind, Result};
use crate::postgres::Session;
use crate::recovery::{
    BackupManifest, Damage, DrillCheck, DrillPhase, DrillReport, DrillSource, Lsn, RecoveryTarget,
};
use crate::service::backup::{Shelf, ancestry};
use crate::service::databases::{Named, closed_databases, databases};
use crate::service::restore::{Picked, newest_living};
use crate::storage::{Location, Repository};

/// Restores the newest state of `repository` in `folder`, and looks at it.
pub(super) async fn run(
    drill: &Drill<'_>,
    repository: &Repository,
    folder: &Path,
    earlier: usize,
) -> Result<DrillReport> {
    let passive = Passive {
        drill,
        engine: Engine::over(drill, repository, folder),
        at: drill.clock.now(),
    };
    let shelf = Shelf::read(repository).await?;
    let picked = match newest_living(repository, &shelf).await {
        // There was a backup, and this is what became of it.
        Err(error) if error.kind() == Kind::BackupMissing && !shelf.damaged.is_empty() => {
            return Ok(passive.unopened(&shelf));
        }
        newest => newest?,
    };
    let backup = picked.backup;
    let mut exhibit = Exhibit::new(&passive.engine, backup).await?;
    let mut report = passive.recover(&picked).await?;
    report.checks.extend(newer(&shelf, backup));
    if report.rto_seconds.is_some() {
        let chosen = drill.controls.of(&possible(repository), earlier);
        report.negative_controls = exhibit.try_all(&chosen).await?;
    }
    report.checks.push(exhibit.unchanged().await?);
    Ok(report)
}

/// The damage that can be tried: there is no oracle, and what is not in a folder is not copied.
fn possible(repository: &Repository) -> Vec<Damage> {
    let copied = matches!(repository.location(), Location::Folder(_));
    let all = Damage::ALL.into_iter();
    all.filter(|damage| !damage.needs_sandbox() && (copied || !damage.needs_copy()))
        .collect()
}

/// Backups that are newer than the one that was restored, and cannot be.
fn newer(shelf: &Shelf, backup: &BackupManifest) -> Option<DrillCheck> {
    let later = |began: Option<DateTime<Utc>>| began.is_some_and(|began| began > backup.started_at);
    let unopened = shelf.damaged.iter();
    let unopened = unopened.filter(|one| later(BackupManifest::began(&one.id)));
    let mut found: Vec<String> = unopened.map(|one| one.problem.clone()).collect();
    let lame = shelf
        .backups
        .iter()
        .filter(|one| later(Some(one.started_at)));
    found.extend(lame.filter_map(|one| {
        let problem = shelf.problem(one)?;
        Some(format!("backup {}: {problem}", one.id))
    }));
    (!found.is_empty()).then(|| failure::failed("newest backup", found.join("; ")))
}

struct Passive<'a> {
    drill: &'a Drill<'a>,
    engine: Engine<'a>,
    at: DateTime<Utc>,
}

impl Passive<'_> {
    fn since(&self, start: Duration) -> f64 {
        let now = self.drill.clock.monotonic();
        now.saturating_sub(start).as_secs_f64()
    }

    fn begun(&self, source: DrillSource) -> DrillReport {
        let mut report = DrillReport::begun(engine::id(self.at), self.at, false, source);
        report.objectives = self.drill.objectives;
        report
    }

    /// A repository whose every backup has a manifest that does not open.
    fn unopened(&self, shelf: &Shelf) -> DrillReport {
        let newest = shelf.damaged.iter().max_by(|a, b| a.id.cmp(&b.id));
        let id = newest.map(|one| one.id.clone()).unwrap_or_default();
        let mut report = self.begun(DrillSource {
            backup_at: BackupManifest::began(&id).unwrap_or_default(),
            backup: id,
            ..DrillSource::default()
        });
        let problems = shelf.damaged.iter().map(|one| one.problem.as_str());
        let problems: Vec<&str> = problems.collect();
        let check = failure::failed("restore", problems.join("; "));
        report.checks.push(check);
        report
    }

    /// Restores, reads and writes, and checks. A restore that fails is what the report says.
    async fn recover(&self, picked: &Picked<'_>) -> Result<DrillReport> {
        let backup = picked.backup;
        let newest = picked.inventory.follow(backup).reach.to;
        let repository = &self.engine.repository;
        let started = self.drill.clock.monotonic();
        self.engine.say("restore from the repository alone");
        let lineage = ancestry(repository, backup).await;
        let known = lineage.as_deref().unwrap_or(std::slice::from_ref(backup));
        let mut report = self.begun(DrillSource {
            newest: newest.to_string(),
            ..source(backup, known)
        });
        let restored = match lineage {
            Ok(_) => self.restore(picked, newest).await,
            Err(error) => Err(error),
        };
        let restored = match restored {
            Ok(restored) => restored,
            Err(error) => {
                let from = (repository, backup);
                let check = failure::of_restore("restore", error, from).await?;
                report.checks.push(check);
                return Ok(report);
            }
        };
        let promoted = self.drill.clock.monotonic();
        let reached = restored.restored.reached;
        report.source.reached = reached.to_string();
        report.source.wal_bytes = reached.since(backup.start);
        report
            .warnings
            .extend_from_slice(&restored.restored.warnings);
        match first_write(&restored).await {
            Ok(session) => {
                report.rto_seconds = Some(self.since(started));
                report.phases = restored.phases(self.since(promoted));
                self.look(&session, &restored, &mut report).await?;
            }
            Err(error) => report.checks.push(failure::of_check("first write", &error)),
        }
        restored.stop().await;
        Ok(report)
    }

    /// Follows the log to where it ended when the drill began. Where it grows as fast as it is replayed,
    /// a recovery that followed it further would not end.
    async fn restore(&self, picked: &Picked<'_>, newest: Lsn) -> Result<Recovered> {
        let from = (&self.engine.repository, picked);
        let end = (&RecoveryTarget::Latest, Some(newest));
        let into = self.engine.folder.join("latest");
        self.engine.recover(from, end, &into).await
    }

    /// Looks at the restored cluster.
    async fn look(
        &self,
        session: &Session,
        restored: &Recovered,
        report: &mut DrillReport,
    ) -> Result<()> {
        self.engine.say("checks");
        let begun = self.drill.clock.monotonic();
        let newest = newest_commit(session).await?;
        report
            .checks
            .extend(self.check_all(session, restored).await?);
        let closed = closed_databases(session).await?.into_iter();
        report.warnings.extend(closed.map(|name| {
            format!("the database {name} was not looked into: it is a template, or allows no connections")
        }));
        let phase = DrillPhase::new("checks", self.since(begun), 0);
        report.phases.push(phase);
        let age = |time: DateTime<Utc>| (self.at - time).as_seconds_f64().max(0.0);
        report.rpo_seconds = newest.map(age);
        let span = |time: DateTime<Utc>| (time - report.source.backup_at).as_seconds_f64();
        // Over less than a second a rate says nothing.
        if let Some(span) = newest.map(span).filter(|span| *span > 1.0) {
            report.source.wal_rate = report.source.wal_bytes as f64 / span;
        }
        Ok(())
    }

    /// The checks of every database.
    async fn check_all(&self, session: &Session, restored: &Recovered) -> Result<Vec<DrillCheck>> {
        let binaries = &restored.restored.server.binaries;
        let mut found = Vec::new();
        for name in databases(session).await? {
            let database = match name {
                Named::Text(database) => database,
                Named::Bytes(about) => {
                    found.push(DrillCheck {
                        name: format!("database {about}"),
                        passed: None,
                        found: "its name is not UTF-8, by which nobody can enter it here"
                            .to_owned(),
                    });
                    continue;
                }
            };
            let target = restored.target.at_database(&database);
            let checked = async {
                let inside = engine::enter(&target).await?;
                self.drill.checks.all(&inside, &target, binaries).await
            };
            match checked.await {
                Ok(checks) => found.extend(checks.into_iter().map(|check| DrillCheck {
                    name: format!("{} of {database}", check.name),
                    ..check
                })),
                Err(error) => {
                    let name = format!("checks of {database}");
                    found.push(failure::of_check(&name, &error));
                }
            }
        }
        Ok(found)
    }
}

/// The first thing that an application does.
async fn first_write(restored: &Recovered) -> Result<Session> {
    let session = engine::enter(&restored.target).await?;
    session
        .batch_execute(
            "begin; create table pg_temp.drill as select pg_catalog.count(*) from pg_catalog.pg_class; \
             create schema tidegate_drill; drop schema tidegate_drill; commit",
        )
        .await?;
    Ok(session)
}

/// When the newest transaction that came back was committed; none when WAL held none.
async fn newest_commit(session: &Session) -> Result<Option<DateTime<Utc>>> {
    let sql = "select pg_catalog.pg_last_xact_replay_timestamp()";
    Ok(session.query_one(sql, &[]).await?.try_get(0)?)
}

/// What is restored from; nothing is known yet of how far it goes.
fn source(backup: &BackupManifest, lineage: &[BackupManifest]) -> DrillSource {
    DrillSource {
        backup: backup.id.clone(),
        backup_at: backup.started_at,
        postgres: backup.postgres,
        bytes: lineage.iter().map(|one| one.bytes).sum(),
        sealed_bytes: lineage.iter().map(|one| one.sealed_bytes).sum(),
        ..DrillSource::default()
    }
}
