//! A restore from its beginning to a server that takes connections.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::announce::announce;
use super::commit_times::{SETTING, settle};
use super::deadline::{Deadlines, RestorePhase};
use super::fetch::unpack;
use super::join::{Unjoined, linked};
use super::kept::bring;
use super::neutral::{allowed, settings};
use super::place::{Place, TablespaceMapping, shared_paths};
use super::preflight::{collations, names, preflight};
use super::program::reachable;
use super::promise::{Promised, promised};
use super::recover::{RECOVERS, Recovery, Replayed, STANDS_BY, ended_at, failed, prepare};
use crate::clock::Clock;
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Binaries, Ephemeral, Identity, Search, discover, socket_path};
use crate::recovery::{
    BackupManifest, FILE_LIST, Inventory, Lsn, RecoveryTarget, Segment, Settings, Unpacked, goes_on,
};
use crate::service::backup::ancestry;
use crate::service::wal::{Expected, WalSocket, foreign_path};
use crate::storage::Repository;

/// The socket through which a server asks for WAL, in the folder of the restore.
pub(super) const SOCKET: &str = "wal.sock";
/// The folder in it where segments lie ready for the server.
pub(super) const READY: &str = "ready";

/// A restore that is to be done.
#[derive(Debug)]
pub struct Restore<'a> {
    /// What is restored from.
    pub repository: &'a Repository,
    /// The base backup; those that it is an increment of are found by themselves.
    pub backup: &'a BackupManifest,
    /// Where it ends.
    pub target: &'a RecoveryTarget,
    /// A folder that is made for it and goes away with the server.
    pub into: &'a Path,
    /// Tablespaces that lie outside of that folder.
    pub tablespaces: &'a [TablespaceMapping],
    /// Settings of the server besides those that the restore chooses.
    pub settings: &'a [(String, String)],
    /// How long its phases may take.
    pub deadlines: Deadlines,
    /// What the repository holds of WAL.
    pub inventory: &'a Inventory,
    /// Where the log is taken to end, in a repository that goes on meanwhile; none to follow it as far
    /// as it comes.
    pub until: Option<Lsn>,
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
    /// The source's settings at the time of the backup.
    pub settings: Settings,
    /// The end of the WAL that was replayed: behind the last record.
    pub reached: Lsn,
    /// Fetching and unpacking the base backup.
    pub fetch: Phase,
    /// Checking its files.
    pub verify: Phase,
    /// Replaying WAL.
    pub replay: Phase,
    /// From the end of the replay until the server took writes.
    pub promote: Phase,
    /// What this machine lacks of what the source had, as far as that is known without a server.
    pub warnings: Vec<String>,
}

/// A cluster that is ready to recover. It goes away with the value.
#[derive(Debug)]
pub(super) struct Laid {
    pub(super) binaries: Binaries,
    pub(super) warnings: Vec<String>,
    promised: Promised,
    pub(super) identity: Identity,
    pub(super) place: Place,
    pub(super) socket: WalSocket,
    /// Bytes that were fetched.
    bytes: u64,
    /// When it began, when all files were there, and when they were checked.
    begun: Duration,
    fetched: Duration,
    verified: Duration,
}

impl Restored {
    /// Collations that sort in another version here, as the server says, or why it cannot say it; but for
    /// what is among the warnings already.
    pub async fn collations(&self) -> Vec<String> {
        collations(&self.url(None), &self.warnings).await
    }

    /// The connection string for a database, that of the backup when none is named. The role is the
    /// one that the cluster was made with.
    #[must_use]
    pub fn url(&self, database: Option<&str>) -> String {
        let role = self.settings.superuser.as_deref();
        let database = database.or(self.settings.database.as_deref());
        let otherwise = "postgres";
        let (role, database) = (role.unwrap_or(otherwise), database.unwrap_or(otherwise));
        self.server.url_as(role, database)
    }
}

impl Restore<'_> {
    /// Restores, replays, promotes. A restore that fails leaves nothing.
    ///
    /// # Errors
    /// A setting that it chooses by itself, or that names a library that is not there; no programs of the
    /// backup's version; too little space; a parent, parts or WAL that are missing
    /// or damaged ([`Kind::BackupMissing`], [`Kind::WalMissing`], [`Kind::SealBroken`]); a server that
    /// ended before its target or before the newest WAL, a phase that passed its deadline
    /// ([`Kind::RestoreFailed`]).
    pub async fn run(&self) -> Result<Restored> {
        let laid = self.lay(RECOVERS).await?;
        let Laid {
            binaries,
            promised,
            identity,
            place,
            socket,
            ..
        } = laid;
        let settings = self.settings(&identity, (&place, promised), &socket)?;
        let recovery = Recovery {
            into: self.into,
            folder_stays: place.was_there(),
            deadlines: &self.deadlines,
            clock: self.clock,
        };
        let (server, replayed) = recovered(&recovery, &binaries, settings.clone(), socket).await?;
        let server = match names(self.settings, SETTING) {
            true => server,
            false => {
                let server = (server, &self.backup.settings);
                settle(&recovery, &binaries, server, settings).await?
            }
        };
        let done = self.clock.monotonic();
        let (end, last) = replayed.unwrap_or((done, self.backup.start));
        let reached = ended_at(place.data())?.unwrap_or(last);
        if reached < promised.at {
            let promised = promised.at;
            return Err(Error::new(
                Kind::RestoreFailed,
                format!(
                    "recovery ended at {reached}, but WAL up to {promised} is in the repository"
                ),
            ));
        }
        announce(place.data(), &identity)?;
        place.keep();
        let phase = |from: Duration, to: Duration, bytes| Phase {
            seconds: to.saturating_sub(from).as_secs_f64(),
            bytes,
        };
        Ok(Restored {
            server,
            settings: self.backup.settings.clone(),
            reached,
            fetch: phase(laid.begun, laid.fetched, laid.bytes),
            verify: phase(laid.fetched, laid.verified, laid.bytes),
            replay: phase(laid.verified, end, reached.since(self.backup.start)),
            promote: phase(end, done, 0),
            warnings: laid.warnings,
        })
    }

    /// Everything up to the start of a server, which is asked by the file `signal` to recover.
    pub(super) async fn lay(&self, signal: &str) -> Result<Laid> {
        allowed(self.settings)?;
        let binaries = binaries(self.backup).await?;
        let warnings = preflight(&binaries, self.backup, self.settings).await?;
        let lineage = ancestry(self.repository, self.backup).await?;
        let known = (self.backup, self.inventory);
        let promised = promised(self.repository, known, self.target).await?;
        let begun = self.clock.monotonic();
        let identity = Identity::current()?;
        let place = Place::make(self.into, &lineage, self.tablespaces, &identity)?;
        // A path that is too long for it is told before anything is fetched.
        let socket = self.serve(&identity, signal == STANDS_BY).await?;
        let (bytes, fetched) = self.bring(&binaries, &place, &lineage).await?;
        brought_paths(&place, self.tablespaces)?;
        prepare(place.data(), self.backup.postgres / 10_000, signal)?;
        place.give(&identity)?;
        Ok(Laid {
            binaries,
            warnings,
            promised,
            identity,
            place,
            socket,
            bytes,
            begun,
            fetched,
            verified: self.clock.monotonic(),
        })
    }

    /// Puts the files of the base backup into their places and checks them; gives the bytes that
    /// were fetched and the time when the files were there.
    async fn bring(
        &self,
        binaries: &Binaries,
        place: &Place,
        lineage: &[BackupManifest],
    ) -> Result<(u64, Duration)> {
        let fetching = async {
            if let Some(kept) = &self.backup.kept {
                let bytes = bring(self.repository, (self.backup, kept), place).await?;
                place.link()?;
                return Ok((bytes, false));
            }
            if lineage.len() > 1 {
                let bytes = self.join(binaries, place, lineage).await?;
                return Ok((bytes, false));
            }
            let (spots, writing) = (&place.spots, &place.writing);
            let (bytes, files) = unpack(self.repository, self.backup, spots, writing).await?;
            place.link()?;
            compare(self.backup, place.data(), &files)?;
            Ok((bytes, true))
        };
        let (bytes, hashed) = self.deadlines.hold(RestorePhase::Fetch, fetching).await?;
        let fetched = self.clock.monotonic();
        let checking = self.verify(binaries, place.data(), hashed);
        self.deadlines.hold(RestorePhase::Verify, checking).await?;
        Ok((bytes, fetched))
    }

    /// Unpacks the backups of a lineage, compares each with its own list of files, and joins them.
    async fn join(
        &self,
        binaries: &Binaries,
        place: &Place,
        lineage: &[BackupManifest],
    ) -> Result<u64> {
        let mut sum = 0;
        let mut unjoined = Unjoined {
            backup: self.backup,
            folders: Vec::new(),
            last: Vec::new(),
        };
        for backup in lineage {
            let spots = place.apart(backup)?;
            let (bytes, files) = unpack(self.repository, backup, &spots, &place.writing).await?;
            linked(&spots)?;
            if let Some(base) = spots.first() {
                compare(backup, &base.folder, &files)?;
                unjoined.folders.push(base.folder.clone());
            }
            sum += bytes;
            unjoined.last = spots;
        }
        unjoined.join(binaries, place).await?;
        Ok(sum)
    }

    /// PostgreSQL's own check against the manifest in the cluster, and of the manifest itself. When
    /// the files were `hashed` while they were written, checksums were compared from the same bytes:
    /// then only names and sizes are looked at. pgBackRest, which copies files by itself, has no such
    /// manifest, and compares them with its own.
    async fn verify(&self, binaries: &Binaries, data: &Path, hashed: bool) -> Result<()> {
        let Some(program) = binaries.program("pg_verifybackup") else {
            return Ok(());
        };
        if self.backup.kept.is_some() && !data.join(FILE_LIST).exists() {
            return Ok(());
        }
        let output = tokio::process::Command::new(program)
            .args(["--no-parse-wal", "--quiet"])
            .args(hashed.then_some("--skip-checksums"))
            .arg(data)
            // It may run as root, and reads what a server sent: the key is no business of it.
            .env_clear()
            .envs(binaries.environment())
            .current_dir("/")
            .stdin(std::process::Stdio::null())
            .kill_on_drop(true)
            .output()
            .await?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let lines = said.lines().take(5);
        Err(lines.fold(others(self.backup), Error::detail))
    }

    /// The socket through which the server asks for WAL.
    async fn serve(&self, identity: &Identity, follows: bool) -> Result<WalSocket> {
        let expected = Expected {
            segment_bytes: self.backup.wal_segment_bytes,
            brought: self.backup.brought(),
            ready: Some(self.into.join(READY)),
            until: self.until,
            shared_paths: shared_paths(self.tablespaces),
            cuts: !matches!(
                self.target,
                RecoveryTarget::Latest | RecoveryTarget::Immediate
            ),
            follows,
        };
        let path = socket_path(self.into, SOCKET)?;
        WalSocket::serve(self.repository, expected, &path, identity, self.clock).await
    }

    fn settings(
        &self,
        identity: &Identity,
        (place, promised): (&Place, Promised),
        socket: &WalSocket,
    ) -> Result<Vec<(String, String)>> {
        let program = reachable(identity, self.into)?;
        // A server stops at the first record behind the place, and where there is none it says that
        // it never came there: a standby's backup may end with the last record of all.
        let at_end = *self.target == RecoveryTarget::Immediate
            && self.backup.from_standby
            && !promised.goes_on
            && !followed(self.backup, place.data());
        let target = match at_end {
            true => &RecoveryTarget::Latest,
            false => self.target,
        };
        let through = (program.as_path(), socket.path());
        Ok(settings(self.backup, target, through, self.settings))
    }
}

/// The WAL that came with the files is replayed like any other.
fn brought_paths(place: &Place, mappings: &[TablespaceMapping]) -> Result<()> {
    let shared = shared_paths(mappings);
    for entry in std::fs::read_dir(place.data().join("pg_wal"))? {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let content = std::fs::read(entry.path())?;
            if let Some((_, error)) = foreign_path(&name, &content, &shared) {
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Programs of the version that a backup is of.
pub(super) async fn binaries(backup: &BackupManifest) -> Result<Binaries> {
    discover(&Search {
        major: Some(backup.postgres / 10_000),
        ..Search::default()
    })
    .await
}

/// Whether a server ended because the log ended before its target.
#[must_use]
pub fn is_unmet(error: &Error) -> bool {
    const UNMET: &str = "recovery ended before configured recovery target was reached";
    let mut details = error.details().iter();
    details.any(|line| line.contains(UNMET)) || error.to_string().contains(UNMET)
}

/// The server, once it takes writes. Its WAL comes through `socket`, which goes with this call.
async fn recovered(
    recovery: &Recovery<'_>,
    binaries: &Binaries,
    settings: Vec<(String, String)>,
    socket: WalSocket,
) -> Result<(Ephemeral, Replayed)> {
    let (started, replayed) = recovery.run(binaries, settings).await;
    match (started, socket.fault()) {
        (Ok(server), None) => Ok((server, replayed)),
        // What the repository said is the reason; what the server makes of it is not.
        (_, Some(fault)) => Err(fault),
        (Err(error), None) => Err(match (failed(error), socket.cut()) {
            (error, Some(cut)) if is_unmet(&error) => cut,
            (error, _) => error,
        }),
    }
}

/// Whether the WAL that a backup has brought along goes on behind its end. What cannot be read does:
/// the server will tell.
fn followed(backup: &BackupManifest, data: &Path) -> bool {
    const PAGE: u64 = 8192;
    let segment = Segment::holding(backup.end, backup.timeline, backup.wal_segment_bytes);
    let path = data
        .join("pg_wal")
        .join(segment.name(backup.wal_segment_bytes));
    let start = Lsn(backup.end.0 / PAGE * PAGE);
    let read = || {
        let file = std::fs::File::open(path)?;
        let mut page = vec![0; PAGE as usize];
        let at = start.since(segment.start(backup.wal_segment_bytes));
        std::os::unix::fs::FileExt::read_exact_at(&file, &mut page, at)?;
        Ok::<_, std::io::Error>(page)
    };
    match read() {
        Ok(page) => goes_on(&page, start, backup.end, backup.start),
        Err(error) => error.kind() != std::io::ErrorKind::NotFound,
    }
}

/// The files that were written against the checksums of the manifest inside the backup.
fn compare(backup: &BackupManifest, data: &Path, files: &Unpacked) -> Result<()> {
    let list = std::fs::read(data.join(FILE_LIST))?;
    let found = files.differences(&list);
    let found = found.map_err(|why| Error::new(Kind::RestoreFailed, why))?;
    if found.is_empty() {
        return Ok(());
    }
    Err(found.into_iter().fold(others(backup), Error::detail))
}

fn others(backup: &BackupManifest) -> Error {
    let text = format!("the files of backup {} are not what they were", backup.id);
    Error::new(Kind::RestoreFailed, text)
}
