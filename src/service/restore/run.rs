//! A restore from its beginning to a server that takes connections.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::fetch::unpack;
use super::kept::bring;
use super::program::reachable;
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Binaries, Ephemeral, Identity, Options, Search, discover};
use crate::recovery::{BackupManifest, Lsn, RecoveryTarget, TimelineHistory, history_name};
use crate::service::wal::{Expected, WalSocket, chain, restore_command};
use crate::storage::Repository;

/// How long recovery may take until the server takes writes.
const PATIENCE: Duration = Duration::from_secs(24 * 60 * 60);
/// How often the server's log is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Room that a restore needs besides the files of the backup.
const SPARE: u64 = 64 << 20;

/// Settings that a server in recovery must not have lower than its source.
const MINIMUMS: [&str; 5] = [
    "max_connections",
    "max_locks_per_transaction",
    "max_prepared_transactions",
    "max_wal_senders",
    "max_worker_processes",
];

/// What a restored cluster is told before it runs on its own: the source's settings could make it
/// archive into the source's repository, or wait for the source's standbys.
const QUIET: &str = "# Written by the restore; the source's own is postgresql.auto.conf.source.\n\
    archive_mode = off\n\
    primary_conninfo = ''\n\
    synchronous_standby_names = ''\n";

/// A restore that is to be done.
#[derive(Debug)]
pub struct Restore<'a> {
    /// What is restored from.
    pub repository: &'a Repository,
    /// The base backup.
    pub backup: &'a BackupManifest,
    /// Where it ends.
    pub target: &'a RecoveryTarget,
    /// A folder that is made for it and goes away with the server.
    pub into: &'a Path,
    /// Time.
    pub clock: &'a Arc<dyn Clock>,
}

/// One part of a restore.
#[derive(Debug, Clone, Copy)]
pub struct Phase {
    /// Seconds.
    pub seconds: f64,
    /// Bytes.
    pub bytes: u64,
}

/// A restored server.
#[derive(Debug)]
pub struct Restored {
    /// The server, which takes writes.
    pub server: Ephemeral,
    /// The end of the WAL that was replayed.
    pub reached: Lsn,
    /// Fetching, unpacking and checking the base backup.
    pub restore: Phase,
    /// Replaying WAL.
    pub replay: Phase,
    /// From the end of the replay until the server took writes.
    pub promote: Phase,
}

impl Restore<'_> {
    /// Restores, replays, promotes.
    ///
    /// # Errors
    /// No programs of the backup's version; too little space; parts or WAL that are missing or
    /// damaged ([`Kind::WalMissing`], [`Kind::SealBroken`]); a server that ended before its target
    /// or before the newest WAL ([`Kind::RestoreFailed`]).
    pub async fn run(&self) -> Result<Restored> {
        let binaries = self.binaries().await?;
        if self.backup.streams.len() > 1 {
            return Err(Error::new(
                Kind::Unsupported,
                format!(
                    "backup {} has tablespaces, which this version does not restore",
                    self.backup.id
                ),
            ));
        }
        let promised = self.promised().await?;
        let begun = self.clock.monotonic();
        let identity = Identity::current()?;
        let data = self.folder()?;
        self.room()?;
        let bytes = if let Some(kept) = &self.backup.kept {
            bring(self.repository, (self.backup, kept), &data).await?
        } else {
            let bytes = unpack(self.repository, self.backup, &data).await?;
            self.verify(&binaries, &data).await?;
            bytes
        };
        prepare(&data, &identity)?;
        let unpacked = self.clock.monotonic();
        let socket = WalSocket::serve(
            self.repository,
            Expected {
                segment_bytes: self.backup.wal_segment_bytes,
                brought: self.backup.brought(),
            },
            &self.into.join("wal.sock"),
            &identity,
            self.clock,
        )
        .await?;
        let options = self.options(&binaries, &socket, &reachable(&identity, self.into)?);
        let log = self.into.join("start.log");
        let (started, replayed) = self.start(&options, &log).await;
        let server = match (started, socket.fault()) {
            (Ok(server), None) => server,
            // What the repository said is the reason; what the server makes of it is not.
            (_, Some(fault)) => return Err(fault),
            (Err(error), None) => return Err(failed(&error)),
        };
        let done = self.clock.monotonic();
        let (end, reached) = replayed.unwrap_or((done, self.backup.start));
        if reached < promised {
            return Err(Error::new(
                Kind::RestoreFailed,
                format!(
                    "recovery ended at {reached}, but WAL up to {promised} is in the repository"
                ),
            ));
        }
        let phase = |from: Duration, to: Duration, bytes| Phase {
            seconds: to.saturating_sub(from).as_secs_f64(),
            bytes,
        };
        Ok(Restored {
            server,
            reached,
            restore: phase(begun, unpacked, bytes),
            replay: phase(unpacked, end, reached.since(self.backup.start)),
            promote: phase(end, done, 0),
        })
    }

    async fn binaries(&self) -> Result<Binaries> {
        discover(&Search {
            major: Some(self.backup.postgres / 10_000),
            ..Search::default()
        })
        .await
    }

    /// The place that a recovery must reach at least. The chain up to it has no hole.
    async fn promised(&self) -> Result<Lsn> {
        let backup = self.backup;
        let bytes = backup.wal_segment_bytes;
        let known = chain(self.repository, bytes).await?;
        let timeline = known.newest_timeline(backup.timeline);
        let history = if known.has_history(timeline) {
            let text = self.repository.get(&history_name(timeline)).await?;
            TimelineHistory::parse(timeline, &String::from_utf8_lossy(&text))
                .map_err(|error| Error::new(Kind::RestoreFailed, error))?
        } else {
            TimelineHistory {
                timeline,
                ..TimelineHistory::first()
            }
        };
        if history.timeline_at(backup.end) != backup.timeline && timeline != backup.timeline {
            let left = history.timeline_at(backup.end);
            return Err(Error::new(
                Kind::RestoreFailed,
                format!(
                    "timeline {timeline} does not pass through backup {}: at its end {} that history is on timeline {left}",
                    backup.id, backup.end
                ),
            ));
        }
        // What a backup brings along need not be in the repository; what comes after it must.
        let brought = backup.brought();
        let first = brought.map_or_else(|| backup.first_segment(), |brought| brought.next());
        let archived = known.newest(timeline);
        let alone = archived.is_none_or(|newest| newest.number < first.number);
        if let Some(hole) = known.hole(first, &history)
            && !(brought.is_some() && alone)
        {
            let name = hole.name(bytes);
            return Err(Error::new(
                Kind::WalMissing,
                format!(
                    "the WAL segment {name} is missing, without which backup {} cannot be recovered",
                    backup.id
                ),
            ));
        }
        let newest = known.newest_whole(timeline);
        match self.target {
            RecoveryTarget::Latest => {
                let newest = newest.map_or(backup.end, |segment| segment.start(bytes));
                Ok(newest.max(backup.end))
            }
            _ => Ok(backup.end),
        }
    }

    /// The folder of the data, in the folder of the restore, which must be new or empty.
    fn folder(&self) -> Result<PathBuf> {
        let into = self.into;
        if into
            .read_dir()
            .is_ok_and(|mut entries| entries.next().is_some())
        {
            return Err(Error::new(
                Kind::Usage,
                format!("{} is not empty", into.display()),
            ));
        }
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o711).create(into)?;
        let data = into.join("data");
        std::fs::DirBuilder::new().mode(0o700).create(&data)?;
        Ok(data)
    }

    fn room(&self) -> Result<()> {
        let facts = rustix::fs::statvfs(self.into).map_err(std::io::Error::from)?;
        let free = facts.f_bavail.saturating_mul(facts.f_frsize);
        let needed = self.backup.bytes + SPARE;
        if free >= needed {
            return Ok(());
        }
        Err(Error::new(
            Kind::DiskFull,
            format!(
                "{} has space for {free} bytes, but {needed} are needed",
                self.into.display()
            ),
        ))
    }

    /// PostgreSQL's own check of every file against the manifest inside the backup.
    async fn verify(&self, binaries: &Binaries, data: &Path) -> Result<()> {
        let Some(program) = binaries.program("pg_verifybackup") else {
            return Ok(());
        };
        let output = tokio::process::Command::new(program)
            .args(["--no-parse-wal", "--quiet"])
            .arg(data)
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let text = format!(
            "the files of backup {} are not what they were",
            self.backup.id
        );
        let error = Error::new(Kind::RestoreFailed, text);
        Err(said.lines().take(5).fold(error, Error::detail))
    }

    /// Settings that keep the source's own from doing harm: everything that it was configured
    /// with is left behind, but for what a standby must not fall short of.
    fn options(&self, binaries: &Binaries, socket: &WalSocket, program: &Path) -> Options {
        let command = restore_command(program, socket.path());
        let mut settings = vec![
            ("restore_command".to_owned(), command),
            ("archive_mode".to_owned(), "off".to_owned()),
            // A hot standby says that it is ready long before it takes writes.
            ("hot_standby".to_owned(), "off".to_owned()),
            ("max_wal_size".to_owned(), "4GB".to_owned()),
        ];
        settings.extend(self.target.settings());
        let known = &self.backup.settings.parameters;
        settings.extend(
            MINIMUMS
                .iter()
                .filter_map(|name| Some(((*name).to_owned(), known.get(*name)?.clone()))),
        );
        Options {
            binaries: Some(binaries.clone()),
            settings,
            patience: Some(PATIENCE),
            ..Options::default()
        }
    }

    /// Starts the server, and tells when the replay was over, and where. That is read from the
    /// server's log, since nothing can be asked before the base backup is consistent.
    async fn start(
        &self,
        options: &Options,
        log: &Path,
    ) -> (Result<Ephemeral>, Option<(Duration, Lsn)>) {
        let mut replayed = None;
        let mut starting = std::pin::pin!(Ephemeral::start_in(self.into, options));
        loop {
            tokio::select! {
                started = &mut starting => return (started, replayed.or_else(|| self.look(log))),
                () = tokio::time::sleep(LOOK), if replayed.is_none() => replayed = self.look(log),
            }
        }
    }

    fn look(&self, log: &Path) -> Option<(Duration, Lsn)> {
        let text = std::fs::read_to_string(log).ok()?;
        Some((self.clock.monotonic(), redo_done(&text)?))
    }
}

/// `redo done at 0/5000110`: the last record that was replayed.
fn redo_done(log: &str) -> Option<Lsn> {
    let (_, rest) = log.rsplit_once("redo done at ")?;
    rest.split_whitespace().next()?.parse().ok()
}

fn failed(error: &Error) -> Error {
    let mut failure = Error::new(Kind::RestoreFailed, format!("the restored server: {error}"));
    let lines = error.details().iter();
    for line in lines
        .filter(|line| line.contains("FATAL") || line.contains("PANIC") || line.contains("DETAIL"))
    {
        failure = failure.detail(line.clone());
    }
    failure
}

/// Takes off what the source was configured with, asks for recovery, and gives everything to the
/// server's user.
fn prepare(data: &Path, identity: &Identity) -> Result<()> {
    let own = data.join("postgresql.auto.conf");
    if own.exists() {
        std::fs::rename(&own, data.join("postgresql.auto.conf.source"))?;
    }
    std::fs::write(own, QUIET)?;
    let main = data.join("postgresql.conf");
    if !main.exists() {
        std::fs::write(
            main,
            "# The source keeps its settings outside of its data folder.\n",
        )?;
    }
    for name in ["standby.signal", "postmaster.pid", "postmaster.opts"] {
        match std::fs::remove_file(data.join(name)) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
    }
    std::fs::write(data.join("recovery.signal"), "")?;
    if identity.switched {
        give(data, identity)?;
    }
    Ok(())
}

fn give(path: &Path, identity: &Identity) -> Result<()> {
    std::os::unix::fs::lchown(path, Some(identity.uid), Some(identity.gid))?;
    if path.symlink_metadata()?.is_dir() {
        for entry in path.read_dir()? {
            give(&entry?.path(), identity)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_tells_where_redo_ended() {
        let log =
            "LOG:  redo starts at 0/2000028\nLOG:  redo done at 0/5000110 system usage: CPU\n";
        assert_eq!(redo_done(log), Some(Lsn(0x500_0110)));
        assert_eq!(redo_done("LOG:  redo starts at 0/2000028"), None);
    }
}
