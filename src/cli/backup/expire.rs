//! `tidegate backup expire`.

use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use serde_json::json;

use super::super::App;
use super::super::render::Output;
use super::{Place, open};
use crate::config::{Config, parse_duration};
use crate::error::{Error, Kind, Result};
use crate::job::Event;
use crate::postgres::Session;
use crate::recovery::Retention;
use crate::service::backup::{Expire, Expired, Gone, SIGN_EVERY, record};

/// Arguments of `backup expire`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    place: Place,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    dry_run: bool,
    /// Keep the newest N backups
    #[arg(long, value_name = "N")]
    keep_count: Option<u32>,
    /// Keep what recovery to any moment of this stretch of time needs: 30d
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    keep_window: Option<Duration>,
    /// Keep the last backup of each of N days
    #[arg(long, value_name = "N")]
    keep_daily: Option<u32>,
    /// Keep the last backup of each of N weeks
    #[arg(long, value_name = "N")]
    keep_weekly: Option<u32>,
    /// Keep the last backup of each of N months
    #[arg(long, value_name = "N")]
    keep_monthly: Option<u32>,
    /// Keep the last backup of each of N years
    #[arg(long, value_name = "N")]
    keep_yearly: Option<u32>,
    /// How long a backup that is not complete may have given no sign of life before its remains are
    /// removed
    #[arg(long, value_name = "DURATION", default_value = "1h", value_parser = parse_duration)]
    abandoned_after: Duration,
}

impl Args {
    /// Rules of the command line replace those of the file as a whole.
    fn retention(&self, config: &Config) -> Result<Retention> {
        let window = self.keep_window.map(length).transpose()?;
        let named = Retention {
            count: self.keep_count,
            window,
            daily: self.keep_daily,
            weekly: self.keep_weekly,
            monthly: self.keep_monthly,
            yearly: self.keep_yearly,
        };
        if named.is_empty() {
            return config.backup().retention();
        }
        Ok(named)
    }
}

pub(super) async fn run(app: &App, config: &Config, args: &Args) -> Result<Output> {
    let repository = open(config, args.place.repository.as_deref()).await?;
    if args.abandoned_after < 2 * SIGN_EVERY {
        let text = "a backup that is being made gives a sign of life every 5 minutes: with so short a time it may be taken for a dead one, and fails then";
        app.events.emit(Event::Note(text.to_owned()));
    }
    let expire = Expire {
        repository: &repository,
        retention: args.retention(config)?,
        abandoned_after: length(args.abandoned_after)?,
        dry_run: args.dry_run,
        clock: Arc::clone(&app.clock),
        cancel: app.cancel.clone(),
    };
    let expired = expire.run().await?;
    let bases = !expired.expired.is_empty() || expired.wal.files > 0;
    let something = bases || !expired.logical.expired.is_empty();
    if something && !args.dry_run {
        // A repository outlives its database: expiring works without it.
        if let Err(error) = audit(app, config, &expired).await {
            tracing::warn!(%error, "removed, but not recorded in the audit log");
        }
    }
    Ok(Output::report(expired))
}

async fn audit(app: &App, config: &Config, expired: &Expired) -> Result<()> {
    let environment = config.environment(app.globals.env.as_deref())?;
    // A server of our own is not started for this.
    if environment.name == "local" {
        return Ok(());
    }
    let target = environment.target(config).await?;
    let session = Session::connect(&target, "backup").await?;
    let ids = |gone: &[Gone]| -> Vec<String> { gone.iter().map(|gone| gone.id.clone()).collect() };
    let detail = json!({
        "backups": ids(&expired.expired), "logical": ids(&expired.logical.expired),
        "wal_files": expired.wal.files, "wal_before": expired.wal.before,
    });
    record(&session, &target, "backup.expire", detail).await?;
    Ok(())
}

fn length(duration: Duration) -> Result<TimeDelta> {
    TimeDelta::from_std(duration)
        .map_err(|_| Error::new(Kind::Usage, "a length of time is out of range"))
}
