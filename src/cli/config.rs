//! `tidegate config`.

use super::App;
use super::render::Output;
use crate::error::{Error, Kind, Result};

/// Commands of `config`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {}

pub(super) fn run(_app: &App, _command: &Command) -> Result<Output> {
    Err(Error::new(Kind::Internal, "not built yet"))
}
