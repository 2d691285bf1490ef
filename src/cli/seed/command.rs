//! The commands, and what each is asked for.

use super::super::App;
use super::super::render::Output;
use super::{plan, profile, template};
use crate::error::Result;
use std::path::PathBuf;

/// Commands of `seed`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what a run would write, and why
    Plan(PlanArgs),
    /// Fill the tables, or go on with a run that was interrupted
    Run(RunArgs),
    /// Learn from a database how its rows are spread, without a value of a person, into
    /// seeds/NAME.profile.json
    Profile(ProfileArgs),
    /// Bring the database back to a saved template
    Reset(ResetArgs),
    /// Templates: saved states of the database
    #[command(subcommand)]
    Template(TemplateCommand),
}

/// What to write.
#[derive(Debug, clap::Args)]
pub(super) struct Wanted {
    /// Rows of each table whose spec does not say them
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) rows: Option<u64>,
    /// Where all random numbers come from; the same seed gives the same rows
    #[arg(long, value_name = "N")]
    pub(super) seed: Option<u64>,
    /// Factor of all numbers of rows, such as 0.1
    #[arg(long, value_name = "X")]
    pub(super) scale: Option<f64>,
    /// Only this table, and what it refers to; may be given several times
    #[arg(long = "table", value_name = "TABLE")]
    pub(super) tables: Vec<String>,
    /// Rows, shares and distributions as `seed profile` learned them, where the spec says nothing else
    #[arg(long, value_name = "FILE")]
    pub(super) profile: Option<PathBuf>,
    /// Rows written by hand in the spec that come first
    #[arg(long, value_name = "NAME")]
    pub(super) scenario: Option<String>,
    /// Add rows to those that earlier runs wrote
    #[arg(long)]
    pub(super) extend: bool,
    /// The day that dates are made around [default: 1 January of this year, so that a seed gives the
    /// same rows all year]
    #[arg(long, value_name = "YYYY-MM-DD")]
    pub(super) today: Option<chrono::NaiveDate>,
}

/// Arguments of `seed plan`.
#[derive(Debug, clap::Args)]
pub struct PlanArgs {
    #[command(flatten)]
    pub(super) wanted: Wanted,
}

/// Arguments of `seed run`.
#[derive(Debug, clap::Args)]
pub struct RunArgs {
    #[command(flatten)]
    pub(super) wanted: Wanted,
    /// Workers, each with a connection
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(super) workers: u16,
    /// Take an unfinished run back: its rows go, indexes and constraints are put back
    #[arg(long)]
    pub(super) abandon: bool,
    /// Rows that one transaction writes, at most
    #[arg(long, value_name = "ROWS", default_value_t = 65_536, value_parser = clap::value_parser!(u64).range(1..))]
    pub(super) chunk_rows: u64,
}

/// Arguments of `seed profile`.
#[derive(Debug, clap::Args)]
pub struct ProfileArgs {
    /// Its name [default: the environment's]
    #[arg(value_name = "NAME")]
    pub(super) name: Option<String>,
    /// Rows that every bucket, category and form has at least
    #[arg(long, value_name = "ROWS", default_value_t = 20, value_parser = clap::value_parser!(u64).range(5..))]
    pub(super) min_group: u64,
    /// Rows of each table that are read, about; all are counted
    #[arg(long, value_name = "ROWS", default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1000..))]
    pub(super) sample: u64,
    /// Compare this database with a profile instead; exit code 3 when distributions differ
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    pub(super) compare: Option<PathBuf>,
    /// Search a profile for values of this database instead
    #[arg(long, value_name = "FILE")]
    pub(super) check: Option<PathBuf>,
}

/// Arguments of `seed reset`.
#[derive(Debug, clap::Args)]
pub struct ResetArgs {
    /// The template
    #[arg(long, value_name = "NAME", default_value = "seeded")]
    pub(super) template: String,
}

/// Commands of `seed template`.
#[derive(Debug, clap::Subcommand)]
pub enum TemplateCommand {
    /// Save the database as it is; whoever is connected is sent away
    Save(TemplateArgs),
    /// Show the templates
    List,
    /// Drop a template
    Drop(TemplateArgs),
}

/// A template.
#[derive(Debug, clap::Args)]
pub struct TemplateArgs {
    /// Its name
    #[arg(default_value = "seeded")]
    pub(super) name: String,
}

pub(in crate::cli) async fn run(app: &App, command: &Command) -> Result<Output> {
    match command {
        Command::Plan(args) => plan::show(app, args).await,
        Command::Run(args) => plan::run(app, args).await,
        Command::Profile(args) => profile::run(app, args).await,
        Command::Reset(args) => template::reset(app, args).await,
        Command::Template(command) => template::run(app, command).await,
    }
}
