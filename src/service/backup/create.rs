//! Takes a base backup.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::admit::admit;
use super::audit::record;
use super::beat::Beat;
use super::increment::{self, Increment, Parent};
use super::source::Source;
use crate::clock::Clock;
use crate::config::Target;
use crate::engines::{self, BackupEngine, Order, Taken, Upload};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::recovery::{BackupManifest, Lsn, MANIFEST_VERSION};
use crate::storage::Repository;

/// What to back up, where to, and how.
#[derive(Debug)]
pub struct Backup<'a> {
    /// The server; any of its databases.
    pub target: &'a Target,
    /// Where to.
    pub repository: &'a Repository,
    /// The region that the data must not leave.
    pub region: Option<String>,
    /// Bytes a second that the server sends at most.
    pub max_rate: Option<u64>,
    /// Where a cluster with tablespaces is put down on its way [default: the temporary folder].
    pub staging: Option<PathBuf>,
    /// What it is to be an increment of; none for a full backup.
    pub parent: Option<Parent>,
    /// Whether the volume below the repository is encrypted: what an engine that does not encrypt
    /// must know.
    pub encrypted_volume: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Progress.
    pub events: Arc<dyn EventSink>,
    /// Stops it.
    pub cancel: CancellationToken,
}

/// A backup that is complete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Created {
    /// Its id.
    pub id: String,
    /// Where it lies.
    pub repository: String,
    /// The cluster, as text: JSON readers round such numbers.
    pub system_identifier: String,
    /// The timeline.
    pub timeline: u32,
    /// Where replay begins.
    pub start: Lsn,
    /// What replay must reach.
    pub end: Lsn,
    /// The backup that it is an increment of.
    pub parent: Option<String>,
    /// Whether it can be restored to its end without any archived WAL.
    pub wal_included: bool,
    /// Streams: one, and one for each tablespace.
    pub streams: usize,
    /// Sealed parts.
    pub parts: usize,
    /// Bytes of the data.
    pub bytes: u64,
    /// Bytes in the repository.
    pub sealed_bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

impl Backup<'_> {
    /// Takes a backup with `engine`. When it fails, what was written is removed; when it is killed,
    /// `expire` removes it.
    ///
    /// # Errors
    /// [`Kind::Privilege`](crate::error::Kind::Privilege) with the remedy,
    /// [`Kind::BackupRefused`](crate::error::Kind::BackupRefused) for another's repository, or for an
    /// increment where none can be made; those of the engine and the repository.
    pub async fn create(&self, engine: &dyn BackupEngine) -> Result<Created> {
        let began = self.clock.monotonic();
        let source = Source::open(self.target).await?;
        let parent = increment::pick(self, engine, &source).await?;
        let now = self.clock.now();
        let region = self.region.as_deref();
        let whose = (region, engine.name());
        admit(self.repository, source.system_identifier, whose, now).await?;
        let id = BackupManifest::id_at(now, rand::random());
        let slot = format!("tidegate_backup_{:08x}", rand::random::<u32>());
        if !source.hold_wal(&slot).await? {
            self.note("no replication slot is free: the server may recycle WAL that the backup needs, and it would fail then".to_owned());
        }
        self.note(format!("backup {id} of {} begins", self.target.label()));
        let beat = Beat::start(self.repository, BackupManifest::folder(&id), &self.clock).await?;
        let made = self.make(engine, &source, (&id, parent)).await;
        let manifest = match made {
            Ok(manifest) => manifest,
            Err(error) => {
                // Were this to fail, too, `expire` would do it.
                let _ = beat.end().await;
                let _ = self
                    .repository
                    .remove_folder(&BackupManifest::folder(&id))
                    .await;
                return Err(error);
            }
        };
        let put = self.complete(&manifest).await;
        // Not before the manifest is there: a backup that its engine keeps has nothing else here that
        // tells `expire` whose it is.
        let ended = beat.end().await;
        put?;
        if let Err(error) = ended {
            self.note(format!(
                "the backup is complete; its signs of life stay: {error}"
            ));
        }
        self.audit(&source, &manifest).await;
        Ok(Created {
            repository: self.repository.location().to_string(),
            system_identifier: manifest.system_identifier.to_string(),
            timeline: manifest.timeline,
            start: manifest.start,
            end: manifest.end,
            parent: manifest.parent.clone(),
            wal_included: manifest.wal_included,
            streams: manifest.streams.len(),
            parts: manifest.parts().count(),
            bytes: manifest.bytes,
            sealed_bytes: manifest.sealed_bytes,
            seconds: (self.clock.monotonic() - began).as_secs_f64(),
            id,
        })
    }

    async fn make(
        &self,
        engine: &dyn BackupEngine,
        source: &Source,
        (id, parent): (&str, Option<BackupManifest>),
    ) -> Result<BackupManifest> {
        let started_at = self.clock.now();
        let staging = self.staging.as_deref();
        let increment = match &parent {
            Some(parent) => Some(Increment::prepare(self.repository, id, parent, staging).await?),
            None => None,
        };
        let order = Order {
            target: self.target,
            major: source.major(),
            system_identifier: source.system_identifier,
            id,
            tablespaces: source.tablespaces.clone(),
            max_rate: self.max_rate,
            staging: self.staging.clone(),
            parent: increment.as_ref().map(|increment| increment.list.as_path()),
            encrypted_volume: self.encrypted_volume,
            cancel: &self.cancel,
        };
        let mut upload = Upload::new(self.repository.clone(), id, self.cancel.clone());
        let taken: Taken = engine.take(&order, &mut upload).await?;
        let (kept, bytes, sealed_bytes) = match taken.kept {
            Some(made) => {
                let sealed = made.kept.files.iter().map(|file| file.part.bytes).sum();
                (Some(made.kept), made.bytes, sealed)
            }
            None => (None, upload.bytes, upload.sealed_bytes),
        };
        Ok(BackupManifest {
            version: MANIFEST_VERSION,
            id: id.to_owned(),
            engine: engine.name().to_owned(),
            system_identifier: source.system_identifier,
            postgres: source.version(),
            wal_segment_bytes: source.wal_segment_bytes,
            timeline: taken.timeline,
            start: taken.start,
            end: taken.end,
            started_at,
            ended_at: self.clock.now(),
            wal_included: taken.wal_included,
            region: self.region.clone(),
            streams: taken.streams,
            bytes,
            sealed_bytes,
            settings: source.settings.clone(),
            parent: parent.map(|parent| parent.id),
            kept,
            from_standby: source.standby,
        })
    }

    /// Writes the manifest. A backup whose parts were removed meanwhile, or whose parent expired, is
    /// none: it goes again. Whoever removes them has listed the repository before the manifest was
    /// there, so they are looked for once more behind it.
    async fn complete(&self, manifest: &BackupManifest) -> Result<()> {
        let name = BackupManifest::name(&manifest.id);
        let put = async {
            all_there(self.repository, manifest).await?;
            self.repository.put(&name, manifest.to_bytes()?).await?;
            all_there(self.repository, manifest).await?;
            match &manifest.parent {
                Some(parent) => increment::still_there(self.repository, parent).await,
                None => Ok(()),
            }
        };
        let there = put.await;
        if let Err(error) = &there
            && error.kind() == Kind::BackupMissing
        {
            self.repository.remove(&name).await?;
            let folder = BackupManifest::folder(&manifest.id);
            self.repository.remove_folder(&folder).await?;
        }
        there
    }

    async fn audit(&self, source: &Source, manifest: &BackupManifest) {
        let detail = json!({
            "backup": manifest.id, "repository": self.repository.location().to_string(),
            "start": manifest.start, "end": manifest.end, "bytes": manifest.bytes, "parent": manifest.parent,
        });
        let recorded = record(&source.session, self.target, "backup.create", detail).await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "the backup is complete, but not in the audit log");
        }
    }

    fn note(&self, text: String) {
        self.events.emit(Event::Note(text));
    }
}

/// Whether every part that a manifest names is there.
///
/// # Errors
/// [`Kind::BackupMissing`] names the first that is not; those of the repository.
async fn all_there(repository: &Repository, manifest: &BackupManifest) -> Result<()> {
    let mut files = repository
        .list(&BackupManifest::folder(&manifest.id))
        .await?;
    if manifest.kept.is_some()
        && let Some(keeper) = engines::keeper(repository, &manifest.engine)?
    {
        files.extend(repository.list(keeper.folder()).await?);
    }
    let parts = manifest.parts().map(|(name, _)| name);
    none_removed(&manifest.id, parts, files)
}

/// Whether the parts of backup `id` are among the files of a listing.
///
/// # Errors
/// [`Kind::BackupMissing`] names the first that is not.
pub(super) fn none_removed(
    id: &str,
    mut parts: impl Iterator<Item = String>,
    files: Vec<(String, u64)>,
) -> Result<()> {
    let files: BTreeSet<String> = files.into_iter().map(|(name, _)| name).collect();
    match parts.find(|name| !files.contains(name)) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            Kind::BackupMissing,
            format!("{name} was removed while backup {id} was made"),
        )
        .hint("see whether an `expire` with a short --abandoned-after ran beside it, or on a machine with another clock; then take another backup")),
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{Config, Overrides};
    use crate::job::Silent;
    use crate::recovery::manifest_tests::sample;
    use crate::storage::{Location, SealKey};

    const PARENT: &str = "20261126T010000Z-000001";
    const CHILD: &str = "20261126T020000Z-000002";

    fn repository(dir: &std::path::Path) -> Repository {
        let key = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        let key = SealKey::parse(&SecretString::from(key)).unwrap();
        Repository::open(&Location::Folder(dir.to_owned()), Vec::new(), key).unwrap()
    }

    async fn target() -> Target {
        let config = Config::load(&Overrides {
            file: None,
            environment: None,
            database_url: Some("postgresql:///postgres?host=/nowhere".to_owned()),
        });
        let config = config.unwrap();
        let environment = config.environment(None).unwrap();
        environment.target(&config).await.unwrap()
    }

    fn backup<'a>(target: &'a Target, repository: &'a Repository) -> Backup<'a> {
        Backup {
            target,
            repository,
            region: None,
            max_rate: None,
            staging: None,
            parent: None,
            encrypted_volume: false,
            clock: Arc::new(SystemClock::default()),
            events: Arc::new(Silent),
            cancel: CancellationToken::new(),
        }
    }

    /// `expire` listed the repository before the mark was there, and removes the parent afterwards.
    #[tokio::test]
    async fn an_increment_whose_parent_expired_while_it_was_made_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (repository, target) = (repository(dir.path()), target().await);
        let child = BackupManifest {
            parent: Some(PARENT.to_owned()),
            ..sample(CHILD, 1)
        };
        let part = BackupManifest::part_name(CHILD, "base", 0);
        repository.put(&part, &b"part"[..]).await.unwrap();
        let gone = backup(&target, &repository).complete(&child).await;
        let error = gone.unwrap_err();
        assert_eq!(error.kind(), Kind::BackupMissing, "{error}");
        assert!(error.to_string().contains(PARENT), "{error}");
        let left = repository.list(BackupManifest::FOLDER).await.unwrap();
        assert!(left.is_empty(), "{left:?}");

        // The same before anything was copied.
        let parent = sample(PARENT, 1);
        let prepared = Increment::prepare(&repository, CHILD, &parent, Some(dir.path())).await;
        assert_eq!(prepared.unwrap_err().kind(), Kind::BackupMissing);

        let text = parent.to_bytes().unwrap();
        let name = BackupManifest::name(PARENT);
        repository.put(&name, text).await.unwrap();
        repository.put(&part, &b"part"[..]).await.unwrap();
        backup(&target, &repository).complete(&child).await.unwrap();
        let name = BackupManifest::name(CHILD);
        assert!(repository.exists(&name).await.unwrap());
    }

    /// `expire` took a create that was held up for one that was killed.
    #[tokio::test]
    async fn a_backup_whose_parts_were_removed_while_it_was_made_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let (repository, target) = (repository(dir.path()), target().await);
        let made = sample(CHILD, 2);
        let part = |number| BackupManifest::part_name(CHILD, "base", number);
        repository.put(&part(1), &b"part"[..]).await.unwrap();
        let gone = backup(&target, &repository).complete(&made).await;
        let error = gone.unwrap_err();
        assert_eq!(error.kind(), Kind::BackupMissing, "{error}");
        assert!(error.to_string().contains(&part(0)), "{error}");
        let left = repository.list(BackupManifest::FOLDER).await.unwrap();
        assert!(left.is_empty(), "{left:?}");
    }
}
