//! The arguments that every command shares, and the list of commands.

use std::path::PathBuf;

use clap::{ArgAction, Parser, Subcommand, ValueEnum};

use super::{
    audit, backfill, backup, config, copy, demo, diff, docs, doctor, drill, env, init, mask,
    migrate, restore, schedule, seed, serve, server, wal, worker,
};

/// PostgreSQL migrations, backfills, masked copies, seeds and recovery drills.
#[derive(Debug, Parser)]
#[command(
    name = "tidegate",
    version,
    propagate_version = true,
    infer_subcommands = false
)]
pub struct Cli {
    /// Options of every command.
    #[command(flatten)]
    pub globals: Globals,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Options that stand before or after any command.
#[derive(Debug, Clone, clap::Args)]
pub struct Globals {
    /// Configuration file [default: tidegate.toml here or in a folder above]
    #[arg(long, global = true, value_name = "FILE", env = "TIDEGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Environment to work on [default: the file's `default`, else dev]
    #[arg(short, long, global = true, value_name = "NAME", env = "TIDEGATE_ENV")]
    pub env: Option<String>,
    /// Work on this database, without a configuration file (tier dev)
    #[arg(
        long,
        global = true,
        value_name = "URL",
        env = "TIDEGATE_DATABASE_URL",
        hide_env_values = true
    )]
    pub database_url: Option<String>,
    /// How results are printed
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        default_value = "human",
        env = "TIDEGATE_FORMAT"
    )]
    pub format: Format,
    /// Say more on stderr; twice for still more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// No colour (as does the variable NO_COLOR)
    #[arg(long, global = true)]
    pub no_color: bool,
    /// Consent to what would otherwise be asked
    #[arg(long, global = true)]
    pub yes: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a person.
    Human,
    /// One JSON document on stdout.
    Json,
    /// SARIF 2.1.0, for `migrate lint`.
    Sarif,
    /// Workflow annotations of GitHub, for `migrate lint`.
    Github,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Scaffold a project
    Init(init::Args),
    /// The whole story on a private PostgreSQL, with real work
    Demo(demo::Args),
    /// Check versions, privileges, settings, tools, disk and clocks
    Doctor(doctor::Args),
    /// The private PostgreSQL of the environment `local`
    #[command(subcommand)]
    Server(server::Command),
    /// The environments of the project
    #[command(subcommand)]
    Env(env::Command),
    /// The effective configuration and the schemas of all files
    #[command(subcommand)]
    Config(config::Command),
    /// Schema changes over several releases
    #[command(subcommand)]
    Migrate(migrate::Command),
    /// The engine of the backfills, by hand
    #[command(subcommand)]
    Backfill(backfill::Command),
    /// Compare the data of two databases or tables
    Diff(diff::Args),
    /// Personal data: where it is, and the rules that mask it in copies
    #[command(subcommand)]
    Mask(mask::Command),
    /// The masked copy: staged, verified, leak-scanned, swapped
    #[command(subcommand)]
    Copy(copy::Command),
    /// Synthetic data at the speed of COPY, and the way back to it
    #[command(subcommand)]
    Seed(seed::Command),
    /// Base backups: sealed, verified, expired
    #[command(subcommand)]
    Backup(backup::Command),
    /// WAL on its way into a repository and out of it
    #[command(subcommand)]
    Wal(wal::Command),
    /// Bring a cluster back from the repository, to a point in time, or single tables
    Restore(restore::Args),
    /// Restore drills: RTO, RPO, integrity, damage that must be found
    #[command(subcommand)]
    Drill(drill::Command),
    /// The audit log
    #[command(subcommand)]
    Audit(audit::Command),
    /// What runs by itself
    #[command(subcommand)]
    Schedule(schedule::Command),
    /// Run what is due, and serve health and metrics over HTTP
    Serve(serve::Args),
    /// Carry out work that was dispatched, on any number of machines
    Worker(worker::Args),
    /// Print a shell's completion script
    Completions(docs::CompletionsArgs),
    /// Write the manual pages into a folder
    Man(docs::ManArgs),
    /// The long text of an error code
    Explain(docs::ExplainArgs),
}
