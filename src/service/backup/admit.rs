//! Whether a cluster may use a repository.

use chrono::{DateTime, Utc};

use crate::error::{Error, Kind, Result};
use crate::recovery::RepositoryIdentity;
use crate::storage::Repository;

/// Lets a cluster use a repository when it is the one that the repository belongs to; a new
/// repository belongs to whoever comes first.
///
/// # Errors
/// [`Kind::BackupRefused`] for another cluster, region or engine; those of the repository.
pub async fn admit(
    repository: &Repository,
    system_identifier: u64,
    (region, engine): (Option<&str>, &str),
    now: DateTime<Utc>,
) -> Result<()> {
    let name = RepositoryIdentity::NAME;
    if !repository.exists(name).await? {
        let identity = RepositoryIdentity {
            version: 1,
            system_identifier,
            region: region.map(str::to_owned),
            created: now,
            engine: engine.to_owned(),
        };
        let text = serde_json::to_vec(&identity)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        match repository.put(name, text).await {
            Ok(_) => return Ok(()),
            // Somebody else was first; what counts is what is there.
            Err(error) if error.kind() == Kind::StorageExists => {}
            Err(error) => return Err(error),
        }
    }
    let text = repository.get(name).await?;
    let identity: RepositoryIdentity = serde_json::from_slice(&text)
        .map_err(|error| Error::new(Kind::SealBroken, format!("{name}: {error}")))?;
    match identity.objection(system_identifier, region, engine) {
        None => Ok(()),
        Some(why) => Err(Error::new(
            Kind::BackupRefused,
            format!("{} is another's repository: {why}", repository.location()),
        )),
    }
}
