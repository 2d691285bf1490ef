//! `tidegate init`.

use super::App;
use super::render::Output;
use crate::error::{Error, Kind, Result};

/// Arguments of `init`.
#[derive(Debug, clap::Args)]
pub struct Args {}

pub(super) fn run(_app: &App, _args: &Args) -> Result<Output> {
    Err(Error::new(Kind::Internal, "not built yet"))
}
