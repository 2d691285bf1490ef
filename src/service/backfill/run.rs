//! What the workers and the monitor of one run share.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::engine::Options;
use super::turnstile::Turnstile;
use crate::backfill::{
    ChunkSize, Decision, HashKind, JobId, Settings, Spec, Statements, StripeCount, WindowSize,
    initial_stripes,
};
use crate::clock::Clock;
use crate::config::Target;
use crate::control::backfill::TargetRecord;
use crate::error::{Error, Kind, Result};
use crate::job::EventSink;
use crate::postgres::{Scope, Session, search_path};

/// Rows of the first chunk.
const FIRST_CHUNK: u64 = 2_000;

/// The share of a table's rows that one chunk may lock while the application is at work: one
/// statement in some thousands at most then meets a locked row, which leaves its p99 alone.
const BUSY_SHARE: f64 = 0.000_25;

/// The same while nobody else is there.
const CALM_SHARE: f64 = 0.01;

/// A chunk of this many rows is always allowed: it takes a millisecond or two.
const SMALLEST_SHARE: f64 = 250.0;

/// A rest between two chunks, at most.
const LONGEST_REST: Duration = Duration::from_secs(2);

/// One run of one job by this process.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) target: Target,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) events: Arc<dyn EventSink>,
    pub(super) cancel: CancellationToken,
    /// Set when one worker met an error that ends the run.
    pub(super) stop: CancellationToken,
    pub(super) options: Options,
    pub(super) job: JobId,
    pub(super) spec: Spec,
    pub(super) hash: HashKind,
    pub(super) targets: Vec<TargetRecord>,
    pub(super) decision: watch::Sender<Decision>,
    pub(super) working: AtomicUsize,
    /// Whether a worker found nothing left.
    pub(super) finished: AtomicBool,
    /// Whether the application is at work.
    pub(super) busy: AtomicBool,
    shared: Mutex<Shared>,
    chunks_left: AtomicI64,
    pub(super) turnstile: Turnstile,
}

#[derive(Debug)]
struct Shared {
    settings: Settings,
    request: Option<String>,
    size: ChunkSize,
    stripes: HashMap<i32, StripeCount>,
    pids: BTreeSet<i32>,
}

/// What a worker does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Go {
    /// Runs its chunk.
    On,
    /// Gives its window to the first worker, which goes on alone.
    Yield,
}

/// What a run is made of besides the engine's own parts.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) job: JobId,
    pub(super) spec: Spec,
    pub(super) hash: HashKind,
    pub(super) targets: Vec<TargetRecord>,
    pub(super) settings: Settings,
}

impl Run {
    pub(super) fn new(engine: &super::Engine, subject: Subject) -> Arc<Self> {
        let chunks_left = engine.options.max_chunks.unwrap_or(u64::MAX);
        Arc::new(Self {
            target: engine.target.clone(),
            clock: Arc::clone(&engine.clock),
            events: Arc::clone(&engine.events),
            cancel: engine.cancel.clone(),
            stop: CancellationToken::new(),
            options: engine.options.clone(),
            job: subject.job,
            spec: subject.spec,
            hash: subject.hash,
            targets: subject.targets,
            decision: watch::channel(Decision::Full).0,
            working: AtomicUsize::new(0),
            finished: AtomicBool::new(false),
            busy: AtomicBool::new(false),
            shared: Mutex::new(Shared {
                settings: subject.settings,
                request: None,
                size: ChunkSize::new(FIRST_CHUNK),
                stripes: HashMap::new(),
                pids: BTreeSet::new(),
            }),
            turnstile: Turnstile::default(),
            chunks_left: AtomicI64::new(i64::try_from(chunks_left).unwrap_or(i64::MAX)),
        })
    }

    fn shared(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn settings(&self) -> Settings {
        self.shared().settings.clone()
    }

    /// Takes in what the ledger says now.
    pub(super) fn heed(&self, settings: Settings, request: Option<String>) {
        let mut shared = self.shared();
        shared.settings = settings;
        shared.request = request;
    }

    pub(super) fn pids(&self) -> Vec<i32> {
        self.shared().pids.iter().copied().collect()
    }

    pub(super) fn chunk_p90(&self) -> Duration {
        self.shared().size.p90()
    }

    pub(super) fn target(&self, ordinal: i32) -> Result<&TargetRecord> {
        self.targets
            .iter()
            .find(|target| target.ordinal == ordinal)
            .ok_or_else(|| Error::new(Kind::Internal, format!("no target {ordinal} in the job")))
    }

    pub(super) fn statements<'a>(&'a self, target: &'a TargetRecord) -> Statements<'a> {
        Statements {
            spec: &self.spec,
            target: &target.name,
            key: target.key.as_ref(),
            hash: self.hash,
        }
    }

    /// Blocks and stripes of the next window of `target`.
    pub(super) fn cut(&self, target: &TargetRecord) -> (i64, i32) {
        let mut shared = self.shared();
        let settings = shared.settings.clone();
        let rows_per_page = target.rows / (target.blocks.max(1) as f64);
        let fillfactor = f64::from(target.fillfactor.clamp(10, 100));
        let free = (100.0 - fillfactor) / fillfactor;
        let chosen = shared
            .stripes
            .entry(target.ordinal)
            .or_insert_with(|| {
                StripeCount::new(initial_stripes(rows_per_page, free, target.key.is_some()))
            })
            .get();
        let stripes = settings
            .stripes
            .unwrap_or(chosen)
            .clamp(1, 256)
            .next_power_of_two();
        let share = if self.busy.load(Ordering::Relaxed) && settings.throttle {
            BUSY_SHARE
        } else {
            CALM_SHARE
        };
        let share_rows = (target.rows * share).max(SMALLEST_SHARE);
        shared.size.adapt(settings.chunk_target());
        let chunk_rows = shared.size.rows().min(share_rows);
        shared
            .size
            .cap(settings.window_rows as f64 / f64::from(stripes));
        let size = WindowSize {
            rows_per_page,
            window_rows: settings.window_rows,
        };
        (
            size.blocks(chunk_rows, stripes),
            i32::try_from(stripes).unwrap_or(1),
        )
    }

    pub(super) fn chunk_took(&self, took: Duration) {
        self.shared().size.observe(took);
    }

    pub(super) fn smaller_chunks(&self) {
        self.shared().size.halve();
    }

    pub(super) fn window_hot(&self, ordinal: i32, stripes: i32, hot: f64) {
        if let Some(count) = self.shared().stripes.get_mut(&ordinal) {
            count.observe(u32::try_from(stripes).unwrap_or(1), hot);
        }
    }

    /// Opens a connection that may run the user's expressions.
    pub(super) async fn connect(&self, purpose: &str) -> Result<Session> {
        let session = connect(&self.target, purpose).await?;
        let timeout = self.settings().chunk_timeout_ms.max(1);
        session
            .batch_execute(&format!(
                "set tidegate.backfill = 'on'; set synchronous_commit = off; \
                 set statement_timeout = {timeout}; set lock_timeout = '2s'"
            ))
            .await?;
        Ok(session)
    }

    pub(super) fn joined(&self, pid: i32) {
        self.shared().pids.insert(pid);
    }

    pub(super) fn left(&self, pid: i32) {
        self.shared().pids.remove(&pid);
    }

    /// Whether the run must end now, as the error that says why.
    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(
                Kind::Cancelled,
                format!(
                    "{}: stopped; all finished chunks are kept",
                    self.spec.title()
                ),
            )
            .hint(format!("tidegate backfill run {} goes on", self.job)));
        }
        if self.stop.is_cancelled() {
            return Err(Error::new(Kind::Interrupted, "another worker failed"));
        }
        match self.shared().request.as_deref() {
            Some("pause") => Err(Error::new(
                Kind::JobPaused,
                format!("{} is paused", self.spec.title()),
            )
            .hint(format!("tidegate backfill resume {}", self.job))),
            Some("cancel") => Err(Error::new(
                Kind::Cancelled,
                format!("job {} was cancelled", self.job),
            )
            .hint("its finished chunks are kept")),
            _ => Ok(()),
        }
    }

    /// Called before each chunk: ends the run when it must end, else rests as the throttle says.
    pub(super) async fn before_chunk(&self, index: usize, last: Duration) -> Result<Go> {
        self.check()?;
        if self.chunks_left.fetch_sub(1, Ordering::Relaxed) <= 0 {
            return Err(Error::new(
                Kind::Interrupted,
                format!("{}: the limit of chunks is reached", self.spec.title()),
            )
            .hint(format!("tidegate backfill run {} goes on", self.job)));
        }
        let began = self.clock.monotonic();
        let mut decision = self.decision.subscribe();
        loop {
            let now = decision.borrow_and_update().clone();
            match now {
                Decision::Full => return Ok(Go::On),
                Decision::Slow(..) if index > 0 => return Ok(Go::Yield),
                Decision::Slow(rest, _) => {
                    let pause = last.mul_f64(rest.clamp(0.0, 100.0)).min(LONGEST_REST);
                    self.sleep(pause).await;
                    self.check()?;
                    return Ok(Go::On);
                }
                Decision::Stop(reason) => {
                    if self.clock.monotonic().saturating_sub(began) > self.options.longest_hold {
                        return Err(Error::new(
                            Kind::Throttled,
                            format!("{} was held back by: {reason}", self.spec.title()),
                        ));
                    }
                    self.wait_for_change(&mut decision).await;
                    self.check()?;
                }
            }
        }
    }

    /// Rests after a range of the verification as the throttle says; never longer than a while,
    /// since reading harms less than writing.
    pub(super) async fn after_range(&self, took: Duration) -> Result<()> {
        let rest = match &*self.decision.borrow() {
            Decision::Full => Duration::ZERO,
            Decision::Slow(rest, _) => took.mul_f64(rest.clamp(0.0, 10.0)),
            Decision::Stop(_) => took * 10,
        };
        self.sleep(rest.min(LONGEST_REST)).await;
        self.check()
    }

    /// Whether the worker must leave the work to the first one for now.
    pub(super) fn stands_by(&self, index: usize) -> bool {
        index > 0 && matches!(*self.decision.borrow(), Decision::Slow(..))
    }

    async fn wait_for_change(&self, decision: &mut watch::Receiver<Decision>) {
        tokio::select! {
            () = self.sleep(Duration::from_millis(500)) => {}
            _ = decision.changed() => {}
        }
    }

    /// Sleeps, but not longer than the run lasts.
    pub(super) async fn sleep(&self, time: Duration) {
        tokio::select! {
            () = tokio::time::sleep(time) => {}
            () = self.cancel.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
    }
}

/// A session under the project's `search_path`, where each statement is planned for its own block
/// range (a generic plan could choose to read the whole table).
pub(super) async fn connect(target: &Target, purpose: &str) -> Result<Session> {
    let session = Session::connect(target, purpose).await?;
    let path = search_path(&target.search_path, Scope::Session)?;
    let sql = format!("{path}; set plan_cache_mode = force_custom_plan; set jit = off");
    session.batch_execute(&sql).await?;
    Ok(session)
}
