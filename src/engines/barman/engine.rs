//! A base backup with Barman.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use super::call::{Program, SERVER, Said};
use super::configure::prepare;
use super::seals::Seals;
use super::tell::{Backup, List, ranges};
use super::wal::Archive;
use crate::engines::kept_files::{at, digests, kept_streams};
use crate::engines::local::{Cluster, folder};
use crate::engines::{BackupEngine, Labelled, Made, Order, Taken, Upload};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::{Search, discover};
use crate::recovery::Kept;
use crate::storage::{Location, Repository};
use tokio_util::sync::CancellationToken;

/// How long a segment may take into the archive, and how often it is looked for.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(100);

/// Drives Barman over a folder of the repository.
#[derive(Debug, Clone)]
pub struct Barman {
    pub(super) program: Program,
    pub(super) seals: Seals,
}

impl Barman {
    /// Its name in manifests and in the configuration.
    pub const NAME: &'static str = "barman";
    /// Where the files of its backups lie in the repository.
    pub(super) const FOLDER: &'static str = "barman/home/tidegate/base";

    /// Over a repository in a folder.
    ///
    /// # Errors
    /// [`Kind::Unsupported`] when it lies in an object store.
    pub fn over(repository: &Repository) -> Result<Self> {
        Self::at(repository.location(), &*repository.derive(Self::PURPOSE)?)
    }

    /// What the key is derived for.
    pub(super) const PURPOSE: &'static str = "barman wal";

    pub(super) fn at(location: &Location, key: &[u8; 32]) -> Result<Self> {
        let folder = folder(location, "Barman")?;
        Ok(Self {
            program: Program::new(folder.join("barman")),
            seals: Seals::new(folder.join("barman/seals"), key),
        })
    }

    /// The backups that it knows: those that are complete, or those that are not.
    pub(super) async fn known(
        &self,
        complete: bool,
        cancel: &CancellationToken,
    ) -> Result<Vec<Labelled>> {
        if !self.program.configuration().is_file() {
            return Ok(Vec::new());
        }
        let said = self.program.run(&["list-backups", SERVER], &[], cancel);
        Ok(said.await?.good()?.read::<List>()?.labelled(complete))
    }

    async fn copied(&self, order: &Order<'_>) -> Result<Taken> {
        if !order.encrypted_volume {
            return Err(Error::new(
                Kind::BackupRefused,
                "Barman keeps backups and WAL in the clear, and personal data must be encrypted at rest",
            )
            .hint("when the volume below the repository is encrypted, say so: [backup] encrypted_volume = true, or --encrypted-volume; else use engine = \"native\" or \"pgbackrest\""));
        }
        if order.max_rate.is_some() {
            return Err(Error::new(
                Kind::Usage,
                "Tidegate gives Barman no limit of its rate: leave --max-rate out",
            ));
        }
        let search = Search {
            major: Some(order.major),
            ..Search::default()
        };
        let binaries = discover(&search).await?;
        let cluster = Cluster::find(order).await?;
        prepare(&cluster, &self.program, &binaries.dir)?;
        // Before any data is read: whether WAL arrives.
        let session = Session::connect(order.target, "backup").await?;
        let switch = "select pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())";
        let segment: String = session.query_one(switch, &[]).await?.get(0);
        self.arrived(&segment, order.cancel).await?;
        // Barman begins no backup before it has taken WAL over.
        self.take_over(order.cancel).await?.good()?;
        let arguments = ["backup", SERVER, "--name", order.id];
        let said = self.program.run(&arguments, &cluster.server, order.cancel);
        said.await?.good()?;
        let known = self.known(true, order.cancel).await?;
        let made = known
            .into_iter()
            .find(|one| one.id.as_deref() == Some(order.id));
        let label = made.map(|made| made.label).ok_or_else(|| {
            let text = "barman backup ended well, but list-backups does not know it";
            Error::new(Kind::BackupTool, text)
        })?;
        let arguments = ["show-backup", SERVER, &label];
        let shown = self.program.run(&arguments, &[], order.cancel);
        let backup = shown.await?.good()?.read::<Backup>()?.complete()?;
        let ended: String = session
            .query_one(
                "select pg_catalog.pg_walfile_name(($1::text::pg_catalog.pg_lsn - 1)::pg_catalog.pg_lsn)",
                &[&backup.places().1.to_string()],
            )
            .await?
            .get(0);
        self.arrived(&ended, order.cancel).await?;
        // Its catalogue knows what has arrived; a failure of that loses nothing.
        let archived = self.take_over(order.cancel).await?;
        if !archived.well {
            tracing::warn!(said = archived.text(), "barman archive-wal failed");
        }
        self.taken((label, order), &backup).await
    }

    /// Has Barman take over the WAL that came.
    pub(super) async fn take_over(&self, cancel: &CancellationToken) -> Result<Said> {
        self.program
            .run(&["archive-wal", SERVER], &[], cancel)
            .await
    }

    /// Waits for a segment in the archive, by looking there.
    async fn arrived(&self, segment: &str, cancel: &CancellationToken) -> Result<()> {
        let archive = Archive::of(self.clone());
        let wait = async {
            while !archive.holds(segment) {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = cancel.cancelled() => Err(super::super::engine::stopped()),
            done = tokio::time::timeout(PATIENCE, wait) => done.map_err(|_| {
                Error::new(
                    Kind::BackupTool,
                    format!("WAL does not arrive in the repository: {segment} is not there"),
                )
                .hint("archive_mode = on, and archive_command = 'tidegate wal push --engine barman --repository LOCATION %p' with the key in a file of [storage]")
            }),
        }
    }

    /// Reads every file that was written once more.
    async fn taken(&self, (label, order): (String, &Order<'_>), backup: &Backup) -> Result<Taken> {
        let (_, _, timeline) = backup.places();
        let folder = self.program.home().join("base").join(&label);
        let streams = kept_streams(tablespaces(&folder, &order.tablespaces)?);
        let manifest = folder.join("data/backup_manifest");
        let text = tokio::fs::read(&manifest).await;
        let (start, end) = ranges(&text.map_err(|error| at(&manifest, &error))?)?;
        let (mut files, mut sizes) = (Vec::new(), BTreeMap::new());
        for stream in &streams {
            let inside = match stream.name.as_str() {
                "base" => "data",
                oid => oid,
            };
            let prefix = format!("{}/{label}/{inside}", Self::FOLDER);
            let found = digests(folder.join(inside), prefix).await?;
            let bytes = found.iter().map(|file| file.part.bytes).sum();
            sizes.insert(stream.name.clone(), bytes);
            files.extend(found);
        }
        Ok(Taken {
            timeline,
            start,
            end,
            wal_included: false,
            streams,
            kept: Some(Made {
                bytes: sizes.values().sum(),
                kept: Kept {
                    label,
                    files,
                    sizes,
                },
            }),
        })
    }
}

/// The tablespaces whose folders lie beside the data folder, with where they were. Barman writes down
/// their names and not their OIDs, so they must be the ones that were there before the backup.
fn tablespaces(folder: &Path, before: &[(u32, String)]) -> Result<Vec<(u32, String)>> {
    let mut found: Vec<u32> = Vec::new();
    for entry in folder.read_dir().map_err(|error| at(folder, &error))? {
        let entry = entry.map_err(|error| at(folder, &error))?;
        let oid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        if let Some(oid) = oid.filter(|_| entry.path().is_dir()) {
            found.push(oid);
        }
    }
    found.sort_unstable();
    let mut known: Vec<(u32, String)> = before.to_vec();
    known.sort_unstable();
    if known.iter().map(|(oid, _)| *oid).eq(found.iter().copied()) {
        return Ok(known);
    }
    Err(Error::new(
        Kind::BackupRefused,
        "a tablespace was made or dropped while the backup was made",
    )
    .hint("take another backup"))
}

impl BackupEngine for Barman {
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

    #[test]
    fn the_tablespaces_are_those_of_before() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["data", "16385"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        let fast = vec![(16385, "/fast".to_owned())];
        assert_eq!(tablespaces(dir.path(), &fast).unwrap(), fast);
        for other in [vec![], vec![(16386, "/fast".to_owned())]] {
            let error = tablespaces(dir.path(), &other).unwrap_err();
            assert_eq!(error.kind(), Kind::BackupRefused);
        }
    }
}
