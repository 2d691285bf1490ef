//! The story, step by step.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use tokio_util::sync::CancellationToken;

use super::checks::compare;
use super::child::Tidegate;
use super::outcome::{Demo, PhaseTime};
use super::traffic::{App, Client, Moment, Shared};
use super::{locks, shop};
use crate::clock::Clock;
use crate::config::{Config, Overrides, Target};
use crate::control::backfill::{jobs, totals};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink, JobState};
use crate::postgres::Session;
use crate::postgres::private::{Ephemeral, Options, PrivateServer, Running};

/// How the demo is told.
#[derive(Debug, Clone)]
pub struct Request {
    /// Transactions to load, at least 1,000.
    pub rows: u64,
    /// Whether server and project stay, to look at them.
    pub keep: bool,
    /// Consent to install PostgreSQL when it is missing.
    pub install: bool,
}

/// Share of the rows after which the backfill is killed.
const KILL_AT: f64 = 0.4;

/// Tells the whole story.
///
/// # Errors
/// A server that does not start; a command of the story that fails. Failed checks are part of the
/// result, not errors.
pub async fn run(
    request: &Request,
    clock: Arc<dyn Clock>,
    events: Arc<dyn EventSink>,
    cancel: CancellationToken,
) -> Result<Demo> {
    let options = Options {
        install: request.install,
        settings: vec![("max_wal_size".to_owned(), "2GB".to_owned())],
        ..Options::default()
    };
    let base =
        crate::config::vars::temp_dir().join(format!("tidegate-demo-{}", std::process::id()));
    std::fs::create_dir_all(&base)?;
    let project = base.join("shop");
    shop::write(&project)?;
    let server = if request.keep {
        let home = crate::config::vars::tidegate_home()
            .unwrap_or_else(|| base.clone())
            .join("demo");
        let server = PrivateServer::open(&home)?;
        let running = server.reset(&options).await?;
        Server::Kept(Box::new(running))
    } else {
        Server::Ephemeral(Box::new(Ephemeral::start(&options).await?))
    };
    let told = tokio::select! {
        told = tell(request, &server, project.clone(), (clock, events)) => told,
        () = cancel.cancelled() => Err(Error::new(Kind::Cancelled, "the demo was interrupted")),
    };
    match server {
        Server::Ephemeral(server) => {
            server.stop().await;
            std::fs::remove_dir_all(&base)?;
            told
        }
        Server::Kept(running) => told.map(|mut demo| {
            demo.kept = Some(format!(
                "cd {} && tidegate --database-url '{}' migrate status",
                project.display(),
                running.url("shop")
            ));
            demo
        }),
    }
}

enum Server {
    Ephemeral(Box<Ephemeral>),
    Kept(Box<Running>),
}

impl Server {
    fn running(&self) -> &Running {
        match self {
            Self::Ephemeral(server) => server,
            Self::Kept(running) => running,
        }
    }
}

async fn tell(
    request: &Request,
    server: &Server,
    project: PathBuf,
    (clock, events): (Arc<dyn Clock>, Arc<dyn EventSink>),
) -> Result<Demo> {
    let running = server.running();
    running.ensure_database("shop").await?;
    let url = running.url("shop");
    let config = Config::load(&Overrides {
        file: Some(project.join(crate::config::FILE_NAME)),
        environment: None,
        database_url: Some(url.clone()),
    })?;
    let target = config.environment(None)?.target(&config).await?;
    let mut story = Story {
        rows: request.rows.max(1000),
        tidegate: Tidegate::new(&project, &url)?,
        clock,
        events,
        target,
        demo: Demo {
            server: running.version().to_string(),
            rows: request.rows.max(1000),
            ..Demo::default()
        },
    };
    story.tell().await?;
    Ok(story.demo)
}

struct Story {
    rows: u64,
    tidegate: Tidegate,
    clock: Arc<dyn Clock>,
    events: Arc<dyn EventSink>,
    target: Target,
    demo: Demo,
}

/// Sizes before the change.
struct Sizes {
    heap: i64,
    indexes: i64,
    wal_per_second: f64,
}

impl Story {
    async fn tell(&mut self) -> Result<()> {
        let started = self.begin("release 2.0.0 and the shop's rows");
        self.tidegate
            .must(&["migrate", "apply", "--release", "2.0.0"])
            .await?;
        let session = Session::connect(&self.target, "demo").await?;
        shop::load(&session, self.rows).await?;
        self.end("load", started);

        let stop = CancellationToken::new();
        let watcher = tokio::spawn(locks::watch(
            self.target.clone(),
            Arc::clone(&self.clock),
            stop.clone(),
        ));
        let shared = Arc::new(self.shared()?);
        let mut old = Vec::new();
        for slot in 0..2 {
            old.push(Client::start(&shared, App::Old, "shop/2.0.0", slot).await?);
        }
        let sizes = self.calm(&session, &shared).await?;
        self.rollback_and_again(&shared).await?;
        self.backfill(&session, &shared, &sizes).await?;

        let mut both = Vec::new();
        for slot in 2..4 {
            both.push(Client::start(&shared, App::Both, "shop/2.1.0", slot).await?);
        }
        self.watch_a_while().await;
        let started = self.begin("release 2.2.0: enforce");
        self.tidegate
            .must(&["migrate", "apply", "--release", "2.2.0"])
            .await?;
        self.end("enforce", started);

        let mut new = Vec::new();
        for slot in 4..6 {
            new.push(Client::start(&shared, App::New, "shop/2.2.0", slot).await?);
        }
        self.watch_a_while().await;
        self.contract(old, both).await?;
        self.watch_a_while().await;
        for client in new {
            client.stop().await;
        }
        stop.cancel();
        self.demo.locks = watcher
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))??;
        self.finish(&session, &shared).await
    }

    fn shared(&self) -> Result<Shared> {
        let histogram = || {
            Histogram::new_with_bounds(1, 60_000_000, 3)
                .map_err(|error| Error::new(Kind::Internal, error.to_string()))
        };
        Ok(Shared {
            target: self.target.clone(),
            clock: Arc::clone(&self.clock),
            rows: i64::try_from(self.rows).unwrap_or(i64::MAX),
            users: shop::users(self.rows),
            moment: AtomicU8::new(Moment::Otherwise as u8),
            old: AtomicU64::new(0),
            new: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            writes: AtomicU64::new(0),
            latencies: Mutex::new(vec![histogram()?, histogram()?, histogram()?]),
            error_texts: Mutex::new(Vec::new()),
            expected: Mutex::new(BTreeMap::new()),
        })
    }

    fn begin(&self, what: &str) -> Duration {
        self.events.emit(Event::Note(what.to_owned()));
        self.clock.monotonic()
    }

    fn end(&mut self, name: &str, started: Duration) {
        let seconds = self.clock.monotonic().saturating_sub(started).as_secs_f64();
        self.demo.phases.push(PhaseTime {
            name: name.to_owned(),
            seconds,
        });
    }

    async fn watch_a_while(&self) {
        tokio::time::sleep(Duration::from_millis(1500)).await;
    }

    /// The old app alone: what is normal, and what it writes.
    async fn calm(&mut self, session: &Session, shared: &Shared) -> Result<Sizes> {
        let started = self.begin("the old app alone, to know what is normal");
        tokio::time::sleep(Duration::from_millis(500)).await;
        shared.set_moment(Moment::Before);
        let from = wal(session).await?;
        tokio::time::sleep(Duration::from_secs(5)).await;
        let written = wal(session).await? - from;
        shared.set_moment(Moment::Otherwise);
        self.end("baseline", started);
        let (heap, indexes) = sizes(session).await?;
        Ok(Sizes {
            heap,
            indexes,
            wal_per_second: written / 5.0,
        })
    }

    /// Release 2.1.0 is applied, taken back and (in the next step) applied again.
    async fn rollback_and_again(&mut self, shared: &Shared) -> Result<()> {
        shared.set_moment(Moment::Otherwise);
        let started = self.begin("release 2.1.0: expand, then taken back");
        self.tidegate
            .must(&[
                "migrate",
                "apply",
                "--release",
                "2.1.0",
                "--backfill",
                "skip",
            ])
            .await?;
        self.tidegate
            .must(&["migrate", "rollback", "--release", "2.1.0"])
            .await?;
        self.end("rollback", started);
        Ok(())
    }

    /// Release 2.1.0 again, killed in the middle of its backfill, and once more to its end.
    async fn backfill(&mut self, session: &Session, shared: &Shared, before: &Sizes) -> Result<()> {
        let arguments = ["migrate", "apply", "--release", "2.1.0"];
        let started = self.begin("release 2.1.0: expand and backfill under traffic");
        let from = wal(session).await?;
        shared.set_moment(Moment::During);
        let mut child = self.tidegate.spawn(&arguments)?;
        let killed_at = loop {
            if child.try_wait()?.is_some() {
                break None;
            }
            let share = self.share(session).await?;
            if share.is_some_and(|share| share >= KILL_AT) {
                child.kill().await?;
                break share;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        if let Some(share) = killed_at {
            self.events.emit(Event::Note(format!(
                "killed at {:.0} %; the same command again",
                share * 100.0
            )));
            self.demo.backfill.killed_at_percent = share * 100.0;
        }
        let mut child = self.tidegate.spawn(&arguments)?;
        let mut measured = false;
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break status;
            }
            if !measured && self.finished(session).await? {
                shared.set_moment(Moment::Otherwise);
                self.measure(session, started, from, before).await?;
                measured = true;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        };
        shared.set_moment(Moment::Otherwise);
        if !measured {
            self.measure(session, started, from, before).await?;
        }
        self.end("expand and backfill", started);
        if !status.success() {
            let output = child.wait_with_output().await?;
            return Err(Error::new(
                Kind::DemoFailed,
                format!(
                    "the backfill ended with {status}: {}",
                    String::from_utf8_lossy(&output.stderr)
                ),
            ));
        }
        let job = jobs(&**session)
            .await?
            .into_iter()
            .rfind(|job| job.state == JobState::Done);
        if let Some(job) = job {
            let totals = totals(&**session, job.id).await?;
            self.demo.backfill.rows = u64::try_from(totals.rows_changed).unwrap_or(0);
            self.demo.backfill.hot_percent = totals.hot_percent();
            self.demo.backfill.resumed = killed_at.is_some();
        }
        Ok(())
    }

    /// Share of the rows that the running job has walked.
    async fn share(&self, session: &Session) -> Result<Option<f64>> {
        let there: bool = session
            .query_one(
                "select exists (select from tidegate.backfill_job where state = 'running')",
                &[],
            )
            .await?
            .get(0);
        if !there {
            return Ok(None);
        }
        let Some(job) = jobs(&**session)
            .await?
            .into_iter()
            .rfind(|job| job.state == JobState::Running)
        else {
            return Ok(None);
        };
        let totals = totals(&**session, job.id).await?;
        Ok((totals.rows_total > 0.0).then(|| totals.rows_walked / totals.rows_total))
    }

    async fn finished(&self, session: &Session) -> Result<bool> {
        Ok(jobs(&**session)
            .await?
            .last()
            .is_some_and(|job| job.state == JobState::Done))
    }

    #[expect(clippy::cast_precision_loss, reason = "figures for people")]
    async fn measure(
        &mut self,
        session: &Session,
        started: Duration,
        from: f64,
        before: &Sizes,
    ) -> Result<()> {
        let seconds = self.clock.monotonic().saturating_sub(started).as_secs_f64();
        let written = wal(session).await? - from - before.wal_per_second * seconds;
        let (heap, indexes) = sizes(session).await?;
        let growth = |now: i64, then: i64| (now - then) as f64 * 100.0 / then.max(1) as f64;
        let figures = &mut self.demo.backfill;
        figures.seconds = seconds;
        figures.wal_bytes_per_row = written.max(0.0) / self.rows as f64;
        figures.heap_growth_percent = growth(heap, before.heap);
        figures.index_growth_percent = growth(indexes, before.indexes);
        Ok(())
    }

    /// Contract is refused while an older app is connected, and done when the last one has gone.
    async fn contract(&mut self, old: Vec<Client>, both: Vec<Client>) -> Result<()> {
        let started = self.begin("release 2.3.0: contract, refused while old apps run");
        let refused = self
            .tidegate
            .call(&["migrate", "apply", "--release", "2.3.0"])
            .await?;
        let error: serde_json::Value =
            serde_json::from_str(refused.stderr.lines().last().unwrap_or_default())
                .unwrap_or_default();
        self.demo.gates = error["details"]
            .as_array()
            .map(|lines| {
                lines
                    .iter()
                    .filter_map(|line| line.as_str().map(str::to_owned))
                    .collect()
            })
            .unwrap_or_default();
        let by_gate = self
            .demo
            .gates
            .iter()
            .any(|gate| gate.starts_with("closed") && gate.contains("app versions"));
        self.demo.check(
            "contract waits for the old app",
            refused.code == i32::from(Kind::GateClosed.policy().exit) && by_gate,
            format!("exit code {}", refused.code),
        );
        for client in old.into_iter().chain(both) {
            client.stop().await;
        }
        self.tidegate
            .must(&["migrate", "apply", "--release", "2.3.0", "--wait", "10s"])
            .await?;
        self.end("contract", started);
        Ok(())
    }

    async fn finish(&mut self, session: &Session, shared: &Shared) -> Result<()> {
        let started = self.begin("every acknowledged write is compared with the table");
        let expected = std::mem::take(
            &mut *shared
                .expected
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        let compared = compare(session, shared.rows, shared.users, expected).await?;
        self.end("comparison", started);
        let traffic = &mut self.demo.traffic;
        traffic.old_statements = shared.old.load(Ordering::Relaxed);
        traffic.new_statements = shared.new.load(Ordering::Relaxed);
        traffic.errors = shared.errors.load(Ordering::Relaxed);
        traffic.writes = shared.writes.load(Ordering::Relaxed);
        traffic.error_texts.clone_from(
            &shared
                .error_texts
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        );
        traffic.lost_writes = compared.wrong + compared.missing + compared.extra;
        traffic.p50_before_ms = shared.quantile(Moment::Before, 0.5);
        traffic.p50_during_ms = shared.quantile(Moment::During, 0.5);
        traffic.p99_before_ms = shared.quantile(Moment::Before, 0.99);
        traffic.p99_during_ms = shared.quantile(Moment::During, 0.99);
        traffic.p99_ratio = traffic.p99_during_ms / traffic.p99_before_ms.max(0.001);
        let (errors, lost) = (traffic.errors, traffic.lost_writes);
        let first = traffic.error_texts.first().cloned().unwrap_or_default();
        self.demo.check(
            "no statement failed",
            errors == 0,
            format!("{errors} errors {first}"),
        );
        self.demo.check(
            "no write was lost",
            lost == 0,
            format!(
                "{} rows: {} wrong, {} missing, {} extra",
                compared.rows, compared.wrong, compared.missing, compared.extra
            ),
        );
        let audit = self.tidegate.call(&["audit", "verify"]).await?;
        self.demo.check(
            "the audit log's chain holds",
            audit.code == 0,
            format!("exit code {}", audit.code),
        );
        let verify = self.tidegate.call(&["migrate", "verify"]).await?;
        self.demo.check(
            "the database is what the ledger says",
            verify.code == 0,
            format!("exit code {}", verify.code),
        );
        self.demo.passed = self.demo.checks.iter().all(|check| check.passed);
        Ok(())
    }
}

/// Position in the WAL, in bytes.
async fn wal(session: &Session) -> Result<f64> {
    Ok(session
        .query_one(
            "select pg_catalog.pg_wal_lsn_diff(pg_catalog.pg_current_wal_lsn(), '0/0')::float8",
            &[],
        )
        .await?
        .get(0))
}

/// Bytes of the table, and of the indexes that it was loaded with.
async fn sizes(session: &Session) -> Result<(i64, i64)> {
    let row = session
        .query_one(
            "select pg_catalog.pg_relation_size('public.transactions'), \
             pg_catalog.pg_relation_size('public.transactions_pkey') \
             + pg_catalog.pg_relation_size('public.transactions_account_email_idx')",
            &[],
        )
        .await?;
    Ok((row.get(0), row.get(1)))
}
