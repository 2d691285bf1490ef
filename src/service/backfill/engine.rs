//! The engine: makes jobs, runs them to their verified end.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio_postgres::GenericClient;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use super::monitor::Monitor;
use super::run::{Run, Subject};
use super::verify::Verifier;
use super::worker;
use crate::backfill::{JobId, Settings, Spec, Take, Verification};
use crate::clock::Clock;
use crate::config::Target;
use crate::control::backfill::{self as ledger, JobRecord, Totals};
use crate::error::{Error, Kind, Result};
use crate::job::{EventSink, JobState};
use crate::postgres::Session;

/// Repairs before the engine gives up: each must find less than the one before.
const SWEEPS: u32 = 5;

/// What a run may do; its limits on the job itself are [`Settings`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Limits for jobs that are created.
    pub settings: Settings,
    /// Chunks after which the run stops and can be resumed.
    pub max_chunks: Option<u64>,
    /// How long a broken connection is made anew before the run gives up.
    pub reconnect_for: Duration,
    /// How long a window belongs to a worker that gives no sign.
    pub lease: Duration,
    /// How long the throttle may hold a worker before the run gives up.
    pub longest_hold: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            settings: Settings::default(),
            max_chunks: None,
            reconnect_for: Duration::from_secs(60),
            lease: Duration::from_secs(60),
            longest_hold: Duration::from_secs(3600),
        }
    }
}

/// How a job ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Outcome {
    /// The job.
    pub job: JobId,
    /// Sums over its chunks.
    pub totals: Totals,
    /// The verification that let it be done.
    pub verification: Verification,
}

/// Runs backfills on one database. The control schema must be there.
#[derive(Debug, Clone)]
pub struct Engine {
    /// The database.
    pub target: Target,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
    /// Ends a run at the next chunk.
    pub cancel: CancellationToken,
    /// What runs may do.
    pub options: Options,
}

impl Engine {
    /// An engine with the default options.
    #[must_use]
    pub fn new(
        target: Target,
        clock: Arc<dyn Clock>,
        events: Arc<dyn EventSink>,
        cancel: CancellationToken,
    ) -> Self {
        Self {
            target,
            clock,
            events,
            cancel,
            options: Options::default(),
        }
    }

    /// The same engine with other options.
    #[must_use]
    pub fn with(mut self, options: Options) -> Self {
        self.options = options;
        self
    }

    /// Records the job of `spec`, or gives the one that is there: one per change, table and column.
    ///
    /// # Errors
    /// A table or column that is not there; the database out of reach.
    pub async fn create(&self, spec: &Spec) -> Result<JobId> {
        let mut session = Session::connect(&self.target, "backfill").await?;
        let transaction = session.transaction().await?;
        let id = self.create_in(&transaction, spec).await?;
        transaction.commit().await?;
        Ok(id)
    }

    /// As [`Engine::create`], inside the caller's transaction: made together with the column and
    /// its trigger, the job covers every row that was there before.
    ///
    /// # Errors
    /// A table or column that is not there.
    pub async fn create_in(&self, client: &impl GenericClient, spec: &Spec) -> Result<JobId> {
        ledger::create(client, spec, &self.options.settings).await
    }

    /// Runs a job until it is done and verified, or goes on with one that was interrupted. Several
    /// processes may run one job at once.
    ///
    /// # Errors
    /// [`Kind::Cancelled`], [`Kind::JobPaused`], [`Kind::Interrupted`], [`Kind::ConnectionLost`]
    /// and [`Kind::Throttled`] leave the job ready to be run again;
    /// [`Kind::QuarantineFull`], [`Kind::VerifyFailed`] and errors of SQL mark it as failed.
    pub async fn run(&self, id: JobId) -> Result<Outcome> {
        let session = Session::connect(&self.target, "backfill").await?;
        let job = ledger::job(&*session, id).await?;
        match job.state {
            JobState::Done => return self.outcome(&session, job).await,
            JobState::Paused => {
                return Err(
                    Error::new(Kind::JobPaused, format!("{} is paused", job.spec.title()))
                        .hint(format!("tidegate backfill resume {id}")),
                );
            }
            _ => ledger::start(&*session, id).await?,
        }
        let result = self.run_started(&session, job).await;
        if let Err(error) = &result {
            let state = match error.kind() {
                Kind::JobPaused => Some(JobState::Paused),
                Kind::Cancelled if !self.cancel.is_cancelled() => Some(JobState::Cancelled),
                Kind::Cancelled
                | Kind::Interrupted
                | Kind::ConnectionLost
                | Kind::Unreachable
                | Kind::Throttled
                | Kind::LockTimeout
                | Kind::DiskFull => None,
                _ => Some(JobState::Failed),
            };
            if let Some(state) = state {
                ledger::set_state(&*session, id, state, Some(&error.to_string())).await?;
            }
        }
        result
    }

    async fn run_started(&self, session: &Session, job: JobRecord) -> Result<Outcome> {
        let run = self.subject(session, &job).await?;
        let monitor = Monitor::calibrate(&run).await?;
        let monitor = AbortOnDropHandle::new(tokio::spawn(monitor.watch()));
        let walked = walk_with_workers(&run).await;
        let finished = match walked {
            Ok(()) => self.finish(&run).await,
            Err(error) => Err(error),
        };
        drop(monitor);
        let verification = finished?;
        let totals = ledger::totals(&**session, job.id).await?;
        Ok(Outcome {
            job: job.id,
            totals,
            verification,
        })
    }

    async fn subject(&self, session: &Session, job: &JobRecord) -> Result<Arc<Run>> {
        let targets = ledger::targets(&**session, job.id).await?;
        Ok(Run::new(
            self,
            Subject {
                job: job.id,
                spec: job.spec.clone(),
                hash: job.hash,
                targets,
                settings: job.settings.clone(),
            },
        ))
    }

    async fn outcome(&self, session: &Session, job: JobRecord) -> Result<Outcome> {
        Ok(Outcome {
            job: job.id,
            totals: ledger::totals(&**session, job.id).await?,
            verification: job.verification.unwrap_or_default(),
        })
    }

    /// Verifies, repairs what differs, and closes the job.
    async fn finish(&self, run: &Arc<Run>) -> Result<Verification> {
        let verifier = Verifier::connect(run).await?;
        // Until now nothing promised that the new column holds anything: the old one is right.
        let verification = verifier.sweep(SWEEPS, Some(Take::Old)).await?;
        let session = &verifier.session;
        ledger::note_verification(&**session, run.job, &verification).await?;
        judge(run, &verification)?;
        ledger::set_state(&**session, run.job, JobState::Done, None).await?;
        Ok(verification)
    }

    /// Counts what the job's column holds now, and records the result. Changes no row.
    ///
    /// # Errors
    /// The database is out of reach; no such job.
    pub async fn verify(&self, id: JobId) -> Result<Verification> {
        let session = Session::connect(&self.target, "backfill").await?;
        let job = ledger::job(&*session, id).await?;
        let run = self.subject(&session, &job).await?;
        let verification = Verifier::connect(&run).await?.verify().await?;
        ledger::note_verification(&*session, id, &verification).await?;
        Ok(verification)
    }

    /// Verifies and repairs, again until nothing is found or nothing gets better; records the
    /// result. For rows that somebody changed behind the trigger's back: those without a value are
    /// filled, those whose columns disagree are only counted unless a side is taken.
    ///
    /// # Errors
    /// The database is out of reach; no such job; a row that cannot be converted.
    pub async fn sweep(&self, id: JobId, take: Option<Take>) -> Result<Verification> {
        let session = Session::connect(&self.target, "backfill").await?;
        let job = ledger::job(&*session, id).await?;
        let run = self.subject(&session, &job).await?;
        let verifier = Verifier::connect(&run).await?;
        let verification = verifier.sweep(SWEEPS, take).await?;
        ledger::note_verification(&*session, id, &verification).await?;
        Ok(verification)
    }

    /// Mends a finished job: fills what lacks its value, and takes a side where the columns
    /// disagree.
    ///
    /// # Errors
    /// [`Kind::BackfillConflict`] when columns disagree and no side is taken: no value was
    /// overwritten. Those of [`Self::may_settle`];
    /// [`Kind::VerifyFailed`] when rows are left that cannot be mended.
    pub async fn settle(&self, id: JobId, take: Option<Take>) -> Result<Verification> {
        let session = Session::connect(&self.target, "backfill").await?;
        let job = ledger::job(&*session, id).await?;
        may_settle(&job, take)?;
        let found = self.sweep(id, take).await?;
        if found.different > 0 && take.is_none() {
            return Err(conflict(&job, &found));
        }
        let run = self.subject(&session, &job).await?;
        judge(&run, &found)?;
        Ok(found)
    }
}

/// Whether [`Engine::settle`] can be asked of a job.
///
/// # Errors
/// [`Kind::Usage`] while the job is not done, and for the new column's side when nothing gives the
/// old column back.
pub fn may_settle(job: &JobRecord, take: Option<Take>) -> Result<()> {
    if job.state != JobState::Done {
        let message = format!(
            "{} is {}; a side is taken when it is done",
            job.id, job.state
        );
        return Err(Error::new(Kind::Usage, message));
    }
    if take == Some(Take::New) && job.spec.inverse.is_none() {
        return Err(one_way(&job.spec));
    }
    Ok(())
}

/// The error of taking the new column's side where no expression leads back.
pub(super) fn one_way(spec: &Spec) -> Error {
    Error::new(
        Kind::Usage,
        format!(
            "{}: nothing gives the old column back from the new one",
            spec.title()
        ),
    )
}

/// The error of a finished job whose columns disagree.
fn conflict(job: &JobRecord, found: &Verification) -> Error {
    Error::new(
        Kind::BackfillConflict,
        format!(
            "{}: {} of {} rows hold values that disagree with the old column, such as {}",
            job.spec.title(),
            found.different,
            found.rows,
            found.different_sample.join(", ")
        ),
    )
    .hint(format!(
        "`tidegate migrate verify` says whether the trigger is on; look at these rows, then `tidegate backfill run {id} --take old` or `--take new`",
        id = job.id
    ))
}

/// The error of a verification that did not pass.
fn judge(run: &Run, verification: &Verification) -> Result<()> {
    if verification.passed() {
        return Ok(());
    }
    Err(Error::new(
        Kind::VerifyFailed,
        format!(
            "{}: {} rows without a value ({} in quarantine), {} rows with another value",
            run.spec.title(),
            verification.missing,
            verification.quarantined,
            verification.different
        ),
    )
    .hint(format!(
        "repair the rows (tidegate.backfill_quarantine names those set aside), then `tidegate backfill run {}`",
        run.job
    )))
}

/// Keeps as many workers busy as the settings say; the first error ends all of them.
async fn walk_with_workers(run: &Arc<Run>) -> Result<()> {
    let mut workers = JoinSet::new();
    let mut spawned = 0usize;
    let mut finished = false;
    let mut failure: Option<Error> = None;
    loop {
        while !finished && failure.is_none() && spawned < run.settings().workers.max(1) {
            workers.spawn(worker::work(Arc::clone(run), spawned));
            spawned += 1;
        }
        tokio::select! {
            joined = workers.join_next() => match joined {
                None => return failure.map_or(Ok(()), Err),
                Some(Ok(Ok(()))) => {
                    let wanted = run.settings().workers.max(1);
                    if spawned > wanted {
                        spawned = wanted;
                    } else {
                        finished = true;
                    }
                }
                Some(Ok(Err(error))) => {
                    if failure.is_none() || error_weight(&error) > 0 {
                        let better = failure.as_ref().is_none_or(|old| error_weight(old) == 0);
                        if better {
                            failure = Some(error);
                        }
                    }
                    run.stop.cancel();
                }
                Some(Err(panicked)) => {
                    failure = Some(Error::new(Kind::Internal, panicked.to_string()));
                    run.stop.cancel();
                }
            },
            () = tokio::time::sleep(Duration::from_secs(1)) => {}
        }
    }
}

/// An error that only says that another worker failed must not hide that other error.
fn error_weight(error: &Error) -> u8 {
    u8::from(error.kind() != Kind::Interrupted)
}
