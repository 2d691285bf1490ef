//! The list of subcommands.

use super::scan;
use crate::cli::App;
use crate::cli::render::Output;
use crate::error::Result;

/// Commands of `mask`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Find personal data by names, types and sampled values
    Scan(scan::Args),
}

pub(in crate::cli) async fn run(app: &App, command: Command) -> Result<Output> {
    match command {
        Command::Scan(args) => scan::run(app, &args).await,
    }
}
