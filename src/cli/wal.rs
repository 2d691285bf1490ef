//! `tidegate wal`: what servers call to hand over and to fetch WAL.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

use super::render::Output;
use crate::error::Result;
use crate::service::wal::{Fetched, fetch_through, push_through};

/// Exit codes of `restore_command`. Up to 125 they say that there is no such file, so that the log
/// ends and the server is promoted; above, recovery stops.
const BEYOND: u8 = 1;
const FAILED: u8 = 255;

/// `wal push|fetch`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Hand over a file of WAL, as archive_command: `tidegate wal push --socket PATH %p`
    Push(PushArgs),
    /// Fetch a file of WAL, as restore_command: `tidegate wal fetch --socket PATH %f %p`
    Fetch(FetchArgs),
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

pub(super) async fn run(command: &Command) -> Result<Output> {
    match command {
        Command::Push(args) => {
            push_through(&args.socket, &args.path).await?;
            Ok(Output::exit_only(0))
        }
        Command::Fetch(args) => Ok(Output::exit_only(fetch(args).await)),
    }
}

/// Whether `args`, which may not even parse, are those of a `restore_command`. Then no failure may
/// look like the end of the log; a panic neither, which would end with 101.
pub(super) fn guards_recovery(args: &[OsString]) -> bool {
    let mut words = args.iter().skip(1).skip_while(|word| *word != "wal");
    let fetches = words.next().is_some() && words.next().is_some_and(|word| word == "fetch");
    let helps = args.iter().any(|word| word == "--help" || word == "-h");
    if fetches && !helps {
        let told = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            told(panic);
            std::process::exit(i32::from(FAILED));
        }));
        return true;
    }
    false
}

/// The exit code of a `restore_command` that stops recovery.
pub(super) fn failed() -> ExitCode {
    ExitCode::from(FAILED)
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
