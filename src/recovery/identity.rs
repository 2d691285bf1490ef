//! Which cluster a repository belongs to.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::BackupManifest;
use crate::error::{Error, Kind, Result};

/// The one cluster that a repository is of. It is written with the first backup or segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RepositoryIdentity {
    /// Version of the form: 1.
    pub version: u32,
    /// The cluster's system identifier.
    pub system_identifier: u64,
    /// The region that the data must not leave.
    pub region: Option<String>,
    /// When the repository was made.
    pub created: DateTime<Utc>,
    /// The engine that keeps its backups and its WAL.
    #[serde(default = "native", skip_serializing_if = "is_native")]
    pub engine: String,
}

/// The engine of repositories that name none.
fn native() -> String {
    BackupManifest::NATIVE.to_owned()
}

fn is_native(engine: &str) -> bool {
    engine == BackupManifest::NATIVE
}

impl RepositoryIdentity {
    /// The name of the file that holds it.
    pub const NAME: &'static str = "repository.tg";

    /// Reads it.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] when it is none.
    pub fn from_bytes(text: &[u8]) -> Result<Self> {
        serde_json::from_slice(text)
            .map_err(|error| Error::new(Kind::SealBroken, format!("{}: {error}", Self::NAME)))
    }

    /// Why its data must not come to this region; none when it may, or when no region is told.
    #[must_use]
    pub fn region_objection(&self, region: Option<&str>) -> Option<String> {
        let (own, other) = (self.region.as_deref()?, region?);
        (own != other).then(|| format!("its data is of {own}, the environment lies in {other}"))
    }

    /// Why a cluster must not use this repository; none when it may.
    #[must_use]
    pub fn objection(
        &self,
        system_identifier: u64,
        region: Option<&str>,
        engine: &str,
    ) -> Option<String> {
        if self.system_identifier != system_identifier {
            return Some(format!(
                "it is of the cluster with the system identifier {}, not {system_identifier}",
                self.system_identifier
            ));
        }
        if self.region.as_deref() != region {
            let word = |region: Option<&str>| region.unwrap_or("a region not named").to_owned();
            return Some(format!(
                "its data is of {}, the environment lies in {}",
                word(self.region.as_deref()),
                word(region)
            ));
        }
        if self.engine != engine {
            return Some(format!(
                "it is kept by the engine {}, not {engine}",
                self.engine
            ));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_its_own_cluster_in_its_own_region_may_use_it() {
        let identity = RepositoryIdentity {
            version: 1,
            system_identifier: 7,
            region: Some("eu".to_owned()),
            created: DateTime::UNIX_EPOCH,
            engine: native(),
        };
        assert_eq!(identity.objection(7, Some("eu"), "native"), None);
        assert!(
            identity
                .objection(8, Some("eu"), "native")
                .is_some_and(|why| why.contains("not 8"))
        );
        assert!(
            identity
                .objection(7, Some("us"), "native")
                .is_some_and(|why| why.contains("us"))
        );
        assert!(
            identity
                .objection(7, None, "native")
                .is_some_and(|why| why.contains("not named"))
        );
        assert!(
            identity
                .objection(7, Some("eu"), "pgbackrest")
                .is_some_and(|why| why.contains("not pgbackrest"))
        );
        assert_eq!(identity.region_objection(Some("eu")), None);
        assert_eq!(identity.region_objection(None), None);
        let why = identity.region_objection(Some("us")).unwrap();
        assert!(why.contains("eu") && why.contains("us"), "{why}");
        let text = serde_json::to_string(&identity).unwrap();
        assert!(!text.contains("engine"), "earlier versions read it: {text}");
        assert_eq!(
            serde_json::from_str::<RepositoryIdentity>(&text).unwrap(),
            identity
        );
    }
}
