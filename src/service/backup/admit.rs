//! Whether a cluster may use a repository.

use chrono::{DateTime, Utc};

use crate::engines::identity;
use crate::error::{Error, Kind, Result};
use crate::recovery::RepositoryIdentity;
use crate::service::wal::cluster_of;
use crate::storage::Repository;

/// Lets a cluster use a repository when it is the one that the repository belongs to, with the
/// engine that keeps it; a new repository belongs to whoever comes first.
///
/// # Errors
/// [`Kind::BackupRefused`] for another cluster, region or engine; those of the repository.
pub async fn admit(
    repository: &Repository,
    system_identifier: u64,
    (region, engine): (Option<&str>, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let found = match identity(repository).await? {
        Some(found) => found,
        None => {
            // An archiver may have been here before the first backup.
            if let Some(owner) = cluster_of(repository).await?
                && owner != system_identifier
            {
                return Err(Error::new(
                    Kind::BackupRefused,
                    format!(
                        "{} is another's repository: what it holds is of the cluster with the system identifier {owner}, not of {system_identifier}",
                        repository.location()
                    ),
                )
                .hint("name a repository of its own for each cluster"));
            }
            first(repository, system_identifier, (region, engine), now).await?
        }
    };
    match found.objection(system_identifier, region, engine) {
        None => Ok(()),
        Some(why) => Err(Error::new(
            Kind::BackupRefused,
            format!("{} is another's repository: {why}", repository.location()),
        )),
    }
}

/// Makes a new repository one of a cluster and a region. Somebody else may be first; what counts is
/// what is there then.
async fn first(
    repository: &Repository,
    system_identifier: u64,
    (region, engine): (Option<&str>, &str),
    now: DateTime<Utc>,
) -> Result<RepositoryIdentity> {
    let own = RepositoryIdentity {
        version: 1,
        system_identifier,
        region: region.map(str::to_owned),
        created: now,
        engine: engine.to_owned(),
    };
    let text =
        serde_json::to_vec(&own).map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let name = RepositoryIdentity::NAME;
    match repository.put(name, text).await {
        Ok(_) => Ok(own),
        Err(error) if error.kind() == Kind::StorageExists => {
            RepositoryIdentity::from_bytes(&repository.get(name).await?)
        }
        Err(error) => Err(error),
    }
}
