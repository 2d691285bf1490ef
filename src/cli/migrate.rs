//! `tidegate migrate`.

use super::App;
use super::render::Output;
use crate::error::{Error, Kind, Result};

/// Commands of `migrate`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

pub(super) async fn run(_app: &App, _command: Command) -> Result<Output> {
    Err(Error::new(Kind::Internal, "not built yet"))
}
