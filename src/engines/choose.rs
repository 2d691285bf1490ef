//! Which engine keeps a repository.

use std::path::Path;
use std::sync::Arc;

use super::{BackupEngine, Barman, Keeper, Native, PgBackRest};
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, RepositoryIdentity};
use crate::storage::{Location, Repository};

/// The engine of that name over `repository`.
///
/// # Errors
/// [`Kind::ConfigValue`] for a name that is none; [`Kind::Unsupported`] for a repository that the
/// engine cannot use.
pub fn engine(repository: &Repository, name: &str) -> Result<Box<dyn BackupEngine>> {
    match name {
        BackupManifest::NATIVE => Ok(Box::new(Native)),
        PgBackRest::NAME => Ok(Box::new(PgBackRest::over(repository)?)),
        Barman::NAME => Ok(Box::new(Barman::over(repository)?)),
        other => Err(unknown(other)),
    }
}

/// The same, when it is one that keeps its own files.
///
/// # Errors
/// As [`engine`].
pub fn keeper(repository: &Repository, name: &str) -> Result<Option<Arc<dyn Keeper>>> {
    match name {
        BackupManifest::NATIVE => Ok(None),
        PgBackRest::NAME => Ok(Some(Arc::new(PgBackRest::over(repository)?))),
        Barman::NAME => Ok(Some(Arc::new(Barman::over(repository)?))),
        other => Err(unknown(other)),
    }
}

/// Mounts the WAL of the engine that keeps `repository`, and names the engine: the one that
/// `repository` was made with; for a new one `wanted`, else `native`.
///
/// # Errors
/// [`Kind::SealKey`] when the repository has another key; as [`engine`].
pub async fn open(repository: Repository, wanted: Option<&str>) -> Result<(Repository, String)> {
    // Object stores are kept by `native` alone; nobody has to ask them.
    let known = match repository.location() {
        Location::Folder(folder) => kept_by(&repository, folder).await?,
        Location::Bucket { .. } => None,
    };
    let name = known
        .or_else(|| wanted.map(str::to_owned))
        .unwrap_or_else(|| BackupManifest::NATIVE.to_owned());
    let repository = match keeper(&repository, &name)? {
        Some(keeper) => repository.mounted(keeper.wal()),
        None => repository,
    };
    Ok((repository, name))
}

/// The cluster, the region and the engine that a repository belongs to; none when it is new.
///
/// # Errors
/// Those of the repository.
pub async fn identity(repository: &Repository) -> Result<Option<RepositoryIdentity>> {
    let name = RepositoryIdentity::NAME;
    if !repository.exists(name).await? {
        return Ok(None);
    }
    RepositoryIdentity::from_bytes(&repository.get(name).await?).map(Some)
}

/// The engine in the repository's own words. When that file is damaged or gone, the engine whose
/// folder is there: without its WAL a backup would be restored to its own end, as if nothing had
/// come after. None when there is neither.
async fn kept_by(repository: &Repository, folder: &Path) -> Result<Option<String>> {
    match identity(repository).await {
        Ok(Some(identity)) => return Ok(Some(identity.engine)),
        Ok(None) => {}
        Err(error) if error.kind() == Kind::SealBroken => {}
        Err(error) => return Err(error),
    }
    let mut engines = [PgBackRest::NAME, Barman::NAME].into_iter();
    let there = engines.find(|name| folder.join(name).is_dir());
    Ok(there.map(str::to_owned))
}

fn unknown(name: &str) -> Error {
    Error::new(
        Kind::ConfigValue,
        format!("there is no engine \"{name}\""),
    )
    .hint("native needs nothing installed but PostgreSQL's own programs; pgbackrest and barman drive these")
}
