//! A base backup with pgBackRest.

use std::collections::BTreeMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use zeroize::Zeroizing;

use super::configure::prepare;
use super::info::{self, ANNOTATION, Backup, Stanza};
use super::program::{Ended, Program, STANZA};
use crate::engines::kept_files::{digests, kept_streams};
use crate::engines::local::{Cluster, folder};
use crate::engines::{BackupEngine, Made, Order, Taken, Upload};
use crate::error::{Error, Kind, Result};
use crate::recovery::{Kept, KeptFile, Stream};
use crate::storage::{Location, Repository};
use tokio_util::sync::CancellationToken;

/// Exit codes that say that WAL does not arrive (pgBackRest, `src/common/error.auto.c`):
/// `ArchiveTimeoutError`, `ArchiveCommandInvalidError`, `ArchiveDisabledError`.
const NO_WAL: [i32; 3] = [82, 68, 87];

/// Drives pgBackRest over a folder of the repository.
#[derive(Debug, Clone)]
pub struct PgBackRest {
    pub(super) program: Program,
}

impl PgBackRest {
    /// Its name in manifests and in the configuration.
    pub const NAME: &'static str = "pgbackrest";
    /// Where the files of its backups lie in the repository.
    pub(super) const FOLDER: &'static str = "pgbackrest/repo/backup";

    /// Over a repository in a folder, under a key derived from the repository's.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when it lies in an object store.
    pub fn over(repository: &Repository) -> Result<Self> {
        Self::at(repository.location(), &*repository.derive(Self::PURPOSE)?)
    }

    /// What the key is derived for.
    pub(super) const PURPOSE: &'static str = "pgbackrest repository cipher";

    pub(super) fn at(location: &Location, key: &[u8; 32]) -> Result<Self> {
        let pass = Zeroizing::new(hex::encode(key));
        let folder = folder(location, "pgBackRest")?;
        Ok(Self {
            program: Program::new(folder.join("pgbackrest"), pass),
        })
    }

    /// What it knows of its repository; none when it has none yet.
    pub(super) async fn info(&self, cancel: &CancellationToken) -> Result<Option<Stanza>> {
        if !self.program.configuration().is_file() {
            return Ok(None);
        }
        let call = self.program.call("info").with("--output=json");
        info::stanza(STANZA, &call.run(cancel).await?.stdout)
    }

    async fn copied(&self, order: &Order<'_>) -> Result<Taken> {
        if order.max_rate.is_some() {
            return Err(Error::new(
                Kind::Usage,
                "pgBackRest has no limit of its rate: leave --max-rate out",
            ));
        }
        let cluster = Cluster::find(order).await?;
        prepare(&cluster, &self.program)?;
        let call = |name: &str| {
            let call = self.program.call(name).by_owner();
            call.reaching(cluster.server.clone())
        };
        call("stanza-create").run(order.cancel).await?;
        let known = self.info(order.cancel).await?;
        let known = known.ok_or_else(|| wrong("there is no stanza after stanza-create"))?;
        let newest = known.db.last().map(|db| db.system_id);
        if newest != Some(order.system_identifier) {
            return Err(wrong("its stanza is of another cluster"));
        }
        // Before any data is read: whether WAL arrives.
        well(call("check").ended(order.cancel).await?)?;
        let annotation = format!("--annotation={ANNOTATION}={}", order.id);
        let backup = call("backup").with("--type=full").with(annotation);
        well(backup.ended(order.cancel).await?)?;
        let known = self.info(order.cancel).await?;
        let made = known.and_then(|stanza| {
            let mut all = stanza.backup.into_iter();
            all.find(|backup| backup.id() == Some(order.id))
        });
        let made = made.ok_or_else(|| wrong("backup ended well, but info does not know it"))?;
        self.taken(made, order.cancel).await
    }

    /// The data folder and the tablespaces of a backup, as the program has them.
    async fn streams(&self, label: &str, cancel: &CancellationToken) -> Result<Vec<Stream>> {
        let call = self.program.call("info").with("--output=json");
        let said = call.with(format!("--set={label}")).run(cancel).await?;
        let stanza = info::stanza(STANZA, &said.stdout)?;
        let mut all = stanza.into_iter().flat_map(|stanza| stanza.backup);
        let shown = all.find(|one| one.label == label);
        let shown = shown.ok_or_else(|| wrong("info does not show the backup by its label"))?;
        Ok(kept_streams(shown.tablespaces()))
    }

    /// Reads every file that was written once more.
    async fn taken(&self, backup: Backup, cancel: &CancellationToken) -> Result<Taken> {
        if backup.error == Some(true) {
            return Err(wrong(&format!(
                "the cluster has pages whose checksum is wrong; {} holds them as they are",
                backup.label
            )));
        }
        let timeline = backup.timeline();
        let timeline = timeline.ok_or_else(|| wrong("info names no timeline of the backup"))?;
        let (start, end) = backup.places();
        let place = self.program.repo().join("backup").join(STANZA);
        let prefix = format!("{}/{STANZA}/{}", Self::FOLDER, backup.label);
        let files = digests(place.join(&backup.label), prefix.clone()).await?;
        let streams = self.streams(&backup.label, cancel).await?;
        let sizes = shares(&streams, &files, &prefix, backup.bytes());
        Ok(Taken {
            timeline,
            start,
            end,
            // archive-copy puts the WAL between both into the backup's own pg_wal.
            wal_included: true,
            streams,
            kept: Some(Made {
                bytes: backup.bytes(),
                kept: Kept {
                    label: backup.label,
                    files,
                    sizes,
                },
            }),
        })
    }
}

/// Bytes of the cluster's files in each stream. The program tells their sum alone, so each has the
/// share of it that its compressed files have of theirs.
fn shares(
    streams: &[Stream],
    files: &[KeptFile],
    prefix: &str,
    bytes: u64,
) -> BTreeMap<String, u64> {
    let all: u64 = files.iter().map(|file| file.part.bytes).sum();
    let mut sizes = BTreeMap::new();
    let mut left = bytes;
    for stream in streams.iter().filter(|stream| stream.location.is_some()) {
        let folder = format!("{prefix}/pg_tblspc/{}/", stream.name);
        let inside = files.iter().filter(|file| file.name.starts_with(&folder));
        let inside: u64 = inside.map(|file| file.part.bytes).sum();
        let share = u128::from(bytes) * u128::from(inside) / u128::from(all.max(1));
        let share = u64::try_from(share).unwrap_or(bytes).min(left);
        left -= share;
        sizes.insert(stream.name.clone(), share);
    }
    sizes.insert("base".to_owned(), left);
    sizes
}

/// An error unless it ended well; when WAL is the reason, with the remedy.
fn well(ended: Ended) -> Result<()> {
    if ended.code == 0 {
        return Ok(());
    }
    if NO_WAL.contains(&ended.code) {
        return Err(Error::new(
            Kind::BackupTool,
            format!("WAL does not arrive in the repository: {}", ended.text()),
        )
        .hint("archive_mode = on, and archive_command = 'tidegate wal push --engine pgbackrest --repository LOCATION %p' with the key in a file of [storage]"));
    }
    Err(ended.error())
}

fn wrong(text: &str) -> Error {
    Error::new(Kind::BackupTool, format!("pgbackrest: {text}"))
}

impl BackupEngine for PgBackRest {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn take<'a>(&'a self, order: &'a Order<'a>, _: &'a mut Upload) -> BoxFuture<'a, Result<Taken>> {
        self.copied(order).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::Part;

    #[test]
    fn each_stream_has_its_share() {
        let file = |name: &str, bytes| KeptFile {
            name: format!("p/{name}"),
            part: Part {
                bytes,
                sha256: String::new(),
            },
        };
        let files = [file("pg_data/a", 30), file("pg_tblspc/16385/b", 10)];
        let streams = kept_streams(vec![(16385, "/fast".to_owned())]);
        let sizes = shares(&streams, &files, "p", 101);
        assert_eq!((sizes["base"], sizes["16385"]), (76, 25));
        assert_eq!(shares(&streams[..1], &[], "p", 7)["base"], 7);
    }
}
