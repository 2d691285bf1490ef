//! Receives the WAL of a running server and uploads it: whole segments, and each second what is
//! new of the segment that is being written.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::slot::{refuse_lost, slot};
use super::spool::Spool;
use super::upload::{Upload, lasting};
use crate::clock::Clock;
use crate::config::Target;
use crate::engines::refused;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::{Binaries, Leash};
use crate::service::backup::system_identifier;
use crate::storage::Repository;

/// Time between two uploads.
const INTERVAL: Duration = Duration::from_secs(1);
/// The longest time between two tries of an upload that fails.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long the program may take to end, and how long uploads are tried after it has.
const PATIENCE: Duration = Duration::from_secs(10);
const DRAIN_PATIENCE: Duration = Duration::from_secs(60);
/// How long another holder of the slot is waited for: a server notices late that its client died.
const SLOT_PATIENCE: Duration = Duration::from_secs(15);
/// When the program has not ended by then, it has its slot.
const SETTLED: Duration = Duration::from_millis(500);
/// Time between two starts.
const AGAIN: Duration = Duration::from_millis(300);
/// Lines of its output that are kept.
const LINES: usize = 10;
/// What servers say of WAL that is gone, or of a slot that was given up for it.
const LOST: [&str; 3] = [
    "has already been removed",
    "has been invalidated",
    "can no longer",
];
/// What servers say that have no room, and what to do.
const FULL: [(&str, &str); 2] = [
    (
        "exceeds max_wal_senders",
        "all WAL senders are in use: raise max_wal_senders, or end one",
    ),
    (
        "all replication slots are in use",
        "raise max_replication_slots, or drop a slot that nobody uses",
    ),
];
/// The option of the spool; by it a program that lost its starter is known.
pub(super) const DIRECTORY: &str = "--directory";

/// What a receiver works with.
#[derive(Debug, Clone)]
pub struct ReceiverOptions {
    /// The server.
    pub target: Target,
    /// Its programs, of its major version or newer.
    pub binaries: Binaries,
    /// Where WAL goes.
    pub repository: Repository,
    /// A folder for what is not uploaded yet, and for the newest whole segment; made with mode
    /// 0700.
    pub spool: PathBuf,
    /// The replication slot, made when it is missing; also the name that the server knows it by.
    pub slot: String,
    /// Whether it writes to its disk at once, as commits that wait for it need.
    pub synchronous: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// A receiver at work. When it is dropped it stops, and what is not uploaded stays in the spool.
#[derive(Debug)]
pub struct Receiver {
    program: JoinHandle<()>,
    upload: JoinHandle<Result<Upload>>,
    shared: Arc<Shared>,
    _spool: Spool,
}

/// What was uploaded after the server had gone.
#[derive(Debug, Clone, Copy, Default)]
pub struct Drained {
    /// Bytes.
    pub bytes: u64,
    /// The longest time in seconds that one round of uploads took, of all since the beginning.
    pub longest_upload: f64,
}

/// What the tasks of a receiver tell each other.
#[derive(Debug, Default)]
struct Shared {
    /// The program is to end.
    end: CancellationToken,
    /// It has ended.
    ended: CancellationToken,
    /// Uploads are to end, with what is in the spool.
    stop: CancellationToken,
    /// They have ended.
    stopped: CancellationToken,
    /// The last lines of the program.
    said: Arc<Mutex<VecDeque<String>>>,
    /// How the program ended when nobody had asked it to.
    gone: Mutex<Option<ExitStatus>>,
    /// Why nothing is uploaded at the moment.
    trouble: Mutex<Option<String>>,
}

impl Receiver {
    /// Seconds between two uploads.
    pub const INTERVAL: Duration = INTERVAL;

    /// Makes the slot, starts `pg_receivewal`, and uploads until it is drained. A program that a
    /// killed receiver left in the same spool is ended first.
    ///
    /// # Errors
    /// The program is missing, cannot connect ([`Kind::Privilege`] where `pg_hba.conf` lets the role not
    /// replicate), or does not get its slot within 15 s ([`Kind::RunnerBusy`]); another
    /// process works in the spool ([`Kind::RunnerBusy`]); it holds WAL of another cluster
    /// ([`Kind::WalConflict`]); the server has given up the slot ([`Kind::WalMissing`]).
    pub async fn start(options: &ReceiverOptions) -> Result<Self> {
        let spool = Spool::take(&options.spool).await?;
        let session = Session::connect(&options.target, "wal").await?;
        spool.belongs_to(system_identifier(&session).await?)?;
        refuse_lost(&session, &options.target, &options.slot).await?;
        until_free(&session, options).await?;
        drop(session);
        make_slot(options, &spool).await?;
        spool.go_on_from(&options.slot, &options.target).await?;
        let (child, said) = connect(options, &spool).await?;
        let shared = Arc::new(Shared {
            said,
            ..Shared::default()
        });
        let program = tokio::spawn(watch(child, Arc::clone(&shared)));
        let clock = Arc::clone(&options.clock);
        let upload = Upload::new(&options.repository, spool.path.clone(), Arc::clone(&clock));
        let upload = tokio::spawn(keep_uploading(upload, clock, Arc::clone(&shared)));
        Ok(Self {
            program,
            upload,
            shared,
            _spool: spool,
        })
    }

    /// Whether an error of it stays, however often it is started again.
    #[must_use]
    pub fn is_lasting(error: &Error) -> bool {
        lasting(error) || error.kind() == Kind::WalMissing
    }

    /// Whether it still receives and uploads; see [`Self::trouble`] for uploads that fail and are
    /// tried again.
    #[must_use]
    pub fn works(&self) -> bool {
        !self.shared.ended.is_cancelled() && !self.shared.stopped.is_cancelled()
    }

    /// Waits until it does not receive or does not upload any more. [`Self::drain`] then tells
    /// why uploads have ended, and [`Self::gone`] why the program has.
    pub async fn stopped(&self) {
        tokio::select! {
            () = self.shared.ended.cancelled() => {}
            () = self.shared.stopped.cancelled() => {}
        }
    }

    /// Why nothing is uploaded at the moment, though it is tried again and again; none when all
    /// is well.
    #[must_use]
    pub fn trouble(&self) -> Option<String> {
        lock(&self.shared.trouble).clone()
    }

    /// What the program said when it ended by itself; none while it works. It ends when its server
    /// does.
    #[must_use]
    pub fn gone(&self) -> Option<Error> {
        let status = (*lock(&self.shared.gone))?;
        Some(said("ended", status, &self.shared.said))
    }

    /// Ends it and uploads all that it has.
    ///
    /// # Errors
    /// An upload that will never work, at once; one that may, after a minute of tries.
    pub async fn drain(mut self) -> Result<Drained> {
        // It ends by itself when its server is gone; a busy one is asked to.
        let own = Duration::from_millis(500);
        let _ = tokio::time::timeout(own, self.shared.ended.cancelled()).await;
        self.shared.end.cancel();
        self.shared.ended.cancelled().await;
        self.shared.stop.cancel();
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
        // The program is killed with its task.
        self.program.abort();
        self.upload.abort();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An error with the last lines of the program. Where the server has not got the WAL any more that
/// comes next, no try will bring it: there is a hole, which only a new base backup gets over.
fn said(what: &str, status: ExitStatus, lines: &Mutex<VecDeque<String>>) -> Error {
    let lines = lock(lines);
    let lost = |line: &String| LOST.iter().any(|words| line.contains(words));
    let error = if lines.iter().any(lost) {
        Error::new(
            Kind::WalMissing,
            "the server does not have the WAL any more with which the receiver must go on",
        )
        .hint("begin anew: drop the replication slot, remove the files of WAL in the spool once they are uploaded, start the receiver, and take a base backup; see max_slot_wal_keep_size")
    } else {
        Error::new(Kind::CopyTool, format!("pg_receivewal {what}: {status}"))
    };
    lines.iter().cloned().fold(error, Error::detail)
}

async fn make_slot(options: &ReceiverOptions, spool: &Spool) -> Result<()> {
    let made = command(options, spool)?
        .args(["--create-slot", "--if-not-exists"])
        .output()
        .await?;
    if made.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&made.stderr).into_owned();
    let error = refused(&text, options.target.role()).unwrap_or_else(|| {
        let error = Error::new(Kind::CopyTool, "pg_receivewal did not make its slot");
        let full = FULL.iter().find(|(words, _)| text.contains(words));
        match full {
            Some((_, remedy)) => error.hint(*remedy),
            None => error,
        }
    });
    Err(text.lines().take(LINES).fold(error, Error::detail))
}

/// Somebody else receives through the slot.
fn busy(options: &ReceiverOptions) -> Error {
    let (slot, label) = (&options.slot, options.target.label());
    Error::new(
        Kind::RunnerBusy,
        format!("another process receives through the replication slot \"{slot}\" of {label}"),
    )
    .hint("stop it first: `select * from pg_stat_replication` tells who it is; a second receiver needs a replication slot (--slot) of its own")
}

/// Waits until nobody receives through the slot. The program would be refused, too, but on a machine that is
/// busy so late that it looks as if it had begun.
async fn until_free(session: &Session, options: &ReceiverOptions) -> Result<()> {
    let begun = options.clock.monotonic();
    while slot(session, &options.slot).await?.active {
        if options.clock.monotonic().saturating_sub(begun) > SLOT_PATIENCE {
            return Err(busy(options));
        }
        tokio::time::sleep(AGAIN).await;
    }
    Ok(())
}

/// Starts the program, again and again as long as somebody else holds the slot.
async fn connect(
    options: &ReceiverOptions,
    spool: &Spool,
) -> Result<(Child, Arc<Mutex<VecDeque<String>>>)> {
    let begun = options.clock.monotonic();
    loop {
        let mut receive = command(options, spool)?;
        receive.args(["--no-loop", "--status-interval=1"]);
        if options.synchronous {
            receive.arg("--synchronous");
        }
        let mut child = receive.stderr(Stdio::piped()).spawn()?;
        let lines = Arc::new(Mutex::new(VecDeque::new()));
        let listening = child
            .stderr
            .take()
            .map(|output| tokio::spawn(listen(output, Arc::clone(&lines))));
        let Ok(status) = tokio::time::timeout(SETTLED, child.wait()).await else {
            return Ok((child, lines));
        };
        let status = status?;
        if let Some(listening) = listening {
            let _ = tokio::time::timeout(SETTLED, listening).await;
        }
        let taken = lock(&lines).iter().any(|line| line.contains("is active"));
        let waited = options.clock.monotonic().saturating_sub(begun);
        if !taken || waited > SLOT_PATIENCE {
            return Err(match taken {
                true => busy(options),
                false => said("did not begin", status, &lines),
            });
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Keeps the last lines, and tells each in the log.
async fn listen(output: tokio::process::ChildStderr, lines: Arc<Mutex<VecDeque<String>>>) {
    let mut output = BufReader::new(output).lines();
    while let Ok(Some(line)) = output.next_line().await {
        tracing::info!("{line}");
        let mut lines = lock(&lines);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }
}

/// Waits for the program's end, and ends it when that is asked for.
async fn watch(mut child: Child, shared: Arc<Shared>) {
    let leash = Leash::on(child.id());
    let end = shared.ended.clone().drop_guard();
    tokio::select! {
        status = child.wait() => {
            if let Ok(status) = status {
                *lock(&shared.gone) = Some(status);
            }
            leash.release();
            return;
        }
        () = shared.end.cancelled() => {}
    }
    if let Some(pid) = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed())) {
        let _ = kill_process(pid, Signal::INT);
    }
    if tokio::time::timeout(PATIENCE, child.wait()).await.is_err() {
        let _ = child.kill().await;
    }
    leash.release();
    drop(end);
}

/// Uploads each second until it is stopped, and once more then. What may work later is tried
/// again, and said; what never will ends the program too, so that nobody relies on it.
async fn keep_uploading(
    mut upload: Upload,
    clock: Arc<dyn Clock>,
    shared: Arc<Shared>,
) -> Result<Upload> {
    let _told = shared.stopped.clone().drop_guard();
    let mut wait = INTERVAL;
    let mut last_since = None;
    loop {
        let last = shared.stop.is_cancelled();
        let now = clock.monotonic();
        let since = last.then(|| *last_since.get_or_insert(now));
        match upload.round().await {
            Ok(()) if last => return Ok(upload),
            Ok(()) => {
                if lock(&shared.trouble).take().is_some() {
                    tracing::warn!("WAL is uploaded again");
                }
                wait = INTERVAL;
            }
            Err(error) => {
                let tried = since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
                if lasting(&error) || tried > DRAIN_PATIENCE {
                    shared.end.cancel();
                    return Err(error);
                }
                tracing::warn!(%error, "WAL is not uploaded; it stays in the spool and is tried again");
                *lock(&shared.trouble) = Some(error.to_string());
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        if last {
            tokio::time::sleep(INTERVAL).await;
            continue;
        }
        tokio::select! {
            () = shared.stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// `pg_receivewal` on this server, killed when it is dropped.
fn command(options: &ReceiverOptions, spool: &Spool) -> Result<Command> {
    let program = options.binaries.program("pg_receivewal").ok_or_else(|| {
        let dir = options.binaries.dir.display();
        Error::new(Kind::PostgresMissing, format!("no pg_receivewal in {dir}"))
    })?;
    let mut command = Command::new(program);
    command
        .arg(DIRECTORY)
        .arg(&spool.path)
        .arg("--slot")
        .arg(&options.slot)
        .env_clear()
        .envs(options.binaries.environment())
        .envs(options.target.libpq_environment("wal")?)
        .env("PGAPPNAME", &options.slot)
        .current_dir("/")
        .stdin(Stdio::null())
        // One that outlives a killed Tidegate must not hold its starter's pipes open.
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .process_group(0);
    Ok(command)
}
