//! `tidegate backup`: base backups, and logical ones beside them.

mod expire;
mod logical;
mod report;
mod rotate;

use std::path::PathBuf;
use std::sync::Arc;

use super::App;
use super::place::{new_place, place};
use super::render::Output;
use crate::config::{Config, parse_rate};
use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::recovery::LogicalManifest;
use crate::service::backup::{Backup, LogicalShelf, Parent, Share, Shelf, Verify};
use crate::storage::Repository;

/// Commands of `backup`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Take a base backup of a running server, or a logical one of single tables
    Create(CreateArgs),
    /// Show the backups of a repository
    List(Place),
    /// Open every part and compare it with its checksum; exit code 3 when one is damaged
    Verify(VerifyArgs),
    /// Remove backups that no rule keeps, the WAL before them, and what killed backups left
    Expire(expire::Args),
    /// Let the key of today open what the one before it sealed, so that the old one can be retired
    RotateKey(rotate::Args),
}

/// Where backups lie.
#[derive(Debug, Clone, clap::Args)]
pub struct Place {
    /// The repository: file:PATH, s3://BUCKET/PREFIX, az://..., gs://... [default: that of [backup]
    /// in tidegate.toml]
    #[arg(long, value_name = "LOCATION")]
    pub(super) repository: Option<String>,
}

/// Arguments of `backup create`.
#[derive(Debug, clap::Args)]
pub struct CreateArgs {
    #[command(flatten)]
    place: Place,
    /// Bytes a second that the server sends at most: 50MB
    #[arg(long, value_name = "RATE", value_parser = parse_rate)]
    max_rate: Option<u64>,
    /// Where a cluster with tablespaces is put down on its way; it needs room for all of it
    /// [default: the temporary folder]
    #[arg(long, value_name = "DIR")]
    staging: Option<PathBuf>,
    /// Take what has changed since an earlier backup only; PostgreSQL 17 and newer, with
    /// summarize_wal = on
    #[arg(long)]
    incremental: bool,
    /// What it is an increment of [default: the newest backup]
    #[arg(long, value_name = "ID", requires = "incremental")]
    parent: Option<String>,
    /// The volume below the repository is encrypted, for an engine that does not encrypt by itself
    /// (barman)
    #[arg(long)]
    encrypted_volume: bool,
    /// Who makes and keeps it: native, pgbackrest or barman [default: that of [backup] in tidegate.toml, else
    /// native]; or logical: rows of one database by pg_dump, from which no recovery to a moment starts
    #[arg(long, value_name = "NAME")]
    engine: Option<String>,
    /// With --engine logical: this table, with its partitions, to be restored by itself; may be
    /// repeated [default: the whole database]
    #[arg(long = "table", value_name = "TABLE")]
    tables: Vec<String>,
    /// With --engine logical: tables that are read at once, of the same instant [default: 1]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(1..=8))]
    jobs: Option<u8>,
}

impl CreateArgs {
    /// What it is to be an increment of; none for a full backup.
    fn since(&self) -> Option<Parent> {
        let named = self.parent.clone().map_or(Parent::Newest, Parent::Id);
        self.incremental.then_some(named)
    }
}

/// Arguments of `backup verify`.
#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    place: Place,
    /// This backup alone [default: all of them]
    #[arg(long, value_name = "ID", conflicts_with = "part")]
    backup: Option<String>,
    /// Open this share of the parts; each run goes on where the last one ended, until all had their
    /// turn
    #[arg(long, value_name = "PERCENT")]
    part: Option<Share>,
}

pub(super) async fn run(app: &App, command: &Command) -> Result<Output> {
    let config = app.config()?;
    match command {
        Command::Create(args) => create(app, &config, args).await,
        Command::List(place) => {
            let repository = open(&config, place.repository.as_deref()).await?;
            let shelf = Shelf::read(&repository).await?;
            let beside = LogicalShelf::read(&repository).await?;
            let location = repository.location().to_string();
            Ok(Output::report(report::List::new(location, shelf, beside)))
        }
        Command::Verify(args) => {
            let repository = open(&config, args.place.repository.as_deref()).await?;
            let verify = Verify {
                repository: &repository,
                backup: args.backup.clone(),
                share: args.part,
                clock: Arc::clone(&app.clock),
                cancel: app.cancel.clone(),
            };
            Ok(Output::report(verify.run().await?))
        }
        Command::Expire(args) => expire::run(app, &config, args).await,
        Command::RotateKey(args) => rotate::run(&config, args).await,
    }
}

async fn create(app: &App, config: &Config, args: &CreateArgs) -> Result<Output> {
    let wanted = args.engine.as_deref();
    if wanted == Some(LogicalManifest::ENGINE) {
        return logical::create(app, config, args).await;
    }
    logical::refuse_options(args)?;
    let named = args.place.repository.as_deref();
    let (repository, known) = make_with(config, named, wanted).await?;
    let configured = wanted.or(config.backup().engine.as_deref());
    let engine = engines::engine(&repository, configured.unwrap_or(&known))?;
    let environment = config.environment(app.globals.env.as_deref())?;
    let target = environment.target(config).await?;
    let backup = Backup {
        target: &target,
        repository: &repository,
        region: environment.region.clone(),
        max_rate: args.max_rate,
        staging: args.staging.clone(),
        parent: args.since(),
        encrypted_volume: args.encrypted_volume || config.backup().encrypted_volume,
        clock: Arc::clone(&app.clock),
        events: Arc::clone(&app.events),
        cancel: app.cancel.clone(),
    };
    Ok(Output::report(backup.create(engine.as_ref()).await?))
}

/// Opens the repository that is named, else that of the configuration, with the WAL of the engine
/// that keeps it.
pub(super) async fn open(config: &Config, named: Option<&str>) -> Result<Repository> {
    let (repository, _) = open_with(config, named, None).await?;
    Ok(repository)
}

/// The same, and the name of the engine. For a repository that is new it is the one that is wanted,
/// else that of the configuration.
pub(super) async fn open_with(
    config: &Config,
    location: Option<&str>,
    engine: Option<&str>,
) -> Result<(Repository, String)> {
    let repository = place(config, named(config, location)?).await?;
    kept_by(config, repository, engine).await
}

/// The same; a folder that is not there is made.
pub(super) async fn make_with(
    config: &Config,
    location: Option<&str>,
    engine: Option<&str>,
) -> Result<(Repository, String)> {
    let repository = new_place(config, named(config, location)?).await?;
    kept_by(config, repository, engine).await
}

async fn kept_by(
    config: &Config,
    repository: Repository,
    engine: Option<&str>,
) -> Result<(Repository, String)> {
    let wanted = engine.or(config.backup().engine.as_deref());
    engines::open(repository, wanted).await
}

/// The location of the repository: the one that is named, else that of the configuration.
fn named<'a>(config: &'a Config, location: Option<&'a str>) -> Result<&'a str> {
    let location = location.or(config.backup().repository.as_deref());
    location.ok_or_else(|| {
        Error::new(Kind::Usage, "no repository is named")
            .hint("add --repository file:PATH, or [backup] repository to tidegate.toml")
    })
}
