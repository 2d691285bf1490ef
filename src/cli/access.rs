//! Reads of production data by way of its backups: where they are allowed, and that they are on record.

use serde_json::Value;

use super::App;
use crate::config::Config;
use crate::engines::identity;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::service::backup::record;
use crate::storage::Repository;

/// Lets the data of a repository come to the environment at hand, unless both name a region and these
/// are two.
///
/// # Errors
/// [`Kind::BackupRefused`]; the repository out of reach.
pub(super) async fn admit(app: &App, config: &Config, repository: &Repository) -> Result<()> {
    let environment = config.environment(app.globals.env.as_deref())?;
    let Some(region) = &environment.region else {
        return Ok(());
    };
    let found = match identity(repository).await {
        // What it is of is unknown then; a restore must not depend on that.
        Err(error) if error.kind() == Kind::SealBroken => {
            tracing::warn!(%error, "the region of the repository is not known");
            None
        }
        found => found?,
    };
    match found.and_then(|found| found.region_objection(Some(region))) {
        None => Ok(()),
        Some(why) => Err(Error::new(
            Kind::BackupRefused,
            format!("{}: {why}", repository.location()),
        )
        .hint("choose the environment of that region with -e, on a machine that lies there")),
    }
}

/// Records what was done with backups in the audit log of the environment at hand. A repository
/// outlives its database: when that is out of reach, it is said and nothing else.
pub(super) async fn note(app: &App, config: &Config, action: &str, detail: Value) {
    if let Err(error) = write(app, config, action, detail).await {
        tracing::warn!(%error, action, "not recorded in the audit log");
    }
}

async fn write(app: &App, config: &Config, action: &str, detail: Value) -> Result<()> {
    let environment = config.environment(app.globals.env.as_deref())?;
    // A server of our own is not started for this.
    if environment.name == "local" {
        return Ok(());
    }
    let target = environment.target(config).await?;
    let session = Session::connect(&target, "audit").await?;
    record(&session, &target, action, detail).await?;
    Ok(())
}
