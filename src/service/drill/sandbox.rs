//! A drill with a primary of its own: it works, it is lost, and what it promised is asked back.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::controls::Exhibit;
use super::engine::{self, Engine, Recovered, Wal};
use super::load::{Load, Mode};
use super::primary::{ARCHIVE_TIMEOUT, DATABASE, Primary};
use super::probe::{self, Probe};
use super::run::{Drill, Sandbox};
use super::{failure, oracle};
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::postgres::Session;
use crate::recovery::{
    Acknowledged, BackupManifest, Damage, DrillCheck, DrillPhase, DrillReport, DrillSource, Oracle,
    RecoveryTarget, WalFacts, WalMode,
};
use crate::service::backup::Parent;
use crate::service::wal::{Drained, Receiver};

/// The named restore point.
const POINT: &str = "tidegate_drill_oracle";
/// How long probe and load work between two steps.
const WORK: Duration = Duration::from_millis(1500);

/// What is left of the primary: what it acknowledged and what it held.
struct Lost {
    log: Acknowledged,
    oracle: Oracle,
    backup: BackupManifest,
    /// Bytes of it and of what it is an increment of, and sealed bytes of them.
    bytes: (u64, u64),
    /// When the disaster struck.
    at: DateTime<Utc>,
    /// The same on the clock that measures.
    struck: Duration,
    /// Seconds of the base backup, and of its increment.
    backup_seconds: f64,
}

/// Does the drill in `folder`; `earlier` drills were recorded before.
pub(super) async fn run(
    drill: &Drill<'_>,
    sandbox: &Sandbox,
    folder: &Path,
    earlier: usize,
) -> Result<DrillReport> {
    if drill.engine != BackupManifest::NATIVE && sandbox.wal != WalMode::Archive {
        let text = format!("{} takes WAL from archive_command only", drill.engine);
        return Err(Error::new(Kind::Usage, text).hint("add --wal archive"));
    }
    let stage = Stage {
        drill,
        sandbox,
        engine: Engine::sandbox(drill, folder, &drill.engine).await?,
    };
    let (lost, wal) = stage.live_and_die().await?;
    let drained = wal.drain().await?;
    let ready = stage.since(lost.struck);
    let mut exhibit = Exhibit::new(&stage.engine, &lost.backup).await?;
    let mut report = stage.recover(&lost, &drained, ready).await?;
    if report.rto_seconds.is_some()
        && let Some(restored) = stage.prove(&lost, &mut report).await?
    {
        exhibit.compared(lost.oracle.clone(), restored);
        let chosen = drill.controls.of(&Damage::ALL, earlier);
        report.negative_controls = exhibit.try_all(&chosen).await?;
    }
    report.checks.push(exhibit.unchanged().await?);
    Ok(report)
}

struct Stage<'a> {
    drill: &'a Drill<'a>,
    sandbox: &'a Sandbox,
    engine: Engine<'a>,
}

impl Stage<'_> {
    fn say(&self, words: &str) {
        self.drill
            .events
            .emit(Event::Note(format!("drill: {words}")));
    }

    fn now(&self) -> Duration {
        self.drill.clock.monotonic()
    }

    fn since(&self, start: Duration) -> f64 {
        self.now().saturating_sub(start).as_secs_f64()
    }

    async fn live_and_die(&self) -> Result<(Lost, Wal)> {
        let mode = self.sandbox.wal;
        let mut wal = Wal::prepare(&self.engine, mode).await?;
        self.say("a primary of its own");
        let primary = Primary::start(
            self.sandbox,
            wal.archive_command(),
            self.drill.install,
            &self.drill.cancel,
        )
        .await?;
        wal.begin(&self.engine, &primary).await?;
        if mode == WalMode::Sync {
            primary.wait_for(engine::RECEIVER).await?;
        }
        let probe = Probe::start(&primary.target, &self.drill.clock).await?;
        let load = Load::start(&primary.target).await?;
        tokio::time::sleep(WORK).await;
        self.say("base backup under load");
        let started = self.now();
        let (backup, bytes) = self.back_up(&primary).await?;
        let backup_seconds = self.since(started);
        wal.begun(&self.engine);
        for _ in 0..3 {
            tokio::time::sleep(WORK / 3).await;
            primary.switch().await?;
        }
        self.say("oracle at a named restore point");
        let oracle = self.oracle(&primary, &probe, &load).await?;
        if mode == WalMode::Archive {
            primary.archive().await?;
        }
        tokio::time::sleep(WORK + random_moment(mode)).await;
        load.check()?;
        if !probe.alive() {
            return Err(Error::new(
                Kind::Internal,
                "the probe ended before the disaster",
            ));
        }
        wal.check()?;
        self.say("disaster: SIGKILL, and the data folder is removed");
        let (at, struck) = (self.drill.clock.now(), self.now());
        primary.server.lose(|| ()).await?;
        let lost = Lost {
            log: probe.end().await,
            oracle,
            backup,
            bytes,
            at,
            struck,
            backup_seconds,
        };
        primary.server.stop().await;
        Ok((lost, wal))
    }

    /// Takes a base backup, and an increment of it when there is to be one; gives the last one, and
    /// the bytes and sealed bytes of both.
    async fn back_up(&self, primary: &Primary) -> Result<(BackupManifest, (u64, u64))> {
        let (engine, target) = (&self.engine, &primary.target);
        let full = engine.backup_of(target, &engine.repository, None).await?;
        let bytes = (full.bytes, full.sealed_bytes);
        if !self.sandbox.incremental {
            return Ok((full, bytes));
        }
        tokio::time::sleep(WORK).await;
        self.say("an increment of it");
        let parent = Some(Parent::Id(full.id));
        let last = engine.backup_of(target, &engine.repository, parent).await?;
        let bytes = (bytes.0 + last.bytes, bytes.1 + last.sealed_bytes);
        Ok((last, bytes))
    }

    /// Everybody holds still for the moment of the restore point, so that the snapshot is exactly
    /// what was committed before it.
    async fn oracle(&self, primary: &Primary, probe: &Probe, load: &Load) -> Result<Oracle> {
        let other = Session::connect(&primary.target, "drill").await?;
        let session = &primary.session;
        load.set(Mode::Rows).await;
        let mut oracle = {
            let _load = load.pause().await;
            let _probe = probe.pause().await;
            session
                .batch_execute("begin isolation level repeatable read read only")
                .await?;
            let oracle = oracle::still(session).await?;
            other
                .query_one(
                    "select pg_catalog.pg_create_restore_point($1)::text",
                    &[&POINT],
                )
                .await?;
            oracle
        };
        oracle::rows(session, &mut oracle).await?;
        session.batch_execute("commit").await?;
        load.set(Mode::All).await;
        Ok(oracle)
    }

    /// From the disaster to the first write, and what came back. A restore that fails is what the
    /// report says.
    async fn recover(&self, lost: &Lost, drained: &Drained, ready: f64) -> Result<DrillReport> {
        let mut report = self.begun(lost, drained);
        self.say("restore from the repository alone");
        let restored = match self.restore(RecoveryTarget::Latest, "latest").await {
            Ok(restored) => restored,
            Err(error) => {
                let check = self.failed("restore", error, lost).await?;
                report.checks.push(check);
                return Ok(report);
            }
        };
        let promoted = self.now();
        let target = restored.target.at_database(DATABASE);
        let session = Session::connect(&target, "drill").await?;
        probe::first_write(&session).await?;
        report.rto_seconds = Some(self.since(lost.struck));
        let drain = DrillPhase::new("drain", ready, drained.bytes);
        report.phases.push(drain);
        report.phases.extend(restored.phases(self.since(promoted)));
        self.say("checks");
        let started = self.now();
        let loss = probe::compare(&session, &lost.log).await?;
        let binaries = &restored.restored.server.binaries;
        let found = self.drill.checks.all(&session, &target, binaries).await?;
        report.checks.extend(found);
        let empty = unlogged(&session, &lost.oracle).await?;
        report.checks.push(empty);
        let phase = DrillPhase::new("checks", self.since(started), 0);
        report.phases.push(phase);
        drop(session);
        report.rpo_seconds = Some(loss.seconds);
        report.acknowledged_lost = loss.lost;
        report.probe = Some(loss);
        let reached = restored.restored.reached;
        let (source, age) = (&mut report.source, lost.at - lost.backup.started_at);
        source.reached = reached.to_string();
        source.wal_bytes = reached.since(lost.backup.start);
        source.wal_rate = source.wal_bytes as f64 / age.as_seconds_f64().max(1e-3);
        restored.stop().await;
        Ok(report)
    }

    /// What is known when the primary is lost.
    fn begun(&self, lost: &Lost, drained: &Drained) -> DrillReport {
        let source = DrillSource {
            backup: lost.backup.id.clone(),
            backup_at: lost.backup.started_at,
            postgres: lost.backup.postgres,
            bytes: lost.bytes.0,
            sealed_bytes: lost.bytes.1,
            ..DrillSource::default()
        };
        let mut report = DrillReport::begun(engine::id(lost.at), lost.at, true, source);
        report.wal_mode = Some(self.sandbox.wal);
        report.objectives = self.drill.objectives;
        report.disaster_at = Some(lost.at);
        report.oracle = lost.oracle.count();
        let worst = self.sandbox.wal.worst_case(&WalFacts {
            archive_timeout: f64::from(ARCHIVE_TIMEOUT),
            upload_interval: Receiver::INTERVAL.as_secs_f64(),
            longest_upload: drained.longest_upload,
        });
        report.rpo_worst_case = Some(worst);
        report
    }

    async fn failed(&self, name: &str, error: Error, lost: &Lost) -> Result<DrillCheck> {
        let from = (&self.engine.repository, &lost.backup);
        failure::of_restore(name, error, from).await
    }

    /// A second restore, to the named point: there the data must be what the primary held. None when
    /// it failed.
    async fn prove(&self, lost: &Lost, report: &mut DrillReport) -> Result<Option<Oracle>> {
        self.say("restore to the named point, and compare");
        let started = self.now();
        let target = RecoveryTarget::Name(POINT.to_owned());
        let restored = match self.restore(target, "point").await {
            Ok(restored) => restored,
            Err(error) => {
                let check = self.failed("restore to the named point", error, lost);
                report.checks.push(check.await?);
                return Ok(None);
            }
        };
        let target = restored.target.at_database(DATABASE);
        let session = Session::connect(&target, "drill").await?;
        let found = oracle::read(&session).await?;
        let finished = oracle::finish_prepared(&session, &lost.oracle).await?;
        report.checks.push(finished);
        drop(session);
        restored.stop().await;
        let differences = lost.oracle.differences(&found);
        report.oracle_equal = Some(differences.is_empty());
        report.oracle_differences = differences.into_iter().take(10).collect();
        let phase = DrillPhase::new("oracle", self.since(started), 0);
        report.phases.push(phase);
        let backup = DrillPhase::new("base backup", lost.backup_seconds, lost.bytes.0);
        report.phases.push(backup);
        Ok(Some(found))
    }

    async fn restore(&self, target: RecoveryTarget, name: &str) -> Result<Recovered> {
        let into = self.engine.folder.join(name);
        let from = (&self.engine.repository, None);
        self.engine.restore(from, target, &into).await
    }
}

/// A disaster knows no schedule: anywhere in the time that an upload may wait.
fn random_moment(mode: WalMode) -> Duration {
    let longest = match mode {
        WalMode::Archive => f64::from(ARCHIVE_TIMEOUT),
        WalMode::Stream | WalMode::Sync => 2.0,
    };
    Duration::from_secs_f64(longest * rand::random::<f64>())
}

/// Rows of unlogged tables cannot come back; if some did, the cluster was not recovered.
async fn unlogged(session: &Session, oracle: &Oracle) -> Result<DrillCheck> {
    let filled = oracle::filled_unlogged(session, oracle).await?;
    Ok(DrillCheck {
        name: "unlogged tables".to_owned(),
        passed: Some(filled.is_empty()),
        found: if filled.is_empty() {
            "empty, as after a crash".to_owned()
        } else {
            format!("hold rows: {}", filled.join(", "))
        },
    })
}
