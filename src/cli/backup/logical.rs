//! `backup create --engine logical`, and what the commands print of logical backups.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::super::App;
use super::super::render::{Output, Page, Report, Style};
use super::report::megabytes;
use super::{CreateArgs, make_with};
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::recovery::LogicalManifest;
use crate::service::backup::{LogicalBackup, LogicalCreated, LogicalShelf};
use crate::sql::QualifiedName;

/// Tables that a page names of one backup.
const NAMED: usize = 4;

/// Takes a logical backup. The repository stays one of the engine that keeps its base backups.
pub(super) async fn create(app: &App, config: &Config, args: &CreateArgs) -> Result<Output> {
    for (given, option) in [
        (args.incremental, "--incremental"),
        (args.max_rate.is_some(), "--max-rate"),
        (args.staging.is_some(), "--staging"),
        (args.encrypted_volume, "--encrypted-volume"),
    ] {
        if given {
            let text = format!("{option} is for base backups, not for a logical one");
            return Err(Error::new(Kind::Usage, text).hint("leave it out"));
        }
    }
    let named = args.place.repository.as_deref();
    let (repository, engine) = make_with(config, named, None).await?;
    let environment = config.environment(app.globals.env.as_deref())?;
    let target = environment.target(config).await?;
    let backup = LogicalBackup {
        target: &target,
        repository: &repository,
        engine: &engine,
        region: environment.region.clone(),
        tables: &args.tables,
        jobs: usize::from(args.jobs.unwrap_or(1)),
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
    };
    Ok(Output::report(backup.create().await?))
}

/// Refuses what only a logical backup knows.
pub(super) fn refuse_options(args: &CreateArgs) -> Result<()> {
    let option = match (args.tables.is_empty(), args.jobs) {
        (false, _) => "--table",
        (true, Some(_)) => "--jobs",
        (true, None) => return Ok(()),
    };
    let text = format!("a base backup is of the whole cluster: {option} is for a logical one");
    Err(Error::new(Kind::Usage, text).hint("add --engine logical"))
}

impl Report for LogicalCreated {
    fn kind(&self) -> &'static str {
        "backup_create"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "logical backup {}   {} in {:.1} s, {} sealed in {} parts",
            page.styled(Style::Good, &self.id),
            megabytes(self.bytes),
            self.seconds,
            megabytes(self.sealed_bytes),
            self.parts
        ))?;
        let what = match self.whole {
            true => "all of".to_owned(),
            false => format!("{} of", some(&self.tables)),
        };
        page.line(format!(
            "  {what} {}, in {}",
            self.database, self.repository
        ))?;
        page.line("  no recovery to a moment starts from it: that needs a base backup, too")
    }
}

/// One logical backup.
#[derive(Debug, Serialize)]
pub(super) struct Listed {
    id: String,
    /// `logical`.
    kind: &'static str,
    started_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    system_identifier: String,
    database: String,
    postgres: u32,
    region: Option<String>,
    whole: bool,
    /// Tables that can be restored by themselves; of a whole database all that hold rows.
    tables: Vec<String>,
    parts: usize,
    /// Parts that are not there.
    missing: Vec<String>,
    bytes: u64,
    sealed_bytes: u64,
}

impl Listed {
    /// Those of a shelf, oldest first.
    pub(super) fn of(shelf: &LogicalShelf) -> Vec<Self> {
        let one = |backup: &LogicalManifest| Self {
            id: backup.id.clone(),
            kind: LogicalManifest::ENGINE,
            started_at: backup.started_at,
            ended_at: backup.ended_at,
            system_identifier: backup.system_identifier.to_string(),
            database: backup.database.clone(),
            postgres: backup.postgres,
            region: backup.region.clone(),
            whole: backup.whole,
            tables: tables(backup),
            parts: backup.parts().count(),
            missing: shelf.missing(backup).collect(),
            bytes: backup.bytes,
            sealed_bytes: backup.sealed_bytes,
        };
        shelf.backups.iter().map(one).collect()
    }

    /// A page of them.
    pub(super) fn page(all: &[Self], page: &mut Page) -> fmt::Result {
        if all.is_empty() {
            return Ok(());
        }
        let rows = all.iter().map(|backup| {
            vec![
                backup.id.clone(),
                backup.ended_at.format("%Y-%m-%d %H:%M:%SZ").to_string(),
                (backup.postgres / 10_000).to_string(),
                backup.database.clone(),
                match backup.whole {
                    true => format!("all {}", backup.tables.len()),
                    false => some(&backup.tables),
                },
                megabytes(backup.bytes),
                megabytes(backup.sealed_bytes),
            ]
        });
        let head = [
            "Logical", "Complete", "PG", "Database", "Tables", "Size", "Sealed",
        ];
        page.table(&head, rows.collect())?;
        for backup in all.iter().filter(|backup| !backup.missing.is_empty()) {
            page.line(format!(
                "{}  {}: {} of its {} parts are not there",
                page.styled(Style::Bad, "damaged"),
                backup.id,
                backup.missing.len(),
                backup.parts
            ))?;
        }
        Ok(())
    }
}

fn tables(backup: &LogicalManifest) -> Vec<String> {
    let archives = backup.archives.iter();
    let names: Vec<&QualifiedName> = match backup.whole {
        true => archives.flat_map(|archive| &archive.rows_of).collect(),
        false => archives.flat_map(|archive| &archive.table).collect(),
    };
    names.into_iter().map(QualifiedName::plain).collect()
}

/// The first of some names.
fn some(names: &[String]) -> String {
    match names.len().checked_sub(NAMED) {
        Some(more @ 1..) => format!("{} and {more} more", names[..NAMED].join(", ")),
        _ => names.join(", "),
    }
}
