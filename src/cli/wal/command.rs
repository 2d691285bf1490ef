//! The commands.

use std::path::PathBuf;

use super::{audit, receive};
use crate::cli::App;
use crate::cli::render::Output;
use crate::error::Result;
use crate::service::wal::{Fetched, fetch_through, push_through};

/// Exit codes of `restore_command`: 1 says that the log ends, and anything above 125 stops recovery.
const BEYOND: u8 = 1;
const FAILED: u8 = 255;

/// `wal push|fetch|receive|audit`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Hand over a file of WAL, as archive_command: `tidegate wal push --socket PATH %p`
    Push(PushArgs),
    /// Fetch a file of WAL, as restore_command: `tidegate wal fetch --socket PATH %f %p`
    Fetch(FetchArgs),
    /// Receive the WAL of a running server and upload it, until it is stopped
    Receive(receive::Args),
    /// Walk the repository and tell what can be recovered from it
    Audit(audit::Args),
}

/// Arguments of `wal push`.
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    /// The socket of the process that writes to the repository
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The file
    path: PathBuf,
}

/// Arguments of `wal fetch`.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// The socket of the process that restores
    #[arg(long, value_name = "PATH")]
    socket: PathBuf,
    /// The name of the file
    name: String,
    /// Where it goes
    to: PathBuf,
}

pub(in crate::cli) async fn run(app: &App, command: &Command) -> Result<Output> {
    match command {
        Command::Push(args) => {
            push_through(&args.socket, &args.path).await?;
            Ok(Output::exit_only(0))
        }
        Command::Fetch(args) => Ok(Output::exit_only(fetch(args).await)),
        Command::Receive(args) => receive::run(app, args).await,
        Command::Audit(args) => audit::run(app, args).await,
    }
}

async fn fetch(args: &FetchArgs) -> u8 {
    let written = async {
        match fetch_through(&args.socket, &args.name).await? {
            Fetched::Found(content) => {
                tokio::fs::write(&args.to, content).await?;
                Ok::<_, crate::error::Error>(0)
            }
            Fetched::Beyond => Ok(BEYOND),
        }
    };
    written.await.unwrap_or_else(|error| {
        tracing::error!(%error, name = args.name, "recovery is stopped");
        FAILED
    })
}
