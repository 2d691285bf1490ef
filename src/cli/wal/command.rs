//! The commands.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use super::{audit, receive};
use crate::cli::App;
use crate::cli::access::admit;
use crate::cli::backup::{open, open_with};
use crate::cli::render::Output;
use crate::error::{Error, Kind, Result};
use crate::recovery::{Segment, TimelineHistory, history_name};
use crate::service::backup::Shelf;
use crate::service::wal::{
    Fetched, fetch_brought, fetch_live, fetch_through, fetch_whole, push, push_through,
};
use crate::storage::Repository;

/// Exit codes of `restore_command`. Up to 125 they say that there is no such file, so that the log
/// ends and the server is promoted; above, recovery stops.
const BEYOND: u8 = 1;
const FAILED: u8 = 255;

/// `wal push|fetch|receive|audit`.
#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Hand over a file of WAL, as archive_command: `tidegate wal push --repository LOCATION %p`
    Push(PushArgs),
    /// Fetch a file of WAL, as restore_command: `tidegate wal fetch --repository LOCATION %f %p`
    Fetch(FetchArgs),
    /// Receive the WAL of a running server and upload it, until it is stopped
    Receive(receive::Args),
    /// Walk the repository and tell what can be recovered from it
    Audit(audit::Args),
}

/// Arguments of `wal push`.
#[derive(Debug, clap::Args)]
pub struct PushArgs {
    /// The socket of the process that writes to the repository; the key stays with that process
    #[arg(long, value_name = "PATH", conflicts_with = "repository")]
    socket: Option<PathBuf>,
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// The engine that keeps the repository; another one's is refused. pgBackRest wants to read its
    /// name in archive_command
    #[arg(long, value_name = "NAME", conflicts_with = "socket")]
    engine: Option<String>,
    /// The file
    path: PathBuf,
}

/// Arguments of `wal fetch`.
#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// The socket of the process that restores; the key stays with that process
    #[arg(long, value_name = "PATH", conflicts_with = "repository")]
    socket: Option<PathBuf>,
    /// The repository [default: `[backup] repository`]
    #[arg(long, value_name = "LOCATION")]
    repository: Option<String>,
    /// The base backup that the server was restored from: segments that it brought along are in its
    /// own `pg_wal`, and not missing when the repository lacks them
    #[arg(long, value_name = "ID", conflicts_with = "socket")]
    backup: Option<String>,
    /// The name of the file
    name: String,
    /// Where it goes
    to: PathBuf,
}

pub(in crate::cli) async fn run(app: &App, command: &Command) -> Result<Output> {
    match command {
        Command::Push(args) => {
            hand_over(app, args).await?;
            Ok(Output::exit_only(0))
        }
        Command::Fetch(args) => Ok(Output::exit_only(fetched(app, args).await)),
        Command::Receive(args) => receive::run(app, args).await,
        Command::Audit(args) => audit::run(app, args).await,
    }
}

/// Whether `args`, which may not even parse, are those of a `restore_command`. Then no failure may
/// look like the end of the log; a panic neither, which would end with 101.
pub(in crate::cli) fn guards_recovery(args: &[OsString]) -> bool {
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
pub(in crate::cli) fn failed() -> ExitCode {
    ExitCode::from(FAILED)
}

async fn hand_over(app: &App, args: &PushArgs) -> Result<()> {
    if let Some(socket) = &args.socket {
        return push_through(socket, &args.path).await;
    }
    let (config, wanted) = (app.config()?, args.engine.as_deref());
    let named = args.repository.as_deref();
    let (repository, engine) = open_with(&config, named, wanted).await?;
    if let Some(wanted) = wanted.filter(|wanted| *wanted != engine) {
        let place = repository.location();
        return Err(Error::new(
            Kind::BackupRefused,
            format!("{place} is kept by the engine {engine}, not {wanted}"),
        ));
    }
    // The one check that needs no database: an archiver calls this for each segment.
    admit(app, &config, &repository).await?;
    let name = args.path.file_name().unwrap_or_default().to_string_lossy();
    let content = tokio::fs::read(&args.path).await;
    let content = content.map_err(|error| unread(&args.path, &error))?;
    history_of(&repository, &args.path).await?;
    push(&repository, &name, &content).await.map(drop)
}

/// The error of a file that cannot be read; one that is not there was named wrongly.
fn unread(path: &Path, error: &std::io::Error) -> Error {
    let kind = match error.kind() {
        std::io::ErrorKind::NotFound => Kind::Usage,
        _ => Kind::Io,
    };
    Error::new(kind, format!("{}: {error}", path.display()))
        .hint("name a file of pg_wal: archive_command = 'tidegate wal push ... %p'")
}

/// Hands over the history of a segment's timeline, too, when the repository lacks it and it lies beside
/// the segment: a server that was promoted while it did not archive never hands it over itself.
async fn history_of(repository: &Repository, segment: &Path) -> Result<()> {
    let name = segment.file_name().unwrap_or_default().to_string_lossy();
    let timeline = name.get(..8).filter(|_| name.len() >= 24);
    let timeline = timeline.and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(timeline) = timeline.filter(|timeline| *timeline > 1) else {
        return Ok(());
    };
    let name = TimelineHistory::name(timeline);
    let history = segment.with_file_name(&name);
    if !history.exists() || repository.exists(&history_name(timeline)).await? {
        return Ok(());
    }
    let text = tokio::fs::read(&history).await?;
    push(repository, &name, &text).await.map(drop)
}

async fn fetched(app: &App, args: &FetchArgs) -> u8 {
    let written = async {
        match look_up(app, args).await? {
            Fetched::Found(content) => {
                tokio::fs::write(&args.to, content).await?;
                Ok::<_, Error>(0)
            }
            Fetched::At(path) => {
                taken(&path, &args.to).await?;
                Ok(0)
            }
            Fetched::Beyond => Ok(BEYOND),
        }
    };
    written.await.unwrap_or_else(|error| {
        tracing::error!(%error, name = args.name, "recovery is stopped");
        FAILED
    })
}

/// Moves a file that lies ready; one of another file system is copied.
async fn taken(file: &Path, to: &Path) -> Result<()> {
    match tokio::fs::rename(file, to).await {
        Err(error) if error.kind() == std::io::ErrorKind::CrossesDevices => {
            tokio::fs::copy(file, to).await?;
            Ok(tokio::fs::remove_file(file).await?)
        }
        renamed => Ok(renamed?),
    }
}

async fn look_up(app: &App, args: &FetchArgs) -> Result<Fetched> {
    if let Some(socket) = &args.socket {
        return fetch_through(socket, &args.name).await;
    }
    let repository = open(&app.config()?, args.repository.as_deref()).await?;
    if let Some(found) = fetch_whole(&repository, &args.name).await? {
        return Ok(found);
    }
    let shelf = Shelf::read(&repository).await?;
    let backup = match &args.backup {
        Some(id) => shelf.backup(id)?,
        None => shelf.backups.last().ok_or_else(|| {
            let text = format!("{} holds no complete backup", repository.location());
            Error::new(Kind::BackupMissing, text)
        })?,
    };
    let bytes = backup.wal_segment_bytes;
    let brought = args.backup.as_ref().and_then(|_| backup.brought());
    let segment = Segment::parse(&args.name, bytes);
    if let (Some(brought), Some(segment)) = (brought, segment)
        && brought.holds(segment)
    {
        return fetch_brought(&repository, (brought, segment), bytes, false).await;
    }
    let (found, _) = fetch_live(&repository, &args.name, bytes).await?;
    Ok(found)
}
