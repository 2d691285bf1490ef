//! The list of subcommands.

use super::{check, lock, preview, scan};
use crate::catalog::Catalog;
use crate::cli::App;
use crate::cli::render::Output;
use crate::config::{Config, Target};
use crate::error::Result;
use crate::postgres::Session;
use crate::service::masking::{Loaded, resolve};
use crate::service::migrate::gather;

/// Commands of `mask`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Whether every column has a rule, now and after the pending changes; exit code 3 when not
    Check(check::Args),
    /// Freeze rules and schema in masking-rules/mask.lock
    Lock(lock::Args),
    /// What the rules do to a table: shapes of values, before and after
    Preview(preview::Args),
    /// Find personal data by names, types and sampled values
    Scan(scan::Args),
}

pub(in crate::cli) async fn run(app: &App, command: Command) -> Result<Output> {
    match command {
        Command::Check(args) => check::run(app, &args).await,
        Command::Lock(args) => lock::run(app, &args).await,
        Command::Preview(args) => preview::run(app, &args).await,
        Command::Scan(args) => scan::run(app, &args).await,
    }
}

/// The policy of the project, resolved against the database of the environment.
pub(super) struct Looked {
    pub(super) config: Config,
    pub(super) target: Target,
    pub(super) session: Session,
    pub(super) catalog: Catalog,
    pub(super) loaded: Loaded,
}

pub(super) async fn look(app: &App) -> Result<Looked> {
    let config = app.config()?;
    let target = app.target(&config).await?;
    let session = Session::connect(&target, "mask").await?;
    let gathered = gather(&session, &config, &target).await?;
    let loaded = resolve(
        &config,
        &gathered.catalog,
        &gathered.changes,
        &gathered.ledger,
    )?;
    Ok(Looked {
        config,
        target,
        session,
        catalog: gathered.catalog,
        loaded,
    })
}
