//! Which base backup a recovery begins with.

use serde::Serialize;

use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, RecoveryTarget, reaching};
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
) -> Result<(&'a BackupManifest, Vec<PassedOver>)> {
    let all = reaching(&shelf.backups, target);
    let newest = *all.first().ok_or_else(|| {
        let text = match shelf.backups.len() {
            0 => "the repository holds no complete backup",
            _ => "every backup ended after the target",
        };
        Error::new(Kind::BackupMissing, text)
            .hint("see what there is with `tidegate backup list` and `tidegate wal audit`")
    })?;
    let inventory = inventory(repository, newest).await?;
    let mut passed: Vec<PassedOver> = Vec::new();
    for backup in all {
        let left = || {
            let timeline = inventory.follow(backup).reach.left_by?;
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
                return Ok((backup, passed));
            }
        }
    }
    Ok((newest, Vec::new()))
}

/// The newest backup that lies in the past of the newest timeline, whole or not: what a drill must
/// come back from. When none does, the newest of all.
///
/// # Errors
/// As [`pick`].
pub async fn newest_living<'a>(
    repository: &Repository,
    shelf: &'a Shelf,
) -> Result<&'a BackupManifest> {
    let newest = shelf.backups.last().ok_or_else(|| {
        let text = format!("there is no complete backup in {}", repository.location());
        Error::new(Kind::BackupMissing, text)
    })?;
    let inventory = inventory(repository, newest).await?;
    let lives = |backup: &&BackupManifest| inventory.follow(backup).reach.left_by.is_none();
    Ok(shelf.backups.iter().rev().find(lives).unwrap_or(newest))
}
