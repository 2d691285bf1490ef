//! The list of subcommands.

use std::time::Duration;

use super::{apply, calendar, lint, new, plan, resolve, rollback, status, verify};
use crate::cli::App;
use crate::cli::render::Output;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::migration::Release;
use crate::postgres::Session;
use crate::service::migrate::{Gathered, Runner, Tools, gather};

/// Commands of `migrate`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Scaffold a change file
    New(new::Args),
    /// Check the change files
    Lint(lint::Args),
    /// Show what a release would do: steps, SQL, locks, gates, point of no return
    Plan(plan::Args),
    /// Which change is in which phase in which release
    Calendar(calendar::Args),
    /// Run all phases that are due at a release
    Apply(apply::Args),
    /// Where every change stands, and what blocks it
    Status(status::StatusArgs),
    /// Every step that was run
    History(status::HistoryArgs),
    /// Compare the database with the ledger
    Verify(verify::Args),
    /// Take phases back, until contract
    Rollback(rollback::Args),
    /// Say what became of a step that failed or whose outcome is unknown
    Resolve(resolve::Args),
}

pub(in crate::cli) async fn run(app: &App, command: Command) -> Result<Output> {
    match command {
        Command::New(args) => new::run(app, &args),
        Command::Lint(args) => lint::run(app, &args),
        Command::Plan(args) => plan::run(app, &args).await,
        Command::Calendar(args) => calendar::run(app, &args),
        Command::Apply(args) => apply::run(app, &args).await,
        Command::Status(args) => status::status(app, &args).await,
        Command::History(args) => status::history(app, &args).await,
        Command::Verify(args) => verify::run(app, &args).await,
        Command::Rollback(args) => rollback::run(app, &args).await,
        Command::Resolve(args) => resolve::run(app, &args).await,
    }
}

/// Connects and gathers, for commands that only look.
pub(super) async fn look(
    app: &App,
    config: &Config,
) -> Result<(Session, Gathered, crate::config::Target)> {
    let target = app.target(config).await?;
    let session = Session::connect(&target, "migrate").await?;
    let gathered = gather(&session, config, &target).await?;
    Ok((session, gathered, target))
}

/// Becomes the one runner of the database.
pub(super) async fn runner(app: &App, wait: Duration) -> Result<Runner> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let tools = Tools {
        clock: app.clock.clone(),
        events: app.events.clone(),
        cancel: app.cancel.clone(),
    };
    Runner::open(config, target, tools, wait).await
}

/// The release that the user named, or the last one that the change files name.
pub(super) fn release(named: Option<&Release>, gathered: &Gathered) -> Result<Release> {
    named
        .cloned()
        .or_else(|| crate::migration::releases(&gathered.changes).pop())
        .or_else(|| (!gathered.changes.is_empty()).then(Release::first))
        .ok_or_else(|| {
            Error::new(
                Kind::Usage,
                "there are no changes, and no release was named",
            )
        })
}
