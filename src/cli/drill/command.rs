//! The commands, and their arguments.

use std::sync::Arc;

use serde_json::json;

use super::files::Files;
use super::history::History;
use super::page::Shown;
use crate::cli::App;
use crate::cli::access::{admit, note};
use crate::cli::backup::{make_with, open};
use crate::cli::render::Output;
use crate::config::{parse_duration, parse_rate};
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, Choice, DEFAULT_CONTROLS, DrillReport, Extrapolation, Objectives, Told,
    WalMode, extrapolate,
};
use crate::service::drill::{Checks, Done, Drill, Sandbox, record, run as drill};

/// `drill run|report|history`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Restore, measure, compare, and try to be wrong
    Run(RunArgs),
    /// Show a recorded drill, or write it into files
    Report(ReportArgs),
    /// All recorded drills, the age of the last proof, the trend
    History(HistoryArgs),
}

/// Arguments of `drill run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    /// The repository: what a passive drill restores from, and where every drill is recorded
    /// [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// Make an own primary with load, and let it be killed and lost
    #[arg(long)]
    sandbox: bool,
    /// Size of the sandbox's database
    #[arg(long, value_name = "SIZE", default_value = "500MB", requires = "sandbox", value_parser = parse_size)]
    size: u64,
    /// How the sandbox's WAL is kept: archive, stream or sync
    #[arg(long, value_name = "MODE", default_value = "stream", requires = "sandbox", value_parser = parse_mode)]
    wal: WalMode,
    /// Take an increment of the sandbox's base backup, and restore both; PostgreSQL 17 and newer
    #[arg(long, requires = "sandbox")]
    incremental: bool,
    /// Who makes the sandbox's backups: native, pgbackrest or barman [default: `[backup] engine`]
    #[arg(long, value_name = "NAME", requires = "sandbox")]
    engine: Option<String>,
    /// Negative controls to try: all, none or a number; each drill takes the next ones [default: 2]
    #[arg(long, value_name = "WHICH", value_parser = parse_controls)]
    controls: Option<Choice>,
    /// Time to the first write, at most; more fails the drill [default: `[backup] rto`]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    rto: Option<std::time::Duration>,
    /// Acknowledged work that may be lost, in time, at most [default: `[backup] rpo`]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    rpo: Option<std::time::Duration>,
    /// Tables and indexes that pg_amcheck looks at at once
    #[arg(long, value_name = "N", default_value = "1", value_parser = clap::value_parser!(u16).range(1..=256))]
    jobs: u16,
    /// How long pg_amcheck may look at one database; what it did not come to is reported as not done
    #[arg(long, value_name = "TIME", default_value = "4h", value_parser = parse_duration)]
    check_deadline: std::time::Duration,
    /// Say what the RTO of a cluster of this size would be; needs drills of three sizes
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    extrapolate: Option<u64>,
    #[command(flatten)]
    files: Files,
}

/// Arguments of `drill report`.
#[derive(Debug, clap::Args)]
pub struct ReportArgs {
    /// The drill [default: the last]
    id: Option<String>,
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    #[command(flatten)]
    files: Files,
}

/// Arguments of `drill history`.
#[derive(Debug, clap::Args)]
pub struct HistoryArgs {
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// Say what the RTO of a cluster of this size would be; needs drills of three sizes
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    extrapolate: Option<u64>,
}

fn parse_size(text: &str) -> Result<u64, String> {
    parse_rate(text).map_err(|_| format!("\"{text}\" is not a size such as 500MB"))
}

fn parse_mode(text: &str) -> Result<WalMode, String> {
    let found = WalMode::ALL.into_iter().find(|mode| mode.name() == text);
    found.ok_or_else(|| format!("\"{text}\" is not archive, stream or sync"))
}

fn parse_controls(text: &str) -> Result<Choice, String> {
    text.parse()
}

pub(in crate::cli) async fn run(app: &App, command: Command) -> Result<Output> {
    match command {
        Command::Run(args) => start(app, args).await,
        Command::Report(args) => report(app, args).await,
        Command::History(args) => history(app, args).await,
    }
}

async fn start(app: &App, args: RunArgs) -> Result<Output> {
    args.files.check()?;
    let config = app.config()?;
    let named = args.repository.as_deref();
    let repository = match named.or(config.backup().repository.as_deref()) {
        None if args.sandbox => None,
        // Of a sandbox it gets the record alone.
        _ if args.sandbox => Some(make_with(&config, named, None).await?.0),
        _ => Some(open(&config, named).await?),
    };
    let passive = repository.as_ref().filter(|_| !args.sandbox);
    if let Some(repository) = passive {
        admit(app, &config, repository).await?;
    }
    let (rto, rpo) = (config.backup().rto, config.backup().rpo);
    let seconds = |own: Option<std::time::Duration>, file| own.or(file).map(|d| d.as_secs_f64());
    let request = Drill {
        sandbox: args.sandbox.then_some(Sandbox {
            bytes: args.size,
            wal: args.wal,
            incremental: args.incremental,
        }),
        objectives: Objectives {
            rto_seconds: seconds(args.rto, rto),
            rpo_seconds: seconds(args.rpo, rpo),
        },
        controls: args.controls.unwrap_or(DEFAULT_CONTROLS),
        checks: Checks {
            jobs: args.jobs,
            patience: args.check_deadline,
        },
        extrapolate: args.extrapolate,
        engine: args
            .engine
            .or_else(|| config.backup().engine.clone())
            .unwrap_or_else(|| BackupManifest::NATIVE.to_owned()),
        install: app.globals.yes,
        repository: repository.as_ref(),
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
    };
    let done = drill(&request).await;
    if let Some(repository) = passive {
        let mut detail = json!({ "repository": repository.location().to_string() });
        match &done {
            Ok(Done { report, .. }) => {
                detail["drill"] = report.id.as_str().into();
                detail["backup"] = report.source.backup.as_str().into();
                detail["verdict"] = json!(report.verdict);
            }
            Err(error) => detail["error"] = error.to_string().into(),
        }
        note(app, &config, "drill.run", detail).await;
    }
    let done = done?;
    let files = args.files.write(&done.report, &done.history)?;
    Ok(Output::report(Shown {
        now: true,
        drill: done.report,
        recorded: done.recorded,
        files,
    }))
}

async fn report(app: &App, args: ReportArgs) -> Result<Output> {
    let config = app.config()?;
    let repository = open(&config, args.repository.as_deref()).await?;
    let told = record::read(&repository).await?;
    let files: Vec<String> = told.iter().map(|told| told.file.clone()).collect();
    let mut history = reports(told);
    let place = match &args.id {
        Some(id) => history.iter().position(|drill| drill.id == *id),
        None => history.len().checked_sub(1),
    };
    let Some(place) = place else {
        let words = match &args.id {
            Some(id) => format!("no drill {id} is recorded"),
            None => "no drill is recorded".to_owned(),
        };
        return Err(Error::new(Kind::Usage, words).hint("see them with `tidegate drill history`"));
    };
    history.truncate(place + 1);
    let drill = history[place].clone();
    let recorded = files.into_iter().nth(place);
    let files = args.files.write(&drill, &history)?;
    let shown = Shown {
        now: false,
        drill,
        recorded,
        files,
    };
    // To look at a drill that failed is no failure.
    Ok(Output::report(shown).with_exit(0))
}

async fn history(app: &App, args: HistoryArgs) -> Result<Output> {
    let config = app.config()?;
    let repository = open(&config, args.repository.as_deref()).await?;
    let all = reports(record::read(&repository).await?);
    let far = args.extrapolate.and_then(|size| far(&all, size));
    if args.extrapolate.is_some() && far.is_none() {
        return Err(Error::new(
            Kind::Usage,
            "the drills recorded here are too few or too much alike to extrapolate",
        )
        .hint("drills of three sizes that differ by a quarter at least are needed"));
    }
    Ok(Output::report(History::new(&all, app.clock.now(), far)))
}

/// The RTO for this size, with as much WAL as the last drill had.
fn far(all: &[DrillReport], size: u64) -> Option<Extrapolation> {
    let samples: Vec<_> = all.iter().filter_map(DrillReport::sample).collect();
    extrapolate(&samples, size, all.last()?.source.wal_bytes)
}

fn reports(told: Vec<Told>) -> Vec<DrillReport> {
    told.into_iter().map(|told| told.record.report).collect()
}
