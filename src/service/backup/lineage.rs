//! The parents of increments, in a repository.

use super::shelf::Shelf;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, lineage};
use crate::storage::Repository;

/// The backups that a restore of `backup` needs: the full one first, `backup` last.
///
/// # Errors
/// [`Kind::BackupMissing`] names a parent that is not there, [`Kind::SealBroken`] one that does not
/// open or cannot be a parent; those of the repository.
pub async fn ancestry(
    repository: &Repository,
    backup: &BackupManifest,
) -> Result<Vec<BackupManifest>> {
    let mut backups = vec![backup.clone()];
    let mut next = backup.parent.clone();
    while let (Some(id), Some(child)) = (next, backups.last()) {
        let name = BackupManifest::name(&id);
        if !repository.exists(&name).await? {
            return Err(child.orphaned(&id));
        }
        let parent = BackupManifest::from_bytes(&id, &repository.get(&name).await?)?;
        child.follows(&parent)?;
        next = parent.parent.clone();
        backups.push(parent);
    }
    backups.reverse();
    Ok(backups)
}

impl Shelf {
    /// The backups that a restore of `backup` needs: the full one first, `backup` last.
    ///
    /// # Errors
    /// As [`ancestry`].
    pub fn lineage<'a>(&'a self, backup: &'a BackupManifest) -> Result<Vec<&'a BackupManifest>> {
        lineage(backup, |id| self.backups.iter().find(|one| one.id == id))
    }

    /// Why a backup cannot be restored, as far as a listing tells: parts of it or of what it is an
    /// increment of are not there.
    #[must_use]
    pub fn problem(&self, backup: &BackupManifest) -> Option<String> {
        let backups = match self.lineage(backup) {
            Ok(backups) => backups,
            Err(error) => return Some(error.to_string()),
        };
        // Its own come first.
        backups.iter().rev().find_map(|one| {
            let missing = self.missing(one).count();
            let of = if one.id == backup.id {
                "its parts are".to_owned()
            } else {
                format!("the parts of {}, which it is an increment of, are", one.id)
            };
            (missing > 0).then(|| format!("{missing} of {of} not there"))
        })
    }

    /// Refuses a backup that cannot be restored, as far as a listing tells, before anything is fetched.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`] names the first part that is not there; those of [`Self::lineage`].
    pub fn whole(&self, backup: &BackupManifest) -> Result<()> {
        for one in self.lineage(backup)? {
            if let Some(part) = self.missing(one).next() {
                let text = format!("backup {} is not whole: {part} is not there", one.id);
                return Err(Error::new(Kind::BackupMissing, text)
                    .hint("`tidegate backup list` shows others; --backup chooses one"));
            }
        }
        Ok(())
    }

    /// The newest good backup that an increment can be made of.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`] when there is none.
    pub(super) fn newest_parent(&self, engine: &str, major: u32) -> Result<&BackupManifest> {
        let fits = |backup: &&BackupManifest| {
            backup.engine == engine
                && backup.postgres / 10_000 == major
                && self.problem(backup).is_none()
        };
        self.backups.iter().rev().find(fits).ok_or_else(|| {
            Error::new(
                Kind::BackupMissing,
                "there is no backup that an increment can be made of",
            )
            .hint("take a full one first: leave --incremental out")
        })
    }
}
