//! What a repository holds of backups.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{beat, increment};
use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::recovery::BackupManifest;
use crate::storage::Repository;

/// Everything in the folder of the backups.
#[derive(Debug, Clone, Default)]
pub struct Shelf {
    /// Complete backups, oldest first.
    pub backups: Vec<BackupManifest>,
    /// Backups whose manifest does not open.
    pub damaged: Vec<Damaged>,
    /// Folders without a manifest: of a create that runs, or that died.
    pub remains: Vec<Remains>,
    /// Sealed bytes of every file.
    pub files: BTreeMap<String, u64>,
}

/// A backup whose manifest does not open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Damaged {
    /// Its id.
    pub id: String,
    /// Why not.
    pub problem: String,
}

/// A folder without a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remains {
    /// The id that the backup would have had.
    pub id: String,
    /// Sealed bytes in it.
    pub bytes: u64,
    /// When its maker last gave a sign of life.
    pub alive_at: DateTime<Utc>,
    /// The backup that it would have been an increment of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

impl Shelf {
    /// Reads it.
    ///
    /// # Errors
    /// [`Kind::SealKey`] when the repository has another key; [`Kind::Storage`]. A manifest that is
    /// damaged is no error here.
    pub async fn read(repository: &Repository) -> Result<Self> {
        let files = repository.list(BackupManifest::FOLDER).await?;
        let sorted = Sorted::of(&files, BackupManifest::of_file, BackupManifest::is_manifest);
        let mut shelf = Self {
            remains: sorted.remains,
            files: files.into_iter().collect(),
            ..Self::default()
        };
        let read = async |id: &str| manifest(repository, id).await;
        (shelf.backups, shelf.damaged) = opened(sorted.complete, read).await?;
        shelf.list_kept(repository).await?;
        // Ids of one second are in the order of chance.
        shelf
            .backups
            .sort_by(|a, b| (a.ended_at, &a.id).cmp(&(b.ended_at, &b.id)));
        Ok(shelf)
    }

    /// The files that engines keep, each engine's once.
    async fn list_kept(&mut self, repository: &Repository) -> Result<()> {
        let kept = self.backups.iter().filter(|backup| backup.kept.is_some());
        let engines: BTreeSet<&str> = kept.map(|backup| backup.engine.as_str()).collect();
        for name in engines {
            if let Some(keeper) = engines::keeper(repository, name)? {
                let files = repository.list(keeper.folder()).await?;
                self.files.extend(files);
            }
        }
        Ok(())
    }

    /// The parts of a backup that are not there.
    pub fn missing<'a>(
        &'a self,
        backup: &'a BackupManifest,
    ) -> impl Iterator<Item = String> + use<'a> {
        let names = backup.parts().map(|(name, _)| name);
        names.filter(|name| !self.files.contains_key(name))
    }

    /// The complete backup of that id.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`], [`Kind::SealBroken`].
    pub fn backup(&self, id: &str) -> Result<&BackupManifest> {
        let found = self.backups.iter().find(|backup| backup.id == id);
        found.ok_or_else(|| none(&format!("backup {id}"), id, (&self.damaged, &self.remains)))
    }
}

/// Why there is no complete backup of that id, in words that begin with `what`.
pub(super) fn none(what: &str, id: &str, (damaged, remains): (&[Damaged], &[Remains])) -> Error {
    if let Some(damaged) = damaged.iter().find(|damaged| damaged.id == id) {
        return Error::new(Kind::SealBroken, damaged.problem.clone());
    }
    let unfinished = remains.iter().any(|remains| remains.id == id);
    let why = if unfinished {
        ": it was never completed"
    } else {
        ""
    };
    Error::new(Kind::BackupMissing, format!("there is no {what}{why}"))
}

/// Reads manifests; those that are damaged are told apart.
///
/// # Errors
/// All others of `read`.
pub(super) async fn opened<M>(
    ids: Vec<String>,
    read: impl AsyncFn(&str) -> Result<M>,
) -> Result<(Vec<M>, Vec<Damaged>)> {
    let (mut backups, mut damaged) = (Vec::new(), Vec::new());
    for id in ids {
        match read(&id).await {
            Ok(manifest) => backups.push(manifest),
            Err(error) if error.kind() == Kind::SealBroken => damaged.push(Damaged {
                id,
                problem: error.to_string(),
            }),
            Err(error) => return Err(error),
        }
    }
    Ok((backups, damaged))
}

/// The folders of backups, those with a manifest told from others.
#[derive(Debug, Default)]
pub(super) struct Sorted {
    /// The ids of complete ones.
    pub(super) complete: Vec<String>,
    /// The others.
    pub(super) remains: Vec<Remains>,
}

impl Sorted {
    /// Sorts files: `of` tells the backup that one belongs to and its name inside, `is_manifest`
    /// whether that is the one that is written last.
    pub(super) fn of(
        files: &[(String, u64)],
        of: fn(&str) -> Option<(&str, &str)>,
        is_manifest: fn(&str) -> bool,
    ) -> Self {
        let mut complete = BTreeSet::new();
        let mut open: BTreeMap<&str, Remains> = BTreeMap::new();
        for (name, bytes) in files {
            let Some((id, inside)) = of(name) else {
                continue;
            };
            let began = BackupManifest::began(id).unwrap_or_default();
            let remains = open.entry(id).or_insert_with(|| Remains {
                id: id.to_owned(),
                bytes: 0,
                alive_at: began,
                parent: None,
            });
            remains.bytes += bytes;
            remains.alive_at = remains.alive_at.max(beat::given(inside).unwrap_or(began));
            if let Some(parent) = increment::marked(inside) {
                remains.parent = Some(parent.to_owned());
            }
            if is_manifest(inside) {
                complete.insert(id.to_owned());
            }
        }
        let remains = open.into_values();
        Self {
            remains: remains.filter(|one| !complete.contains(&one.id)).collect(),
            complete: complete.into_iter().collect(),
        }
    }
}

async fn manifest(repository: &Repository, id: &str) -> Result<BackupManifest> {
    let text = repository.get(&BackupManifest::name(id)).await?;
    BackupManifest::from_bytes(id, &text)
}
