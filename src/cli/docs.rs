//! `tidegate completions`, `man` and `explain`: the documentation that the binary carries.

use super::render::Output;
use crate::error::{Error, Kind, Result};

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub struct ManArgs {
    /// The folder; it is made when it is not there
    dir: std::path::PathBuf,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// A code such as TG0412
    code: String,
}

pub(super) fn completions(_args: &CompletionsArgs) -> Result<Output> {
    Err(Error::new(Kind::Internal, "not built yet"))
}

pub(super) fn man(_args: &ManArgs) -> Result<Output> {
    Err(Error::new(Kind::Internal, "not built yet"))
}

pub(super) fn explain(_args: &ExplainArgs) -> Result<Output> {
    Err(Error::new(Kind::Internal, "not built yet"))
}
