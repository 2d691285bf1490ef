//! `tidegate migrate rollback` and `resolve`.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;
use serde::Serialize;

use super::command::runner;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::config::parse_duration;
use crate::error::{Error, Kind, Result};
use crate::migration::{Change, Release};
use crate::service::migrate::{RolledBack, Scope, load_changes};

/// Arguments of `migrate rollback`.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Args {
    /// Take back every phase that ran at this release or later
    #[arg(long, value_name = "VERSION")]
    release: Option<Release>,
    /// Take back every phase of this change
    #[arg(long, value_name = "ID")]
    change: Option<String>,
}

/// Arguments of `migrate resolve`.
#[derive(Debug, clap::Args)]
pub struct ResolveArgs {
    /// The change
    #[arg(long, value_name = "ID")]
    change: String,
    /// The step, as the error named it
    #[arg(long, value_name = "N")]
    step: usize,
    /// What became of it
    #[arg(long = "as", value_enum)]
    outcome: Outcome,
    /// How long to wait for another run to end
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    /// It took effect
    Done,
    /// It did not, or was cleaned up
    Undone,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let scope = match (&args.release, &args.change) {
        (Some(release), _) => Scope::Release(release.clone()),
        (None, Some(change)) => Scope::Change(id_of(app, change)?),
        (None, None) => return Err(Error::new(Kind::Usage, "say --release or --change")),
    };
    let mut runner = runner(app, Duration::from_secs(30)).await?;
    Ok(Output::report(runner.rollback(&scope).await?))
}

/// The id that the ledger knows for `7`, `0007` or `0007_name`.
fn id_of(app: &App, wanted: &str) -> Result<String> {
    let changes = load_changes(&app.config()?.migrations_dir())?;
    changes
        .iter()
        .find(|change| Change::is_named(change, wanted))
        .map(|change| change.id.clone())
        .ok_or_else(|| {
            Error::new(
                Kind::UnknownObject,
                format!("there is no change \"{wanted}\""),
            )
        })
}

pub(super) async fn resolve(app: &App, args: &ResolveArgs) -> Result<Output> {
    let change = id_of(app, &args.change)?;
    let runner = runner(app, args.wait).await?;
    runner
        .resolve(&change, args.step, args.outcome == Outcome::Done)
        .await?;
    Ok(Output::report(Resolved {
        change,
        step: args.step,
        done: args.outcome == Outcome::Done,
    }))
}

#[derive(Debug, Serialize)]
struct Resolved {
    change: String,
    step: usize,
    done: bool,
}

impl Report for Resolved {
    fn kind(&self) -> &'static str {
        "migrate_resolve"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let word = if self.done { "done" } else { "to be run again" };
        page.line(format!(
            "step {} of {} counts as {word}",
            self.step, self.change
        ))
    }
}

impl Report for RolledBack {
    fn kind(&self) -> &'static str {
        "migrate_rollback"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        if self.phases.is_empty() {
            return page.line("nothing to take back");
        }
        for phase in &self.phases {
            page.line(format!("{}  {phase}", page.styled(Style::Good, "undone")))?;
        }
        Ok(())
    }
}
