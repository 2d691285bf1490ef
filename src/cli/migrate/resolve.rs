//! `tidegate migrate resolve`.

use std::fmt;
use std::time::Duration;

use clap::ValueEnum;

use super::command::runner;
use super::rollback::id_of;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
use crate::config::parse_duration;
use crate::error::{Error, Kind, Result};
use crate::service::migrate::{Resolution, Resolved};

/// Arguments of `migrate resolve`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The change
    #[arg(
        value_name = "CHANGE",
        required_unless_present = "named",
        conflicts_with = "named"
    )]
    change: Option<String>,
    /// The change, as a flag
    #[arg(long = "change", value_name = "ID")]
    named: Option<String>,
    /// Only this step, as the error named it; without it the whole phase under way, which needs --yes
    #[arg(long, value_name = "N")]
    step: Option<usize>,
    /// What became of it
    #[arg(long = "as", value_enum)]
    outcome: Outcome,
    /// How long to wait for another run to end
    #[arg(long, value_name = "DURATION", value_parser = parse_duration, default_value = "30s")]
    wait: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Outcome {
    /// It is in the database: by itself, or finished by hand
    #[value(alias = "done")]
    Applied,
    /// Nothing of it is in the database, or it was cleaned up by hand
    #[value(alias = "undone")]
    NotApplied,
}

pub(super) async fn run(app: &App, args: &Args) -> Result<Output> {
    let named = args.change.as_ref().or(args.named.as_ref());
    let change = id_of(app, named.map_or("", String::as_str))?;
    let applied = args.outcome == Outcome::Applied;
    if args.step.is_none() && !app.globals.yes {
        let what = if applied { "done" } else { "never run" };
        return Err(Error::new(
            Kind::Usage,
            format!("this counts every step of the phase of {change} that is under way as {what}"),
        )
        .hint("add --yes, or name one --step"));
    }
    let said = Resolution {
        change,
        step: args.step,
        applied,
    };
    let mut runner = runner(app, args.wait).await?;
    Ok(Output::report(runner.resolve(&said).await?))
}

impl Report for Resolved {
    fn kind(&self) -> &'static str {
        "migrate_resolve"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        let word = match (self.done, self.step) {
            (true, _) => "done",
            (false, Some(_)) => "to be run again",
            (false, None) => "not begun",
        };
        let step = self
            .step
            .map_or_else(String::new, |step| format!(" step {step}"));
        page.line(format!(
            "{} {}{step} counts as {}",
            self.change,
            self.phase,
            page.styled(Style::Good, word)
        ))
    }
}
