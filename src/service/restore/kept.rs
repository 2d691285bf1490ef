//! The files of a backup that its engine keeps.

use std::sync::{Arc, PoisonError};

use tokio_util::sync::CancellationToken;

use super::place::Place;
use crate::engines::{self, Landing};
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Kept};
use crate::storage::Repository;

/// Has the engine put the files of a backup into the empty folders of `place`; gives their bytes.
///
/// # Errors
/// [`Kind::SealBroken`] that names a file of the backup which is not what was written, else what the
/// engine says.
pub(super) async fn bring(
    repository: &Repository,
    (backup, kept): (&BackupManifest, &Kept),
    place: &Place,
) -> Result<u64> {
    let Some(keeper) = engines::keeper(repository, &backup.engine)? else {
        let text = format!("backup {} is of the engine {}", backup.id, backup.engine);
        return Err(Error::new(Kind::RestoreFailed, text));
    };
    let tablespaces = place.spots.iter().filter(|spot| spot.stream != "base");
    let stop = CancellationToken::new();
    let landing = Landing {
        data: place.data().to_owned(),
        tablespaces: tablespaces
            .map(|spot| (spot.stream.clone(), spot.folder.clone()))
            .collect(),
        stop: stop.clone(),
    };
    let (files, writing) = (kept.clone(), Arc::clone(&place.writing));
    // When this call is given up, the engine ends before anybody removes the folders.
    let _given_up = stop.drop_guard();
    let bringing = tokio::task::spawn_blocking(move || {
        let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
        keeper.restore(&files, &landing)
    });
    let done = bringing
        .await
        .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    match done {
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
