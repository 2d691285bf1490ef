//! The backups of a repository.

use crate::error::{Kind, Result};
use crate::recovery::BackupManifest;
use crate::storage::Repository;

/// All complete backups in the order of their ids, and why others are not to be believed.
///
/// # Errors
/// [`Kind::Storage`]; [`Kind::SealKey`] when the key is not the repository's.
pub async fn backups(repository: &Repository) -> Result<(Vec<BackupManifest>, Vec<String>)> {
    let (mut found, mut damaged) = (Vec::new(), Vec::new());
    for (name, _) in repository.list(BackupManifest::FOLDER).await? {
        let Some((id, inside)) = BackupManifest::of_file(&name) else {
            continue;
        };
        if !BackupManifest::is_manifest(inside) {
            continue;
        }
        let read = async { BackupManifest::from_bytes(id, &repository.get(&name).await?) };
        match read.await {
            Ok(manifest) => found.push(manifest),
            Err(error) if error.kind() == Kind::SealBroken => damaged.push(error.to_string()),
            Err(error) => return Err(error),
        }
    }
    Ok((found, damaged))
}
