//! A restored instance that replays all the time, and answers readers meanwhile.

use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio_util::sync::CancellationToken;

use super::deadline::{Deadlines, RestorePhase};
use super::follow_mark::FollowMark;
use super::neutral::{allowed, settings};
use super::preflight::preflight;
use super::program::reachable;
use super::recover::{STANDS_BY, failed};
use super::run::{Laid, READY, Restore, SOCKET, binaries};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::{Binaries, Identity, Options, PrivateServer, Running, socket_path};
use crate::recovery::{Lsn, Presence, RecoveryTarget, Segment, WalChain};
use crate::service::scratch;
use crate::service::wal::{Expected, WalSocket, history};
use crate::storage::Repository;

/// Held by the process that follows into a folder.
const LOCK: &str = "follow.lock";

/// Settings of a server that stands by for readers. Queries, such as those of a masked copy, hold the
/// replay up for as long as they take, and are never cancelled by it. The log, which grows by a line for
/// each segment, is that of a day.
const STANDING: [(&str, &str); 6] = [
    ("hot_standby", "on"),
    ("max_standby_archive_delay", "-1"),
    ("max_standby_streaming_delay", "-1"),
    ("wal_retrieve_retry_interval", "1s"),
    ("log_filename", "follow-%H.log"),
    ("log_rotation_age", "1h"),
];

/// Where a server stands that does, and whether it goes on.
const STAND: &str = "select pg_catalog.pg_is_in_recovery(), \
    case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_get_wal_replay_pause_state() end, \
    pg_catalog.pg_last_wal_replay_lsn()::text, pg_catalog.pg_last_xact_replay_timestamp()";

/// How an instance is to follow.
#[derive(Debug)]
pub struct Follow<'a> {
    /// What it follows.
    pub repository: &'a Repository,
    /// The folder of everything; the cluster is in `data`.
    pub into: &'a Path,
    /// Settings of the server besides those that are chosen here.
    pub settings: &'a [(String, String)],
    /// How long its phases may take: `replay` until it takes connections.
    pub deadlines: Deadlines,
    /// Time.
    pub clock: &'a Arc<dyn Clock>,
    /// Ends the start.
    pub cancel: &'a CancellationToken,
}

/// An instance that follows its repository until it is stopped.
#[derive(Debug)]
pub struct Following {
    repository: Repository,
    server: PrivateServer,
    running: Running,
    socket: WalSocket,
    mark: FollowMark,
    /// What this machine lacks of what the source had.
    pub warnings: Vec<String>,
    _lock: File,
}

/// How far an instance has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The end of what was replayed.
    pub replayed: Lsn,
    /// When the last transaction that was replayed was committed, by the source's clock; none before
    /// the first one since the server's start.
    pub committed: Option<DateTime<Utc>>,
    /// Bytes of WAL in the repository that were not replayed yet; none while it is out of reach.
    pub behind: Option<u64>,
}

/// A server that is about to start.
struct Ready {
    lock: File,
    identity: Identity,
    binaries: Binaries,
    socket: WalSocket,
    warnings: Vec<String>,
}

impl Follow<'_> {
    /// Restores the base backup of `restore` and follows from there; none when it was cancelled after
    /// the files were there.
    ///
    /// # Errors
    /// Those of [`Restore::run`], after which nothing is left; a server that does not come up
    /// ([`Kind::RestoreFailed`]), of which everything stays.
    pub async fn begin(&self, restore: &Restore<'_>) -> Result<Option<Following>> {
        let laid = tokio::select! {
            laid = restore.lay(STANDS_BY) => laid?,
            () = self.cancel.cancelled() => {
                return Err(Error::new(Kind::Cancelled, "the restore was stopped; nothing is left of it"));
            }
        };
        let Laid {
            binaries,
            warnings,
            identity,
            place,
            socket,
            ..
        } = laid;
        let mark = FollowMark::of(self.repository, restore.backup);
        let lock = lock(self.into)?;
        mark.write(self.into)?;
        place.keep();
        let ready = Ready {
            lock,
            identity,
            binaries,
            socket,
            warnings,
        };
        self.start(mark, ready).await
    }

    /// Goes on in a folder with a mark; none when it was cancelled. A server that a killed process left
    /// there is stopped first.
    ///
    /// # Errors
    /// The repository of another cluster ([`Kind::BackupRefused`]), an instance that was promoted or
    /// that another process follows in ([`Kind::Usage`]), a server that does not come up
    /// ([`Kind::RestoreFailed`]).
    pub async fn resume(&self, mark: FollowMark) -> Result<Option<Following>> {
        allowed(self.settings)?;
        mark.admit(self.repository).await?;
        let lock = lock(self.into)?;
        let data = self.into.join("data");
        if !data.join(STANDS_BY).exists() {
            return Err(promoted(self.into));
        }
        let binaries = binaries(&mark.backup).await?;
        let warnings = preflight(&binaries, &mark.backup, self.settings).await?;
        if PrivateServer::open(self.into)?.stop().await? {
            tracing::warn!("the server that a killed process left was stopped");
        }
        let identity = Identity::of_cluster(&data)?;
        let path = socket_path(self.into, SOCKET)?;
        for left in [&path, &self.into.join("tidegate")] {
            gone(std::fs::remove_file(left))?;
        }
        gone(std::fs::remove_dir_all(self.into.join(READY)))?;
        let expected = Expected {
            segment_bytes: mark.backup.wal_segment_bytes,
            brought: mark.backup.brought(),
            ready: Some(self.into.join(READY)),
            until: None,
            shared_paths: Vec::new(),
            cuts: false,
            follows: true,
        };
        let socket = WalSocket::serve(self.repository, expected, &path, &identity, self.clock);
        let ready = Ready {
            lock,
            identity,
            binaries,
            socket: socket.await?,
            warnings,
        };
        self.start(mark, ready).await
    }

    async fn start(&self, mark: FollowMark, ready: Ready) -> Result<Option<Following>> {
        let program = reachable(&ready.identity, self.into)?;
        let through = (program.as_path(), ready.socket.path());
        let mut all = settings(&mark.backup, &RecoveryTarget::Latest, through, &[]);
        let standing = STANDING.map(|(name, value)| (name.to_owned(), value.to_owned()));
        all.extend(standing);
        all.extend(self.settings.iter().cloned());
        let options = Options {
            binaries: Some(ready.binaries),
            settings: all,
            patience: Some(self.deadlines.of(RestorePhase::Replay)),
            ..Options::default()
        };
        let server = PrivateServer::open(self.into)?;
        let started = tokio::select! {
            started = server.start(&options) => Some(started),
            () = self.cancel.cancelled() => None,
        };
        match started {
            Some(Ok(running)) => Ok(Some(Following {
                repository: self.repository.clone(),
                server,
                running,
                socket: ready.socket,
                mark,
                warnings: ready.warnings,
                _lock: ready.lock,
            })),
            Some(Err(error)) => {
                server.stop().await?;
                // What the repository said is the reason; what the server makes of it is not.
                Err(ready.socket.fault().unwrap_or_else(|| failed(error)))
            }
            None => {
                server.stop().await?;
                Ok(None)
            }
        }
    }
}

impl Following {
    /// The connection string for a database, that of the backup when none is named. The role is the
    /// one that the cluster was made with.
    #[must_use]
    pub fn url(&self, database: Option<&str>) -> String {
        let source = &self.mark.backup.settings;
        let role = source.superuser.as_deref().unwrap_or("postgres");
        let database = database.or(source.database.as_deref());
        self.running.url_as(role, database.unwrap_or("postgres"))
    }

    /// Whether it still goes on.
    ///
    /// # Errors
    /// What ended it: WAL that is damaged or does not come any more, a server that has ended.
    pub fn check(&self) -> Result<()> {
        if let Some(fault) = self.socket.fault() {
            return Err(fault);
        }
        let status = self.server.status()?;
        if status.pid.is_some() {
            return Ok(());
        }
        let (dir, log) = (status.dir.display(), status.log.display());
        let text = format!("the server in {dir} has ended");
        Err(Error::new(Kind::RestoreFailed, text).hint(format!(
            "its log in {log} tells why; start it again to go on"
        )))
    }

    /// How far it has come; none while the server does not answer.
    ///
    /// # Errors
    /// A replay that cannot go on: the instance was promoted, a limit of the source was raised above
    /// its own, or the newest timeline has left what was replayed.
    pub async fn progress(&self) -> Result<Option<Progress>> {
        let stand = match self.stand().await {
            Ok(stand) => stand,
            Err(error) => {
                tracing::debug!(%error, "the instance does not answer");
                return Ok(None);
            }
        };
        let Stand {
            follows,
            paused,
            replayed,
            committed,
        } = stand;
        if !follows {
            return Err(promoted(&self.server.status()?.dir));
        }
        if paused {
            return Err(held());
        }
        let Some(replayed) = replayed else {
            return Ok(None);
        };
        let known = match self.socket.known().await {
            Ok(known) => known,
            Err(error) => {
                tracing::debug!(%error, "how far it is behind is not known");
                return Ok(Some(Progress {
                    replayed,
                    committed,
                    behind: None,
                }));
            }
        };
        self.left_behind(&known, replayed).await?;
        let newest = self.newest(&known).unwrap_or(replayed);
        Ok(Some(Progress {
            replayed,
            committed,
            behind: Some(newest.0.saturating_sub(replayed.0)),
        }))
    }

    /// Stops the server; the folder stays, so that it can go on from here.
    ///
    /// # Errors
    /// It cannot be stopped.
    pub async fn stop(self) -> Result<()> {
        self.server.stop().await.map(drop)
    }

    async fn stand(&self) -> Result<Stand> {
        let target = scratch::target(&self.url(None), None).await?;
        let session = Session::connect(&target, "restore").await?;
        let row = session.query_one(STAND, &[]).await?;
        let state: Option<String> = row.try_get(1)?;
        let place: Option<String> = row.try_get(2)?;
        Ok(Stand {
            follows: row.try_get(0)?,
            paused: state.is_some_and(|state| state == "paused"),
            replayed: place.and_then(|place| place.parse().ok()),
            committed: row.try_get(3)?,
        })
    }

    /// Refuses to stand still without a word: a server does not follow a timeline that began before what
    /// it has replayed, and says so in its log alone.
    async fn left_behind(&self, known: &WalChain, replayed: Lsn) -> Result<()> {
        let Some(given) = self.socket.given() else {
            return Ok(());
        };
        let Some(newest) = known.histories_after(given.timeline).last() else {
            return Ok(());
        };
        let line = match history(&self.repository, newest).await {
            Ok(line) => line,
            Err(error) => {
                tracing::debug!(%error, "the history of timeline {newest} is not known");
                return Ok(());
            }
        };
        let mut branches = line.branches.iter();
        let Some(left) = branches.find(|branch| branch.timeline == given.timeline) else {
            return Ok(());
        };
        if left.at >= replayed {
            return Ok(());
        }
        let text = format!(
            "timeline {newest} left timeline {} at {}, before {replayed}, which is replayed already",
            given.timeline, left.at
        );
        Err(Error::new(Kind::RestoreFailed, text)
            .hint("remove the folder and begin anew from a backup that the newest timeline passes through"))
    }

    /// The end of the newest WAL that the repository holds.
    fn newest(&self, known: &WalChain) -> Option<Lsn> {
        let bytes = self.mark.backup.wal_segment_bytes;
        let own = self.socket.given().map_or(1, |given| given.timeline);
        let after = known.histories_after(own).last();
        let last: Segment = after
            .and_then(|timeline| known.newest(timeline))
            .or_else(|| known.newest(own))?;
        Some(match known.presence(last) {
            Presence::Partial(pieces) => Lsn(last.start(bytes).0 + pieces.covered()),
            _ => last.end(bytes),
        })
    }
}

/// What a server says of itself.
struct Stand {
    follows: bool,
    paused: bool,
    replayed: Option<Lsn>,
    committed: Option<DateTime<Utc>>,
}

fn lock(into: &Path) -> Result<File> {
    let mut options = File::options();
    let file = options.create(true).truncate(false).write(true);
    let file = file.open(into.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(Error::new(
            Kind::Usage,
            format!("another process follows in {}", into.display()),
        )
        .hint("stop it first, or name another folder")),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

fn gone(removed: std::io::Result<()>) -> Result<()> {
    match removed {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn promoted(into: &Path) -> Error {
    let text = format!(
        "the instance in {} was promoted: it follows nothing any more",
        into.display()
    );
    Error::new(Kind::Usage, text).hint("name another folder, or remove this one and begin anew")
}

fn held() -> Error {
    Error::new(
        Kind::RestoreFailed,
        "the replay is paused: somebody asked for it, or a limit of the source was raised above the instance's own",
    )
    .hint("the log of the instance names the limit; start it again with --set NAME=VALUE of the source's value")
}
