//! The folder that `pg_receivewal` writes to. It belongs to one process at a time, and the program
//! of one that was killed is ended before the next is started, since it holds the slot.

use std::collections::BTreeSet;
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
#[cfg(target_os = "linux")]
use crate::postgres::private::Process;
use crate::recovery::{Lsn, PageHeader, Segment, TimelineHistory};

/// The file that is locked; `pg_receivewal` passes over names that are not those of segments.
const LOCK: &str = "tidegate.lock";
/// How long a program that lost its starter may take to write its file to the end.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// The first version whose slot says by itself where to go on.
const TELLS_ITS_PLACE: i32 = 150_000;

/// A spool that this process has for itself.
#[derive(Debug)]
pub(super) struct Spool {
    /// Links resolved, so that it is written in one way on every command line.
    pub(super) path: PathBuf,
    _lock: File,
}

/// What a file of a spool is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spooled<'a> {
    /// A whole segment; its name.
    Whole(&'a str),
    /// One that is being written; the name of its segment.
    Partial(&'a str),
    /// A timeline's history.
    History,
}

impl<'a> Spooled<'a> {
    /// None for files that are none of its business: unfinished histories, the lock.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        // With the smallest segments the numbers of all sizes are valid.
        let segment = |name: &str| Segment::parse(name, 1 << 20).is_some();
        if TimelineHistory::timeline_of(name).is_some() {
            return Some(Self::History);
        }
        match name.strip_suffix(".partial") {
            Some(whole) => segment(whole).then_some(Self::Partial(whole)),
            None => segment(name).then_some(Self::Whole(name)),
        }
    }

    /// Grows with the place in the log, then with the timeline; whatever the size of segments is.
    pub(super) fn order(self) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Whole(name) | Self::Partial(name) => Some((name.get(8..)?, name.get(..8)?)),
            Self::History => None,
        }
    }
}

impl Spool {
    /// Makes the folder with mode 0700 when it is not there, takes it, and ends the program that
    /// a killed process left at work there.
    ///
    /// # Errors
    /// [`Kind::RunnerBusy`] when another process works there; [`Kind::Io`].
    pub(super) async fn take(path: &Path) -> Result<Self> {
        DirBuilder::new().mode(0o700).recursive(true).create(path)?;
        let path = path.canonicalize()?;
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path.join(LOCK))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let text = format!("another process receives WAL into {}", path.display());
                return Err(Error::new(Kind::RunnerBusy, text).hint(
                    "stop it first; a second receiver needs a folder (--spool) and a replication slot (--slot) of its own",
                ));
            }
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let spool = Self { path, _lock: lock };
        spool.end_orphans().await;
        Ok(spool)
    }

    /// Refuses a spool with WAL of another cluster: the program would go on from the newest of its files,
    /// and what is not uploaded of them would go where it does not belong.
    ///
    /// # Errors
    /// [`Kind::WalConflict`] with the remedy.
    pub(super) fn belongs_to(&self, cluster: u64) -> Result<()> {
        let found = clusters_in(&self.path);
        let Some(other) = found.iter().find(|found| **found != cluster) else {
            return Ok(());
        };
        let path = self.path.display();
        Err(Error::new(
            Kind::WalConflict,
            format!(
                "{path} holds WAL of the cluster with the system identifier {other}, the server is of {cluster}"
            ),
        )
        .hint("name another folder with --spool; what is in this one may be removed when it is uploaded, or when nobody needs the cluster that wrote it"))
    }

    /// Names of its files, sorted.
    pub(super) fn names(path: &Path) -> Result<Vec<String>> {
        let entries = path.read_dir()?.flatten();
        let mut names: Vec<String> = entries
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        names.sort_unstable();
        Ok(names)
    }

    /// Lets `pg_receivewal` begin where the slot stands when the spool is empty. Servers before
    /// 15 do not tell that, and the program would begin at the end of their log and leave a gap.
    /// It goes on with the last file that it finds, so an empty one is left for it.
    ///
    /// # Errors
    /// Those of the connection.
    pub(super) async fn go_on_from(&self, slot: &str, target: &Target) -> Result<()> {
        let names = Self::names(&self.path)?;
        let mut known = names.iter().filter_map(|name| Spooled::of(name)?.order());
        if known.next().is_some() {
            return Ok(());
        }
        let session = Session::connect(target, "wal").await?;
        if session.version() >= TELLS_ITS_PLACE {
            return Ok(());
        }
        let place = session
            .query_opt(
                "select s.restart_lsn::text, z.setting::bigint, c.timeline_id \
                 from pg_catalog.pg_replication_slots as s, pg_catalog.pg_settings as z, pg_catalog.pg_control_checkpoint() as c \
                 where s.slot_name = $1::text and s.restart_lsn is not null and z.name = 'wal_segment_size'",
                &[&slot],
            )
            .await?;
        // A slot that was never used has no place.
        let Some(place) = place else { return Ok(()) };
        let lsn: String = place.get(0);
        let lsn: Lsn = lsn
            .parse()
            .map_err(|error: String| Error::new(Kind::Internal, error))?;
        let bytes = u32::try_from(place.get::<_, i64>(1)).unwrap_or_default();
        let timeline = place.get::<_, i32>(2).unsigned_abs();
        let name = Segment::holding(lsn, timeline, bytes).name(bytes);
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(self.path.join(format!("{name}.partial")))?;
        Ok(())
    }

    #[cfg(target_os = "linux")]
    async fn end_orphans(&self) {
        use rustix::process::Signal;
        for process in Process::all() {
            if !self.is_of(&process) {
                continue;
            }
            tracing::warn!(
                pid = process.pid().as_raw_nonzero(),
                "ending a pg_receivewal whose starter was killed"
            );
            process.signal(Signal::INT);
            let gone = async {
                while self.is_of(&process) {
                    tokio::time::sleep(LOOK).await;
                }
            };
            if tokio::time::timeout(PATIENCE, gone).await.is_err() {
                process.signal(Signal::KILL);
            }
        }
    }

    /// Elsewhere it ends when its output breaks, and the slot is waited for.
    #[cfg(not(target_os = "linux"))]
    async fn end_orphans(&self) {}

    /// Whether this is a `pg_receivewal` of this user that writes to this spool.
    #[cfg(target_os = "linux")]
    fn is_of(&self, process: &Process) -> bool {
        use std::os::unix::ffi::OsStrExt as _;
        let line = process.command();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).collect();
        let here = [
            super::receiver::DIRECTORY.as_bytes(),
            self.path.as_os_str().as_bytes(),
        ];
        process.runs_as(rustix::process::geteuid().as_raw())
            && words
                .first()
                .is_some_and(|program| program.ends_with(b"pg_receivewal"))
            && words.windows(2).any(|pair| pair == here)
    }
}

/// The system identifiers of the clusters whose WAL lies in a folder. Files in which nothing is written yet
/// say nothing, and a folder that is not there holds none.
#[must_use]
pub fn clusters_in(folder: &Path) -> BTreeSet<u64> {
    let files = folder.read_dir().into_iter().flatten().flatten();
    let wal = files.filter(|file| {
        let name = file.file_name();
        Spooled::of(&name.to_string_lossy()).is_some_and(|file| file.order().is_some())
    });
    let opened = wal.filter_map(|file| File::open(file.path()).ok());
    opened
        .filter_map(|mut file| {
            let mut head = [0; PageHeader::BYTES];
            file.read_exact(&mut head).ok()?;
            Some(PageHeader::parse(&head).ok()?.system_identifier)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn wal_of_another_cluster_is_known_by_its_first_page() {
        let dir = tempfile::tempdir().unwrap();
        assert!(clusters_in(&dir.path().join("none")).is_empty());
        let spool = Spool::take(dir.path()).await.unwrap();
        let write = |number: u64, content: &[u8]| {
            let segment = Segment {
                timeline: 1,
                number,
            };
            let name = format!("{}.partial", segment.name(1 << 20));
            std::fs::write(dir.path().join(name), content).unwrap();
            segment
        };
        write(3, &[]);
        let segment = write(4, &[0; 8192]);
        spool.belongs_to(7).unwrap();
        write(
            4,
            &crate::recovery::page_tests::segment(segment, 1 << 20, 7),
        );
        spool.belongs_to(7).unwrap();
        let error = spool.belongs_to(8).unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
        assert_eq!(clusters_in(dir.path()), BTreeSet::from([7]));
    }

    #[test]
    fn only_files_of_wal_are_spooled() {
        let name = "000000010000000000000003";
        let partial = format!("{name}.partial");
        assert_eq!(Spooled::of(name), Some(Spooled::Whole(name)));
        assert_eq!(Spooled::of(&partial), Some(Spooled::Partial(name)));
        assert_eq!(Spooled::of("00000002.history"), Some(Spooled::History));
        for other in [LOCK, "00000002.history.tmp", "x.partial", "0000", ""] {
            assert_eq!(Spooled::of(other), None, "{other}");
        }
        let later = Spooled::Partial("000000020000000000000003").order();
        assert!(Spooled::Whole(name).order() < later);
        assert!(later < Spooled::Whole("000000010000000000000004").order());
    }

    #[tokio::test]
    async fn a_spool_belongs_to_one_process() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("spool");
        let first = Spool::take(&path).await.unwrap();
        let error = Spool::take(&path).await.unwrap_err();
        assert_eq!(error.kind(), Kind::RunnerBusy);
        drop(first);
        Spool::take(&path).await.unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn the_program_of_a_killed_process_is_ended_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let [mut mine, mut other] = ["a", "b"].map(|name| {
            use std::os::unix::process::CommandExt as _;
            let spool = dir.path().canonicalize().unwrap().join(name);
            // As the program looks from outside; it waits for its input.
            std::process::Command::new("sh")
                .arg0("/usr/bin/pg_receivewal")
                .args(["-c", "read x", "--directory"])
                .arg(spool)
                .stdin(std::process::Stdio::piped())
                .spawn()
                .unwrap()
        });
        Spool::take(&dir.path().join("a")).await.unwrap();
        assert!(other.try_wait().unwrap().is_none());
        other.kill().unwrap();
        other.wait().unwrap();
        let status = mine.try_wait().unwrap().unwrap();
        // SIGINT, unless whoever runs the tests ignores it, as a shell's background jobs do.
        let signal = std::os::unix::process::ExitStatusExt::signal(&status);
        assert!(matches!(signal, Some(2 | 9)), "{signal:?}");
    }
}
