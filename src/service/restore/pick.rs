//! Which base backup a recovery begins with.

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Inventory, RecoveryTarget, reaching};
use crate::service::backup::Shelf;
use crate::service::wal::inventory;
use crate::storage::Repository;

/// A newer backup than the one that is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PassedOver {
    /// Its id.
    pub id: String,
    /// Why it is of no use.
    pub why: String,
}

/// What a recovery begins with.
#[derive(Debug)]
pub struct Picked<'a> {
    /// The base backup.
    pub backup: &'a BackupManifest,
    /// Newer ones that are of no use.
    pub passed_over: Vec<PassedOver>,
    /// What the repository held of WAL.
    pub inventory: Inventory,
}

impl<'a> Picked<'a> {
    /// This very backup.
    ///
    /// # Errors
    /// Those of the repository.
    pub async fn named(repository: &Repository, backup: &'a BackupManifest) -> Result<Self> {
        Ok(Self {
            backup,
            passed_over: Vec::new(),
            inventory: inventory(repository, backup).await?,
        })
    }

    /// What was chosen from a listing, which is of no use for segments of another size.
    async fn chosen(
        repository: &Repository,
        (backup, listed): (&'a BackupManifest, Inventory),
        passed_over: Vec<PassedOver>,
    ) -> Result<Self> {
        let same = listed.segment_bytes == backup.wal_segment_bytes;
        Ok(Self {
            backup,
            passed_over,
            inventory: match same {
                true => listed,
                false => inventory(repository, backup).await?,
            },
        })
    }
}

/// The newest backup that is whole, from which `target` can be reached, and which lies in the past
/// of the newest timeline; with the newer ones that are not so. When none is, the newest that the
/// target allows: a restore of it says what is wrong.
///
/// # Errors
/// [`Kind::BackupMissing`] when there is none at all; those of the repository.
pub async fn pick<'a>(
    repository: &Repository,
    shelf: &'a Shelf,
    target: &RecoveryTarget,
) -> Result<Picked<'a>> {
    let all = reaching(&shelf.backups, target);
    let newest = *all.first().ok_or_else(|| {
        let text = match shelf.backups.len() {
            0 => "the repository holds no complete backup",
            _ => "every backup ended after the target",
        };
        Error::new(Kind::BackupMissing, text)
            .hint("see what there is with `tidegate backup list` and `tidegate wal audit`")
    })?;
    let listed = inventory(repository, newest).await?;
    let mut passed: Vec<PassedOver> = Vec::new();
    for backup in all {
        let left = || {
            let timeline = listed.follow(backup).reach.left_by?;
            Some(format!("timeline {timeline} does not pass through it"))
        };
        match shelf.problem(backup).or_else(left) {
            Some(why) => passed.push(PassedOver {
                id: backup.id.clone(),
                why,
            }),
            None => {
                let newer = shelf.damaged.iter().filter(|one| one.id > backup.id);
                passed.extend(newer.map(|one| PassedOver {
                    id: one.id.clone(),
                    why: one.problem.clone(),
                }));
                return Picked::chosen(repository, (backup, listed), passed).await;
            }
        }
    }
    Picked::chosen(repository, (newest, listed), Vec::new()).await
}

/// The newest backup that lies in the past of the newest timeline, whole or not: what a drill must
/// come back from. When none does, the newest of all.
///
/// # Errors
/// As [`pick`].
pub async fn newest_living<'a>(repository: &Repository, shelf: &'a Shelf) -> Result<Picked<'a>> {
    let newest = shelf.backups.last().ok_or_else(|| {
        let text = format!("there is no complete backup in {}", repository.location());
        Error::new(Kind::BackupMissing, text)
    })?;
    let listed = inventory(repository, newest).await?;
    let lives = |backup: &&BackupManifest| listed.follow(backup).reach.left_by.is_none();
    let backup = shelf.backups.iter().rev().find(lives).unwrap_or(newest);
    Picked::chosen(repository, (backup, listed), Vec::new()).await
}
