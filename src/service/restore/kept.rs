//! The files of a backup that its engine keeps.

use std::path::Path;

use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Kept};
use crate::storage::Repository;

/// Has the engine put the files of a backup into the empty folder `data`; gives their bytes.
///
/// # Errors
/// [`Kind::SealBroken`] that names a file of the backup which is not what was written, else what the
/// engine says.
pub(super) async fn bring(
    repository: &Repository,
    (backup, kept): (&BackupManifest, &Kept),
    data: &Path,
) -> Result<u64> {
    let Some(keeper) = engines::keeper(repository, &backup.engine)? else {
        let text = format!("backup {} is of the engine {}", backup.id, backup.engine);
        return Err(Error::new(Kind::RestoreFailed, text));
    };
    match keeper.restore(kept, data).await {
        Ok(()) => Ok(backup.bytes),
        Err(error) => Err(culprit(repository, kept).await?.unwrap_or(error)),
    }
}

/// The first file that is not what was written; the programs do not always name it.
async fn culprit(repository: &Repository, kept: &Kept) -> Result<Option<Error>> {
    for file in &kept.files {
        let part = &file.part;
        let problem = match repository.digest_as_is(&file.name).await {
            Ok(found) if found == (part.bytes, part.sha256.clone()) => continue,
            Ok(_) => "is not what was written".to_owned(),
            Err(error) if error.kind() == Kind::Storage => format!("cannot be read: {error}"),
            Err(error) => return Err(error),
        };
        let text = format!("{} {problem}", file.name);
        return Ok(Some(Error::new(Kind::SealBroken, text)));
    }
    Ok(None)
}
