//! By what a folder is known to hold an instance that follows a repository.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind, Result};
use crate::recovery::BackupManifest;
use crate::service::wal::cluster_of;
use crate::storage::Repository;

/// Its file, beside the data folder.
const NAME: &str = "follow.json";
/// Version of its form.
const VERSION: u32 = 1;

/// What an instance came from. It is written when the files of the base backup are there and checked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowMark {
    /// Version of the form: 1.
    version: u32,
    /// Where the repository was then.
    pub repository: String,
    /// The base backup, without the list of its parts: it may expire, and is not fetched again.
    pub backup: BackupManifest,
}

impl FollowMark {
    pub(super) fn of(repository: &Repository, backup: &BackupManifest) -> Self {
        let mut backup = backup.clone();
        backup.kept = None;
        for stream in &mut backup.streams {
            stream.parts.clear();
        }
        Self {
            version: VERSION,
            repository: repository.location().to_string(),
            backup,
        }
    }

    /// The mark of a folder; none when nothing follows there.
    ///
    /// # Errors
    /// [`Kind::Usage`] for one of another version; those of the file system.
    pub fn read(into: &Path) -> Result<Option<Self>> {
        let path = into.join(NAME);
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let wrong = |why: String| {
            Error::new(Kind::Usage, format!("{}: {why}", path.display()))
                .hint("go on with the Tidegate that wrote it, or remove the folder and begin anew")
        };
        let mark: Self = serde_json::from_slice(&text).map_err(|error| wrong(error.to_string()))?;
        match mark.version {
            VERSION => Ok(Some(mark)),
            other => Err(wrong(format!("it has version {other}, not {VERSION}"))),
        }
    }

    /// Writes it, in one step and for good.
    pub(super) fn write(&self, into: &Path) -> Result<()> {
        let text = serde_json::to_vec_pretty(self)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        let making = into.join(format!("{NAME}.new"));
        let mut options = std::fs::File::options();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&making)?;
        file.write_all(&text)?;
        file.sync_all()?;
        std::fs::rename(&making, into.join(NAME))?;
        Ok(std::fs::File::open(into)?.sync_all()?)
    }

    /// Refuses WAL of another cluster.
    pub(super) async fn admit(&self, repository: &Repository) -> Result<()> {
        let own = self.backup.system_identifier;
        let other = match cluster_of(repository).await? {
            Some(other) if other != own => other,
            _ => return Ok(()),
        };
        let place = repository.location();
        Err(Error::new(
            Kind::BackupRefused,
            format!(
                "{place} is of the cluster with the system identifier {other}, the folder follows {own}"
            ),
        )
        .hint(format!(
            "name the repository that it came from ({}), or another folder",
            self.repository
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::manifest_tests::sample;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_no_other_version_is() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(FollowMark::read(dir.path()).unwrap(), None);
        let mut mark = FollowMark {
            version: VERSION,
            repository: "file:/r".to_owned(),
            backup: sample("20261126T021500Z-0f3a9c", 1),
        };
        mark.write(dir.path()).unwrap();
        assert_eq!(FollowMark::read(dir.path()).unwrap(), Some(mark.clone()));
        assert_eq!(dir.path().read_dir().unwrap().count(), 1);
        mark.version = 2;
        mark.write(dir.path()).unwrap();
        let error = FollowMark::read(dir.path()).unwrap_err();
        assert_eq!(error.kind(), Kind::Usage);
        std::fs::write(dir.path().join(NAME), "{").unwrap();
        assert!(FollowMark::read(dir.path()).is_err());
    }
}
