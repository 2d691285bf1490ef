//! `tidegate migrate apply`.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use clap::ValueEnum;

use super::command::runner;
use crate::cli::App;
use crate::cli::backup::open;
use crate::cli::render::{Output, Page, Report, Style};
use crate::cli::worker::hands;
use crate::config::{Config, DispatchTo, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::migration::{Plan, Release};
use crate::service::migrate::{Applied, Backfill, Request, unmarked};
use crate::service::unit::{dispatch_backfills, dispatcher};
use crate::storage::Repository;

/// Arguments of `migrate apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The release whose phases are due, with all before it
    #[arg(long, value_name = "VERSION")]
    release: Release,
    /// Run only if this plan still fits
    #[arg(long, value_name = "FILE")]
    plan: Option<PathBuf>,
    /// What becomes of backfills
    #[arg(long, value_enum, default_value = "wait")]
    backfill: BackfillMode,
    /// Who goes on with detached backfills: a process here, or the workers [default: the
    /// configuration's, else here]
    #[arg(long, value_name = "here|workers")]
    dispatch: Option<DispatchTo>,
    /// How long to wait for another run to end, and for closed gates to open
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    wait: Option<Duration>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BackfillMode {
    /// Run them to their end
    Wait,
    /// Go on with them in a process of their own
    Detach,
    /// Leave them to a later run
    Skip,
}

/// How long another runner is waited for when nothing else is said.
const RUNNER_WAIT: Duration = Duration::from_secs(30);

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let config = app.config()?;
    let dispatch = args.dispatch.unwrap_or_else(|| config.dispatch_to());
    let (repository, remark) = match repository(&config).await {
        Ok(repository) => (repository, None),
        Err(error) => {
            let remark = unmarked(&error.to_string());
            app.events.emit(Event::Note(remark.clone()));
            (None, Some(remark))
        }
    };
    let request = Request {
        release: args.release.clone(),
        plan: args.plan.as_ref().map(read_plan).transpose()?,
        backfill: match args.backfill {
            BackfillMode::Wait => Backfill::Wait,
            BackfillMode::Detach => Backfill::Detach,
            BackfillMode::Skip => Backfill::Skip,
        },
        wait_gates: args.wait.unwrap_or(Duration::ZERO),
        repository,
    };
    let mut runner = runner(app, args.wait.unwrap_or(RUNNER_WAIT)).await?;
    let mut applied = runner.apply(&request).await?;
    applied.remarks.extend(remark);
    drop(runner);
    if args.backfill == BackfillMode::Detach && !applied.left.is_empty() {
        match dispatch {
            DispatchTo::Here => detach()?,
            DispatchTo::Workers => hand_over(app, config, &applied).await?,
        }
    }
    Ok(Output::report(applied))
}

/// Where backups lie, when that is configured. A migration needs no backup: what is wrong with the
/// place is told, and no more.
async fn repository(config: &Config) -> Result<Option<Repository>> {
    match config.backup().repository {
        Some(_) => open(config, None).await.map(Some),
        None => Ok(None),
    }
}

fn read_plan(file: &PathBuf) -> Result<Plan> {
    let text = std::fs::read_to_string(file).map_err(|error| {
        Error::new(Kind::Io, format!("cannot read {}: {error}", file.display()))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Error::new(
            Kind::PlanStale,
            format!("{} is not a plan: {error}", file.display()),
        )
    })
}

/// Hands the backfills to the workers, and after them what waits for them.
async fn hand_over(app: &App, config: Config, applied: &Applied) -> Result<()> {
    let named = app.globals.env.as_deref();
    let environment = config.environment(named)?.name.clone();
    let hands = hands(app, config);
    let queue = dispatcher(hands, DispatchTo::Workers, named, app.cancel.clone()).await?;
    let release = applied.release.to_string();
    let finish = [
        "migrate",
        "apply",
        "--release",
        &release,
        "--backfill",
        "wait",
        "--wait",
        "1h",
    ];
    let finish = finish.map(str::to_owned).to_vec();
    dispatch_backfills(&environment, &*queue, &applied.jobs, finish).await
}

/// Starts the same command again, waiting for its backfills, in a process group of its own.
fn detach() -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    for arg in &mut args {
        if arg == "detach" {
            "wait".clone_into(arg);
        } else if arg == "--backfill=detach" {
            "--backfill=wait".clone_into(arg);
        }
    }
    std::process::Command::new(std::env::current_exe()?)
        .args(args)
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .process_group(0)
        .spawn()?;
    Ok(())
}

impl Report for Applied {
    fn kind(&self) -> &'static str {
        "migrate_apply"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.phases.is_empty() && self.left.is_empty() {
            return page.line(format!(
                "release {}: nothing to do, every phase that is due is done",
                self.release
            ));
        }
        let rows = self
            .phases
            .iter()
            .map(|phase| {
                vec![
                    page.styled(Style::Good, "done"),
                    phase.change.clone(),
                    phase.phase.to_string(),
                    phase.title.clone(),
                    format!("{} steps", phase.steps),
                    format!("{:.1} s", phase.seconds),
                ]
            })
            .collect();
        page.table(&[], rows)?;
        for remark in &self.remarks {
            page.line(format!("{}  {remark}", page.styled(Style::Waiting, "note")))?;
        }
        for left in &self.left {
            page.line(format!("{}  {left}", page.styled(Style::Waiting, "left")))?;
        }
        page.line(format!(
            "undo: tidegate migrate rollback --release {}",
            self.release
        ))
    }
}
