//! Which engine keeps a repository.

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
        Location::Folder(_) => kept_by(&repository).await?,
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

/// The engine in the repository's own words; none when it is new, or when that file is damaged,
/// which whoever needs it will say.
async fn kept_by(repository: &Repository) -> Result<Option<String>> {
    let name = RepositoryIdentity::NAME;
    if !repository.exists(name).await? {
        return Ok(None);
    }
    match repository.get(name).await {
        Ok(text) => Ok(serde_json::from_slice(&text)
            .ok()
            .map(|identity: RepositoryIdentity| identity.engine)),
        Err(error) if error.kind() == Kind::SealBroken => Ok(None),
        Err(error) => Err(error),
    }
}

fn unknown(name: &str) -> Error {
    Error::new(
        Kind::ConfigValue,
        format!("there is no engine \"{name}\""),
    )
    .hint("native needs nothing installed but PostgreSQL's own programs; pgbackrest and barman drive these")
}
