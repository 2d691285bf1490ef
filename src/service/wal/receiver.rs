//! Receives the WAL of a running server and uploads it: whole segments, and each second what is
//! new of the segment that is being written.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::push::{push, put};
use crate::clock::Clock;
use crate::config::{Target, vars};
use crate::error::{Error, Kind, Result};
use crate::postgres::private::Binaries;
use crate::recovery::{Increment, Segment, increment_name};
use crate::storage::Repository;

/// Time between two uploads.
const INTERVAL: Duration = Duration::from_secs(1);
/// Bytes of a page of WAL; pieces begin with one, since the last one is written more than once.
const PAGE: usize = 8192;
/// How long the program may take to end.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a receiver works with.
#[derive(Debug, Clone)]
pub struct ReceiverOptions {
    /// The server.
    pub target: Target,
    /// Its programs, of its major version or newer.
    pub binaries: Binaries,
    /// Where WAL goes.
    pub repository: Repository,
    /// A folder for what is not uploaded yet; made with mode 0700.
    pub spool: PathBuf,
    /// The replication slot, made when it is missing; also the name that the server knows it by.
    pub slot: String,
    /// Whether it writes to its disk at once, as commits that wait for it need.
    pub synchronous: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A receiver at work.
#[derive(Debug)]
pub struct Receiver {
    child: Child,
    upload: JoinHandle<Result<Upload>>,
    stop: CancellationToken,
}

/// What was uploaded after the server had gone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drained {
    /// Bytes.
    pub bytes: u64,
    /// The longest time in seconds that one round of uploads took, of all since the beginning.
    pub longest_upload: f64,
}

impl Receiver {
    /// Seconds between two uploads.
    pub const INTERVAL: Duration = INTERVAL;

    /// Makes the slot, starts `pg_receivewal`, and uploads until it is drained.
    ///
    /// # Errors
    /// The program is missing or cannot connect.
    pub async fn start(options: &ReceiverOptions) -> Result<Self> {
        use std::os::unix::fs::DirBuilderExt as _;
        std::fs::DirBuilder::new()
            .mode(0o700)
            .recursive(true)
            .create(&options.spool)?;
        let made = command(options)?
            .args(["--create-slot", "--if-not-exists"])
            .output()
            .await?;
        if !made.status.success() {
            let said = String::from_utf8_lossy(&made.stderr).into_owned();
            let error = Error::new(Kind::CopyTool, "pg_receivewal did not make its slot");
            return Err(said.lines().take(3).fold(error, Error::detail));
        }
        let mut receive = command(options)?;
        receive.args(["--no-loop", "--status-interval=1"]);
        if options.synchronous {
            receive.arg("--synchronous");
        }
        let child = receive.stderr(Stdio::null()).spawn()?;
        let stop = CancellationToken::new();
        let mut upload = Upload {
            repository: options.repository.clone(),
            spool: options.spool.clone(),
            clock: Arc::clone(&options.clock),
            sent: None,
            pieces: Vec::new(),
            longest: Duration::ZERO,
            last: 0,
        };
        let stopped = stop.clone();
        let upload = tokio::spawn(async move {
            while !stopped.is_cancelled() {
                upload.round().await?;
                tokio::select! {
                    () = stopped.cancelled() => {}
                    () = tokio::time::sleep(INTERVAL) => {}
                }
            }
            upload.round().await?;
            Ok(upload)
        });
        Ok(Self {
            child,
            upload,
            stop,
        })
    }

    /// Whether it still receives and uploads.
    #[must_use]
    pub fn works(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None)) && !self.upload.is_finished()
    }

    /// Ends it and uploads all that it has.
    ///
    /// # Errors
    /// Those of the uploads since it was started.
    pub async fn drain(mut self) -> Result<Drained> {
        if let (Ok(None), Some(pid)) = (self.child.try_wait(), self.child.id())
            && let Some(pid) = rustix::process::Pid::from_raw(pid.cast_signed())
        {
            // It ends by itself when its server is gone; a busy one is asked to.
            let gone = tokio::time::timeout(Duration::from_millis(500), self.child.wait()).await;
            if gone.is_err() {
                let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
            }
        }
        if tokio::time::timeout(PATIENCE, self.child.wait())
            .await
            .is_err()
        {
            self.child.kill().await?;
        }
        self.stop.cancel();
        let upload = (&mut self.upload)
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))??;
        Ok(Drained {
            bytes: upload.last,
            longest_upload: upload.longest.as_secs_f64(),
        })
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.upload.abort();
    }
}

/// `pg_receivewal` on this server, killed when it is dropped.
fn command(options: &ReceiverOptions) -> Result<Command> {
    let program = options.binaries.program("pg_receivewal").ok_or_else(|| {
        let dir = options.binaries.dir.display();
        Error::new(Kind::PostgresMissing, format!("no pg_receivewal in {dir}"))
    })?;
    let mut command = Command::new(program);
    command
        .arg("--directory")
        .arg(&options.spool)
        .arg("--slot")
        .arg(&options.slot)
        .env_clear()
        .envs(vars::server_environment())
        .envs(options.target.libpq_environment("wal")?)
        .env("PGAPPNAME", &options.slot)
        .current_dir("/")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .process_group(0);
    Ok(command)
}

struct Upload {
    repository: Repository,
    spool: PathBuf,
    clock: Arc<dyn Clock>,
    /// The segment that is being written, and how much of it is in the repository.
    sent: Option<(Segment, usize)>,
    /// Names of its pieces there.
    pieces: Vec<String>,
    longest: Duration,
    /// Bytes of the last round.
    last: u64,
}

impl std::fmt::Debug for Upload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Upload").finish_non_exhaustive()
    }
}

impl Upload {
    /// Uploads what is new.
    async fn round(&mut self) -> Result<()> {
        let started = self.clock.monotonic();
        self.last = 0;
        let mut names: Vec<String> = self
            .spool
            .read_dir()?
            .flatten()
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort();
        for name in names {
            let path = self.spool.join(&name);
            if let Some(whole) = name.strip_suffix(".partial") {
                self.partial(whole, &path).await?;
            } else {
                self.whole(&name, &path).await?;
            }
        }
        let took = self.clock.monotonic().saturating_sub(started);
        self.longest = self.longest.max(took);
        Ok(())
    }

    /// A segment that is complete, or a history.
    async fn whole(&mut self, name: &str, path: &Path) -> Result<()> {
        let content = tokio::fs::read(path).await?;
        push(&self.repository, name, &content).await?;
        self.last += content.len() as u64;
        tokio::fs::remove_file(path).await?;
        // Its pieces say nothing more.
        if self
            .sent
            .is_some_and(|(segment, _)| segment.name(size(&content)) == name)
        {
            for piece in std::mem::take(&mut self.pieces) {
                self.repository.remove(&piece).await?;
            }
            self.sent = None;
        }
        Ok(())
    }

    /// What is new of the segment that is being written.
    async fn partial(&mut self, name: &str, path: &Path) -> Result<()> {
        let content = match tokio::fs::read(path).await {
            Ok(content) => content,
            // It was completed meanwhile; the next round takes it as a whole.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let bytes = size(&content);
        let Some(segment) = Segment::parse(name, bytes) else {
            return Ok(());
        };
        let from = match self.sent {
            Some((known, sent)) if known == segment => sent,
            _ => 0,
        };
        let Some(filled) = content.iter().rposition(|byte| *byte != 0) else {
            return Ok(());
        };
        // The page that was written last has grown, so it is sent again; the longer piece wins.
        let from = from / PAGE * PAGE;
        if filled < from || self.sent == Some((segment, filled)) {
            return Ok(());
        }
        let piece = Increment {
            offset: u32::try_from(from).unwrap_or(u32::MAX),
            bytes: u32::try_from(filled + 1 - from).unwrap_or(u32::MAX),
        };
        let name = increment_name(segment, piece, bytes);
        put(&self.repository, &name, &content[from..=filled]).await?;
        self.pieces.push(name);
        self.last += u64::from(piece.bytes);
        self.sent = Some((segment, filled));
        Ok(())
    }
}

fn size(content: &[u8]) -> u32 {
    u32::try_from(content.len()).unwrap_or(u32::MAX)
}
