//! `restore --engine logical`: tables of a logical backup into a database.

use std::fmt;
use std::sync::Arc;

use serde_json::json;

use super::super::App;
use super::super::access::note;
use super::super::render::{Output, Page, Report};
use super::{ANEW, Args};
use crate::config::{Config, Environment, Tier};
use crate::error::{Error, Kind, Result};
use crate::recovery::{LogicalManifest, bytes, seconds};
use crate::service::backup::{LogicalRestore, LogicalRestored, LogicalShelf};
use crate::storage::Repository;

/// Restores into the database of the environment at hand.
pub(super) async fn run(
    app: &App,
    (config, args): (&Config, &Args),
    repository: &Repository,
) -> Result<Output> {
    let environment = config.environment(app.globals.env.as_deref())?;
    consent(environment, app.globals.yes)?;
    let shelf = LogicalShelf::read(repository).await?;
    let backup = match &args.backup {
        Some(id) => shelf.backup(id)?,
        None => shelf.newest_with(&args.tables, &config.search_path)?,
    };
    let target = environment.target(config).await?;
    let detail = json!({
        "backup": backup.id, "engine": LogicalManifest::ENGINE, "tables": args.tables,
        "repository": repository.location().to_string(), "into": target.label(),
    });
    note(app, config, "restore.table", detail).await;
    let restore = LogicalRestore {
        repository,
        backup,
        tables: &args.tables,
        target: &target,
        owners: !args.no_owner,
        clock: Arc::clone(&app.clock),
    };
    tokio::select! {
        done = restore.run() => Ok(Output::report(done?)),
        () = app.cancel.cancelled() => Err(Error::new(
            Kind::Cancelled,
            "the restore was stopped; the server takes back what was loaded",
        )
        .hint(ANEW)),
    }
}

/// Says which engine restores a backup of that id, when it is a logical one.
pub(super) async fn refuse(repository: &Repository, id: &str) -> Result<()> {
    if !LogicalShelf::read(repository).await?.knows(id) {
        return Ok(());
    }
    let text = format!("backup {id} is a logical one: no cluster comes out of it");
    Err(Error::new(Kind::Usage, text)
        .hint("restore its tables into a database: --engine logical, without --to"))
}

/// Lets rows come into production only when somebody says so.
fn consent(environment: &Environment, yes: bool) -> Result<()> {
    if environment.tier != Tier::Production || yes {
        return Ok(());
    }
    let text = format!("{} is a production environment", environment.name);
    Err(Error::new(Kind::BackupRefused, text)
        .hint("restore elsewhere and look at it first (-e), or add --yes"))
}

impl Report for LogicalRestored {
    fn kind(&self) -> &'static str {
        "restore_logical"
    }

    fn human(&self, page: &mut Page) -> fmt::Result {
        page.line(format!(
            "Restored from logical backup {} of {} into {}: {} in {}",
            self.backup,
            self.database,
            self.into,
            bytes(self.bytes),
            seconds(self.seconds)
        ))?;
        for schema in &self.schemas_made {
            page.line(format!("  the schema {schema} was made"))?;
        }
        for table in &self.tables {
            let what = match table.made {
                true => "made, with its rows, indexes and constraints",
                false => "was there and empty; its rows came back",
            };
            page.line(format!("  {}  {what}", table.table))?;
        }
        page.line("The planner knows nothing of these rows yet: analyze")
    }
}
