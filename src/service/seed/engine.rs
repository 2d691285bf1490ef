//! One run: planned or gone on with, loaded, put back, proven to have left the schema as it was.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::abandon::abandon;
use super::already::{LOOKED_AT, already, unanswered};
use super::give_up::{give_up, nothing_loaded};
use super::hooks::{hooks, with_partitions};
use super::load::load;
use super::make::Maker;
use super::put_back::put_back;
use super::rehearse::{is_of_rows, rehearse};
use super::request::Request;
use super::session::open;
use super::standing::is_empty;
use super::{finish, keys, refuse, unhook};
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::config::Target;
use crate::control::Control;
use crate::control::seed as ledger;
use crate::control::seed::{RunRecord, RunState, Start};
use crate::error::{Error, Kind, Result};
use crate::generate::SeedPlan;
use crate::job::{Event, EventSink};
use crate::postgres::{Session, introspect};
use crate::service::copy::refresh_views;
use crate::sql::QualifiedName;

/// The advisory lock of seedings: its number is this, and the database's own.
const LOCK: i32 = 0x7469_7365;
/// A process that was killed a moment ago is given some time to be noticed by the server.
const LOCK_TRIES: u32 = 30;
const LOCK_PAUSE: Duration = Duration::from_millis(100);

/// Limits of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Workers, each with a connection: 1 to 64.
    pub workers: usize,
    /// Rows of one range, at most.
    pub chunk_rows: u64,
    /// Bytes of one range, at most, estimated.
    pub chunk_bytes: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            workers: 2,
            chunk_rows: 64 << 10,
            chunk_bytes: 16 << 20,
        }
    }
}

/// Seeds one database.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The database.
    pub target: Target,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Asks the run to stop; it can be gone on with.
    pub cancel: CancellationToken,
    /// Limits.
    pub options: Options,
    /// Whether rows that others wrote into tables of an unfinished run may go with it.
    pub consent: bool,
}

/// What a run has written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Number of the run.
    pub run: i64,
    /// Hash of its plan.
    pub plan: String,
    /// Where all random numbers came from.
    pub seed: u64,
    /// Rows of all tables.
    pub rows: u64,
    /// Bytes of all rows as COPY takes them.
    pub bytes: u64,
    /// Whether an earlier process had begun it.
    pub resumed: bool,
    /// Whether an earlier process had ended it: nothing was written.
    pub already: bool,
    /// When it was ended already: what was compared before that was said.
    pub looked_at: Vec<String>,
    /// Seconds of writing rows in this process.
    pub load_seconds: f64,
    /// Seconds in all.
    pub seconds: f64,
    /// By table, in the order of the plan.
    pub tables: Vec<TableOutcome>,
    /// What a person should know.
    pub notes: Vec<String>,
}

/// What a run has written into one table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableOutcome {
    /// Its name.
    pub table: String,
    /// Rows.
    pub rows: u64,
    /// Sum over a hash of each row, independent of their order.
    pub digest: String,
}

/// The error of a run that was asked to stop.
pub(super) fn stopped() -> Error {
    Error::new(
        Kind::Cancelled,
        "the seeding was stopped; finished ranges are kept",
    )
    .hint("the same command goes on; tidegate seed run --abandon takes it back")
}

/// Rows are added to those of runs that have ended: taking the unfinished one back, or going on with
/// it, are both not what was asked for.
fn unfinished(run: i64) -> Error {
    Error::new(
        Kind::SeedRefused,
        format!("run {run} of another request is unfinished, and --extend adds to what has ended"),
    )
    .hint("its own command goes on with it; tidegate seed run --abandon takes it back")
}

/// Refuses tables that hold rows which this plan's do not follow: nothing proves that both fit
/// together.
fn refuse_full(plan: &SeedPlan, empty: &BTreeSet<QualifiedName>) -> Result<()> {
    let full = plan
        .tables
        .iter()
        .find(|table| table.rows > 0 && table.first == 0 && !empty.contains(&table.name));
    let Some(table) = full else {
        return Ok(());
    };
    let name = table.name.plain();
    Err(
        Error::new(Kind::SeedPlan, format!("{name} holds rows already")).hint(
            "--extend adds to the rows of earlier runs with the same seed; --table seeds others; \
         tidegate seed reset brings a saved state back",
        ),
    )
}

impl Engine {
    /// Seeds by the plan that `plan` makes; goes on with an unfinished run of an equal `request`.
    /// An unfinished run of another one is taken back first. A run that has ended and whose rows are
    /// all there is not done again, unless the request adds rows. `plan` is called only when a new run
    /// begins, with the database as it should be.
    ///
    /// # Errors
    /// [`Kind::RunnerBusy`], [`Kind::SeedRefused`], [`Kind::SeedChanged`], [`Kind::PlanStale`],
    /// [`Kind::SeedPlan`], [`Kind::SeedStuck`], [`Kind::Cancelled`], those of the database.
    pub async fn run<F>(&self, request: &Request, plan: impl FnOnce() -> F) -> Result<Outcome>
    where
        F: Future<Output = Result<SeedPlan>>,
    {
        let began = self.clock.monotonic();
        let text = request.text()?;
        let session = self.open().await?;
        let mut resumed = None;
        if let Some(run) = ledger::unfinished(&*session).await? {
            if run.request == text && run.state != RunState::Abandoning {
                self.note("going on with an unfinished run");
                resumed = Some(run);
            } else if request.adds() && run.state != RunState::Abandoning {
                return Err(unfinished(run.id));
            } else {
                self.note("taking an unfinished run of another plan back");
                if let Some(remark) = abandon(self, &run).await? {
                    self.note(&remark);
                }
            }
        }
        let is_new = resumed.is_none();
        let mut remarks = Vec::new();
        if is_new {
            let ended = if request.adds() {
                unanswered(&session, &text, &mut remarks).await?
            } else {
                already(self, &session, &text).await?
            };
            if let Some(run) = ended {
                return self.again(&session, &run, began).await;
            }
        }
        let (run, maker, catalog) = match resumed {
            Some(run) => self.prepare(&session, run).await?,
            None => self.begin(&text, plan().await?, &mut remarks).await?,
        };
        if run.state == RunState::Loading {
            self.note("indexes, constraints and triggers are taken off");
            let taken = unhook::take_off(self, &run, &catalog).await;
            match taken {
                Ok(more) => remarks.extend(more),
                Err(error) if is_new => return Err(nothing_loaded(self, &run, error).await),
                Err(error) => return Err(give_up(self, &run, error).await),
            }
        }
        drop(catalog);
        let (load_seconds, more) = match self.work(&session, &run, &maker).await {
            Ok(worked) => worked,
            Err(error) => return Err(give_up(self, &run, error).await),
        };
        remarks.extend(more);
        let mut outcome = self.outcome(&session, &run, remarks).await?;
        ledger::end(&*session, run.id, true).await?;
        outcome.resumed = !is_new;
        outcome.load_seconds = load_seconds;
        outcome.seconds = self.since(began);
        Ok(outcome)
    }

    /// Writes the rows that are not written and puts everything back. Returns seconds of writing, and
    /// remarks.
    async fn work(
        &self,
        session: &Session,
        run: &RunRecord,
        maker: &Maker,
    ) -> Result<(f64, Vec<String>)> {
        let loading = self.clock.monotonic();
        if run.state == RunState::Loading {
            self.note(&format!("{} rows", run.plan.rows()));
            load(self, maker, run.id).await?;
            ledger::set_state(&**session, run.id, RunState::Loaded).await?;
        }
        let load_seconds = self.since(loading);
        Ok((load_seconds, self.complete(session, run).await?))
    }

    /// The answer of a run that had ended.
    async fn again(&self, session: &Session, run: &RunRecord, began: Duration) -> Result<Outcome> {
        let looked_at = if run.adds() {
            &LOOKED_AT[1..]
        } else {
            &LOOKED_AT
        };
        let mut outcome = self.outcome(session, run, Vec::new()).await?;
        outcome.already = true;
        outcome.looked_at = looked_at.iter().map(ToString::to_string).collect();
        outcome.seconds = self.since(began);
        Ok(outcome)
    }

    /// Takes an unfinished run back; `None` when there was none, else remarks.
    ///
    /// # Errors
    /// [`Kind::RunnerBusy`], [`Kind::SeedRefused`], those of the database.
    pub async fn abandon(&self) -> Result<Option<Vec<String>>> {
        let session = self.open().await?;
        let Some(run) = ledger::unfinished(&*session).await? else {
            return Ok(None);
        };
        let remark = abandon(self, &run).await?;
        Ok(Some(remark.into_iter().collect()))
    }

    /// The session that holds the lock of this run.
    async fn open(&self) -> Result<Session> {
        let session = self.session().await?;
        refuse::refuse_standby(&session).await?;
        for _ in 0..LOCK_TRIES {
            let row = session
                .query_one("select pg_catalog.pg_try_advisory_lock($1, 0)", &[&LOCK])
                .await?;
            if row.get(0) {
                Control::open(&self.target).await?.pool().close().await;
                return Ok(session);
            }
            tokio::time::sleep(LOCK_PAUSE).await;
        }
        Err(Error::new(
            Kind::RunnerBusy,
            format!("another seeding of {} is under way", self.target.label()),
        )
        .hint("run it again when that has ended"))
    }

    /// See [`open`].
    pub(super) async fn session(&self) -> Result<Session> {
        open(&self.target).await
    }

    pub(super) async fn introspect(&self) -> Result<Catalog> {
        introspect(&Session::connect(&self.target, "seed").await?).await
    }

    /// A run that a process has begun.
    async fn prepare(
        &self,
        session: &Session,
        run: RunRecord,
    ) -> Result<(RunRecord, Maker, Catalog)> {
        let catalog = self.introspect().await?;
        let keys = keys::read(session, &catalog, &run.plan).await?;
        let ready = Maker::ready(run.plan.clone(), keys);
        let maker = self.unless_stopped(ready).await?;
        Ok((run, maker, catalog))
    }

    /// Proves what can be proven before the first row, and records the run.
    async fn begin(
        &self,
        request: &str,
        plan: SeedPlan,
        remarks: &mut Vec<String>,
    ) -> Result<(RunRecord, Maker, Catalog)> {
        let mut session = self.session().await?;
        let catalog = self.introspect().await?;
        if catalog.fingerprint().as_str() != plan.fingerprint {
            return Err(Error::new(
                Kind::PlanStale,
                format!("the schema of {} is not the plan's", self.target.label()),
            ));
        }
        refuse::refuse_database(&session, &plan).await?;
        let keys = keys::read(&session, &catalog, &plan).await?;
        let ready = Maker::ready(plan.clone(), keys);
        let maker = self.unless_stopped(ready).await?;
        self.note("some rows of each table are tried");
        let tried = rehearse(&mut session, &maker, &self.cancel);
        remarks.extend(self.unless_stopped(tried).await?);
        let planned: Vec<_> = plan.tables.iter().map(|table| table.name.clone()).collect();
        let planned = with_partitions(&catalog, planned);
        let mut empty = BTreeSet::new();
        for table in planned.iter().filter_map(|name| catalog.table(name)) {
            if is_empty(&session, table).await? {
                empty.insert(table.name.clone());
            }
        }
        refuse_full(&plan, &empty)?;
        let hooks = hooks(&catalog, &planned, &empty);
        refuse::refuse_unable(&session, &catalog, &hooks).await?;
        let Options {
            chunk_rows,
            chunk_bytes,
            ..
        } = self.options;
        let starts: Vec<Start> = (plan.tables.iter().enumerate())
            .map(|(at, table)| Start {
                was_empty: empty.contains(&table.name),
                chunk_rows: maker.rows_in(at, chunk_bytes, chunk_rows),
            })
            .collect();
        self.check()?;
        let transaction = session.transaction().await?;
        let id = ledger::create(&transaction, request, &plan, &starts).await?;
        transaction.commit().await?;
        let run = RunRecord {
            id,
            request: request.to_owned(),
            plan,
            state: RunState::Loading,
        };
        Ok((run, maker, catalog))
    }

    /// Everything that follows the rows. Returns remarks.
    async fn complete(&self, session: &Session, run: &RunRecord) -> Result<Vec<String>> {
        self.note("indexes, constraints and triggers are put back");
        put_back(self, run.id).await?;
        self.check()?;
        let mut remarks = finish::sequences(session, &run.plan).await?;
        self.note("statistics and materialized views");
        finish::analyze(session, &run.plan).await?;
        let catalog = self.introspect().await?;
        remarks.extend(refresh_views(session, &catalog, is_of_rows).await?);
        if catalog.fingerprint().as_str() == run.plan.fingerprint {
            return Ok(remarks);
        }
        Err(Error::new(
            Kind::Drift,
            format!(
                "the schema of {} is not what it was before the seeding",
                self.target.label()
            ),
        )
        .hint("somebody changed it meanwhile; tidegate seed run --abandon takes the rows back"))
    }

    async fn outcome(
        &self,
        session: &Session,
        run: &RunRecord,
        remarks: Vec<String>,
    ) -> Result<Outcome> {
        let sums = ledger::sums(&**session, run.id).await?;
        let tables = run.plan.tables.iter().enumerate().map(|(at, table)| {
            let sum = sums.get(&at).copied().unwrap_or_default();
            TableOutcome {
                table: table.name.plain(),
                rows: sum.rows,
                digest: sum.digest(),
            }
        });
        Ok(Outcome {
            run: run.id,
            plan: run.plan.hash()?,
            seed: run.plan.seed,
            rows: sums.values().map(|sum| sum.rows).sum(),
            bytes: sums.values().map(|sum| sum.bytes).sum(),
            resumed: false,
            already: false,
            looked_at: Vec::new(),
            load_seconds: 0.0,
            seconds: 0.0,
            tables: tables.collect(),
            notes: run.plan.notes.iter().cloned().chain(remarks).collect(),
        })
    }

    /// Stops here when that was asked for.
    pub(super) fn check(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(stopped());
        }
        Ok(())
    }

    /// What `work` gives, unless the run is asked to stop before: then it is left as it is, which fits
    /// only what writes nothing.
    async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.cancel.cancelled() => Err(stopped()),
            made = work => made,
        }
    }

    pub(super) fn note(&self, text: &str) {
        self.events.emit(Event::Note(text.to_owned()));
    }

    fn since(&self, then: Duration) -> f64 {
        self.clock.monotonic().saturating_sub(then).as_secs_f64()
    }
}
