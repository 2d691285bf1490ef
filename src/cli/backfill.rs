//! `tidegate backfill`: the engine of the backfills, by hand.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use super::App;
use super::render::{Output, Page, Report, Style};
use super::worker::hands;
use crate::backfill::{JobId, Settings, Take, Verification};
use crate::config::DispatchTo;
use crate::control::{Control, Operator, backfill as ledger};
use crate::dispatch::{Order, Unit};
use crate::error::Result;
use crate::job::JobState;
use crate::postgres::Session;
use crate::service::backfill::{Engine, may_settle};
use crate::service::unit::{SHARES, dispatcher};

/// Commands of `backfill`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Run a job, go on with one that was interrupted, or mend one whose rows changed since
    Run(RunArgs),
    /// Show the jobs
    Status(StatusArgs),
    /// Ask a running job to stop at its next chunk
    Pause(One),
    /// Take a pause back and run the job
    Resume(ResumeArgs),
    /// Change the limits of a job, also while it runs
    Tune(TuneArgs),
    /// Count rows that do not hold what they should; exit code 3 when there are some
    Verify(VerifyArgs),
    /// Give a job up; rows that are filled stay filled
    Cancel(One),
}

/// One job.
#[derive(Debug, clap::Args)]
pub struct One {
    /// The job, such as b12
    id: JobId,
}

/// Arguments of `backfill run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The job, such as b12
    id: JobId,
    /// Who runs it: this process, or the workers [default: the configuration's, else here]
    #[arg(long, value_name = "here|workers")]
    dispatch: Option<DispatchTo>,
    /// Which column is right where both disagree after the job was done; without it such rows are
    /// named and left as they are
    #[arg(long, value_name = "old|new", conflicts_with = "dispatch")]
    take: Option<Take>,
}

/// Arguments of `backfill status`.
#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    /// Only this job
    id: Option<JobId>,
}

/// Arguments of `backfill resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    /// The job, such as b12
    id: JobId,
    /// Only take the pause back; another process runs the job
    #[arg(long)]
    detach: bool,
}

/// Arguments of `backfill verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    /// The job, such as b12
    id: JobId,
    /// Fill what lacks its value, then count again; no value is overwritten
    #[arg(long)]
    repair: bool,
}

/// Arguments of `backfill tune`.
#[derive(Debug, clap::Args)]
pub struct TuneArgs {
    /// The job, such as b12
    id: JobId,
    /// Workers of each engine
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: Option<u16>,
    /// Time that one chunk should take, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    chunk_ms: Option<u64>,
    /// Rows that a window may hold at most
    #[arg(long, value_name = "ROWS", value_parser = clap::value_parser!(u64).range(1..))]
    window_rows: Option<u64>,
    /// Replay lag of a replica that stops the job, in milliseconds
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u64).range(1..))]
    replica_lag_ms: Option<u64>,
    /// Rows that may be set aside
    #[arg(long, value_name = "ROWS")]
    quarantine_limit: Option<u64>,
    /// Whether the throttle is asked
    #[arg(long, value_name = "BOOL")]
    throttle: Option<bool>,
}

impl TuneArgs {
    fn apply(&self, settings: &mut Settings) {
        if let Some(workers) = self.workers {
            settings.workers = usize::from(workers);
        }
        for (field, value) in [
            (&mut settings.chunk_ms, self.chunk_ms),
            (&mut settings.window_rows, self.window_rows),
            (&mut settings.replica_lag_ms, self.replica_lag_ms),
            (&mut settings.quarantine_limit, self.quarantine_limit),
        ] {
            if let Some(value) = value {
                *field = value;
            }
        }
        settings.throttle = self.throttle.unwrap_or(settings.throttle);
    }
}

pub(super) async fn run(app: &App, command: &Command) -> Result<Output> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let control = Control::open(&target).await?;
    let session = Session::connect(&target, "backfill").await?;
    let engine = Engine::new(
        target,
        Arc::clone(&app.clock),
        Arc::clone(&app.events),
        app.cancel.clone(),
    );
    match command {
        Command::Status(args) => status(&session, args.id).await,
        Command::Run(args) => {
            let job = ledger::job(&*session, args.id).await?;
            if job.state == JobState::Done || args.take.is_some() {
                may_settle(&job, args.take)?;
                settle(&engine, &control, args).await?;
                return status(&session, Some(args.id)).await;
            }
            let order = Order {
                environment: engine.target.environment.clone(),
                unit: Unit::Backfill { job: args.id },
            };
            let to = args.dispatch.unwrap_or_else(|| config.dispatch_to());
            let environment = app.globals.env.as_deref();
            let hands = hands(app, config);
            dispatcher(hands, to, environment, app.cancel.clone())
                .await?
                .dispatch(&order, SHARES)
                .await?;
            status(&session, Some(args.id)).await
        }
        Command::Resume(args) => {
            ledger::resume(&*session, args.id).await?;
            if args.detach {
                status(&session, Some(args.id)).await
            } else {
                run_job(&engine, &session, args.id).await
            }
        }
        Command::Pause(One { id }) => {
            ledger::request(&*session, *id, Some("pause")).await?;
            status(&session, Some(*id)).await
        }
        Command::Cancel(One { id }) => {
            ledger::request(&*session, *id, Some("cancel")).await?;
            status(&session, Some(*id)).await
        }
        Command::Tune(args) => {
            let mut settings = ledger::job(&*session, args.id).await?.settings;
            args.apply(&mut settings);
            ledger::tune(&*session, args.id, &settings).await?;
            status(&session, Some(args.id)).await
        }
        Command::Verify(args) => {
            let verification = if args.repair {
                engine.sweep(args.id, None).await?
            } else {
                engine.verify(args.id).await?
            };
            Ok(Output::report(VerifyReport {
                id: args.id,
                passed: verification.passed(),
                verification,
            }))
        }
    }
}

/// Mends a finished job, and writes down which side was taken before the first row is.
async fn settle(engine: &Engine, control: &Control, args: &RunArgs) -> Result<()> {
    if let Some(take) = args.take {
        let detail = serde_json::json!({ "job": args.id, "take": take.as_str() });
        let environment = &engine.target.environment;
        let event = Operator::of_process(None).event(environment, "backfill.take", detail);
        control.append_audit(&event).await?;
    }
    engine.settle(args.id, args.take).await.map(drop)
}

async fn run_job(engine: &Engine, session: &Session, id: JobId) -> Result<Output> {
    engine.run(id).await?;
    status(session, Some(id)).await
}

async fn status(session: &Session, only: Option<JobId>) -> Result<Output> {
    let jobs = match only {
        Some(id) => vec![ledger::job(&**session, id).await?],
        None => ledger::jobs(&**session).await?,
    };
    let mut report = StatusReport { jobs: Vec::new() };
    for job in jobs {
        let totals = ledger::totals(&**session, job.id).await?;
        report.jobs.push(JobLine::new(job, &totals));
    }
    Ok(Output::report(report))
}

/// `backfill status`.
#[derive(Debug, Serialize)]
struct StatusReport {
    jobs: Vec<JobLine>,
}

#[derive(Debug, Serialize)]
struct JobLine {
    id: JobId,
    title: String,
    state: JobState,
    rows_done: u64,
    rows_total: u64,
    rows_changed: i64,
    chunks_done: i64,
    hot_percent: f64,
    throttle: Option<String>,
    eta_seconds: Option<f64>,
    verified: bool,
    quarantined: i64,
    verification: Option<Verification>,
    error: Option<String>,
}

impl JobLine {
    fn new(job: ledger::JobRecord, totals: &ledger::Totals) -> Self {
        let done = job.state == JobState::Done;
        let counted = job.verification.as_ref().filter(|_| done).map(|v| v.rows);
        // Counts of rows: not negative, far below 2^63.
        let (walked, total) = (
            totals.rows_walked.max(0.0) as u64,
            totals.rows_total.max(0.0) as u64,
        );
        let left = (totals.rows_total - totals.rows_walked).max(0.0);
        Self {
            id: job.id,
            title: job.spec.title(),
            state: job.state,
            rows_done: counted.unwrap_or(walked),
            rows_total: counted.unwrap_or(total),
            rows_changed: totals.rows_changed,
            chunks_done: totals.chunks,
            hot_percent: totals.hot_percent(),
            throttle: job.held_by,
            eta_seconds: (job.state == JobState::Running && job.rate > 0.0)
                .then(|| left / job.rate),
            verified: done && job.verification.as_ref().is_some_and(Verification::passed),
            quarantined: totals.quarantined,
            verification: job.verification,
            error: job.error,
        }
    }
}

impl Report for StatusReport {
    fn kind(&self) -> &'static str {
        "backfill_status"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.jobs.is_empty() {
            return page.line("No backfills.");
        }
        let rows = self
            .jobs
            .iter()
            .map(|job| {
                let style = match job.state {
                    JobState::Done => Style::Good,
                    JobState::Failed | JobState::Cancelled => Style::Bad,
                    _ => Style::Waiting,
                };
                vec![
                    job.id.to_string(),
                    job.title.clone(),
                    page.styled(style, job.state),
                    format!("{} of {}", job.rows_done, job.rows_total),
                    format!("{:.0} %", job.hot_percent),
                    if job.verified { "verified" } else { "-" }.to_owned(),
                    job.throttle
                        .clone()
                        .or_else(|| job.error.clone())
                        .unwrap_or_default(),
                ]
            })
            .collect();
        page.table(
            &[
                "Job",
                "Column",
                "State",
                "Rows",
                "HOT",
                "Result",
                "Held back by",
            ],
            rows,
        )
    }
}

/// `backfill verify`.
#[derive(Debug, Serialize)]
struct VerifyReport {
    id: JobId,
    passed: bool,
    #[serde(flatten)]
    verification: Verification,
}

impl Report for VerifyReport {
    fn kind(&self) -> &'static str {
        "backfill_verify"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let found = &self.verification;
        let verdict = if self.passed {
            page.styled(Style::Good, "verified")
        } else {
            page.styled(Style::Bad, "not verified")
        };
        page.line(format!(
            "{} {verdict}: {} rows, {} without a value, {} different, {} in quarantine (sum {})",
            self.id, found.rows, found.missing, found.different, found.quarantined, found.checksum
        ))
    }

    fn exit(&self) -> u8 {
        if self.passed { 0 } else { 3 }
    }
}
