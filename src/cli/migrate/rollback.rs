//! `tidegate migrate rollback`.

use std::fmt;
use std::time::Duration;

use super::command::runner;
use crate::cli::App;
use crate::cli::render::{Output, Page, Report, Style};
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
pub(super) fn id_of(app: &App, wanted: &str) -> Result<String> {
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
