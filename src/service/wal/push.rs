//! WAL into a repository, a file at a time.

use std::sync::{Mutex, PoisonError};

use crate::engines::identity;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, Increment, PageHeader, SMALLEST_SEGMENT, Segment, TimelineHistory, WalFile,
    history_name, increment_name, is_segment_size, log_end, wal_name,
};
use crate::storage::{Repository, room};

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// It was written.
    Written,
    /// It was there before, with this very content.
    There,
    /// It is of no use for a recovery.
    Ignored,
}

/// Hands WAL of one cluster over to a repository.
#[derive(Debug)]
pub struct Pusher {
    repository: Repository,
    /// The system identifier that segments must have; none before the first one.
    cluster: Mutex<Option<u64>>,
}

/// Hands over a file of `pg_wal`, by the name that the server gives it.
///
/// # Errors
/// As [`Pusher::push`].
pub async fn push(repository: &Repository, name: &str, content: &[u8]) -> Result<Pushed> {
    Pusher::new(repository).push(name, content).await
}

impl Pusher {
    /// For the cluster that the repository belongs to; when it belongs to none yet, for the one
    /// that the first segment is of.
    #[must_use]
    pub fn new(repository: &Repository) -> Self {
        Self {
            repository: repository.clone(),
            cluster: Mutex::default(),
        }
    }

    /// Hands over a file of `pg_wal`, by the name that the server gives it.
    ///
    /// # Errors
    /// [`Kind::WalConflict`] when the repository holds another content under that name, or is of
    /// another cluster; [`Kind::Usage`] when it is not what its name says; [`Kind::Storage`].
    pub async fn push(&self, name: &str, content: &[u8]) -> Result<Pushed> {
        if let Some(timeline) = TimelineHistory::timeline_of(name) {
            TimelineHistory::parse(timeline, &String::from_utf8_lossy(content))
                .map_err(|why| Error::new(Kind::Usage, why))?;
            return put(&self.repository, &history_name(timeline), content).await;
        }
        if name.ends_with(".backup") {
            return Ok(Pushed::Ignored);
        }
        // The rest of a timeline that a promotion left has the suffix.
        let plain = name.strip_suffix(".partial").unwrap_or(name);
        let bytes = u32::try_from(content.len()).unwrap_or(u32::MAX);
        let segment = Segment::parse(plain, bytes)
            .filter(|_| is_segment_size(bytes))
            .ok_or_else(|| {
                let length = content.len();
                let text = format!("{name} is no file of WAL with {length} bytes");
                Error::new(Kind::Usage, text)
            })?;
        self.check(segment, bytes, content).await?;
        if plain == name {
            return put(&self.repository, &wal_name(segment, bytes), content).await;
        }
        // Behind the end of its log may lie what the file held before.
        let end = log_end(content).and_then(|end| u32::try_from(end).ok());
        let piece = Increment {
            offset: 0,
            bytes: end.unwrap_or(bytes),
        };
        let to = increment_name(segment, piece, bytes);
        let known = content.get(..piece.bytes as usize).unwrap_or(content);
        put(&self.repository, &to, known).await
    }

    /// Whether a segment that begins with `content` is what it is called, and of this cluster.
    ///
    /// # Errors
    /// As [`Self::push`].
    pub(super) async fn check(&self, segment: Segment, bytes: u32, content: &[u8]) -> Result<()> {
        let name = segment.name(bytes);
        let header = PageHeader::parse(content).and_then(|header| {
            header
                .objection(segment, bytes)
                .map_or(Ok(header), Result::Err)
        });
        let header = header.map_err(|why| {
            let text = format!("{name} is not that segment: {why}");
            Error::new(Kind::Usage, text)
        })?;
        let found = header.system_identifier;
        let known = *self.cluster.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = match known {
            Some(known) => known,
            None => cluster_of(&self.repository).await?.unwrap_or(found),
        };
        if wanted != found {
            return Err(Error::new(
                Kind::WalConflict,
                format!(
                    "{name} is of the cluster with the system identifier {found}, but {} is of {wanted}",
                    self.repository.location()
                ),
            ));
        }
        *self.cluster.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        Ok(())
    }
}

/// The cluster that a repository belongs to: by its own words, else that of its WAL, else of its backups.
/// None when it is new.
pub(in crate::service) async fn cluster_of(repository: &Repository) -> Result<Option<u64>> {
    if let Some(identity) = identity(repository).await? {
        return Ok(Some(identity.system_identifier));
    }
    let files = repository.list("wal").await?;
    let mut whole = files.iter().filter(|(name, _)| {
        matches!(
            WalFile::parse(name, SMALLEST_SEGMENT),
            Some(WalFile::Whole(_))
        )
    });
    let Some((first, _)) = whole.next() else {
        return of_backups(repository).await;
    };
    let header = PageHeader::parse(&repository.get(first).await?);
    let header = header.map_err(|why| Error::new(Kind::WalMissing, format!("{first}: {why}")))?;
    Ok(Some(header.system_identifier))
}

async fn of_backups(repository: &Repository) -> Result<Option<u64>> {
    let files = repository.list(BackupManifest::FOLDER).await?;
    let inside = files
        .iter()
        .filter_map(|(name, _)| BackupManifest::of_file(name));
    let mut complete = inside.filter(|(_, inside)| BackupManifest::is_manifest(inside));
    let Some((id, _)) = complete.next() else {
        return Ok(None);
    };
    let text = repository.get(&BackupManifest::name(id)).await?;
    let manifest = BackupManifest::from_bytes(id, &text)?;
    Ok(Some(manifest.system_identifier))
}

pub(super) async fn put(repository: &Repository, name: &str, content: &[u8]) -> Result<Pushed> {
    let mut text = room(content.len());
    text.extend_from_slice(content);
    match repository.put(name, text).await {
        Ok(_) => Ok(Pushed::Written),
        Err(error) if error.kind() == Kind::StorageExists => {
            if repository.get(name).await? == content {
                return Ok(Pushed::There);
            }
            Err(Error::new(
                Kind::WalConflict,
                format!("{name} is in the repository with another content"),
            ))
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::recovery::RepositoryIdentity;
    use crate::recovery::page_tests::segment;
    use crate::storage::{Location, SealKey};

    const MB: u32 = 1 << 20;

    pub(in super::super) fn repository(dir: &std::path::Path) -> Repository {
        let key = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        let key = SealKey::parse(&SecretString::from(key)).unwrap();
        Repository::open(&Location::Folder(dir.to_owned()), Vec::new(), key).unwrap()
    }

    /// The segment of that number on the first timeline, with its name.
    pub(in super::super) fn wal(number: u64, cluster: u64) -> (String, Vec<u8>) {
        let at = Segment {
            timeline: 1,
            number,
        };
        (at.name(MB), segment(at, MB, cluster))
    }

    #[tokio::test]
    async fn the_same_twice_is_fine_and_another_content_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let push = async |name: &str, content: &[u8]| push(&repository, name, content).await;
        let (name, mut content) = wal(3, 7);
        assert_eq!(push(&name, &content).await.unwrap(), Pushed::Written);
        assert_eq!(push(&name, &content).await.unwrap(), Pushed::There);
        content[9000] = 1;
        let error = push(&name, &content).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
        let history = push("00000002.history", b"1 0/3").await.unwrap();
        assert_eq!(history, Pushed::Written);
        let label = "000000010000000000000003.00000028.backup";
        assert_eq!(push(label, b"x").await.unwrap(), Pushed::Ignored);
        assert!(push("x", b"").await.is_err());
    }

    #[tokio::test]
    async fn what_is_not_the_segment_of_its_name_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let (name, content) = wal(3, 7);
        let (other, _) = wal(4, 7);
        for (name, content) in [
            (name.as_str(), &content[..content.len() / 2]),
            (name.as_str(), &content[..content.len() - 8192]),
            (name.as_str(), vec![0; content.len()].as_slice()),
            (other.as_str(), content.as_slice()),
            ("00000002.history", b"2 0/3".as_slice()),
        ] {
            let error = push(&repository, name, content).await.unwrap_err();
            assert_eq!(error.kind(), Kind::Usage, "{error}");
        }
        assert!(repository.list("wal").await.unwrap().is_empty());
    }

    #[tokio::test]
    async fn wal_of_another_cluster_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let pusher = Pusher::new(&repository);
        let (name, content) = wal(3, 7);
        pusher.push(&name, &content).await.unwrap();
        let (name, content) = wal(4, 8);
        let error = pusher.push(&name, &content).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
        assert!(error.to_string().contains("identifier 8"), "{error}");
        // What is there counts for a process that has seen nothing yet.
        let error = push(&repository, &name, &content).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
        let identity = RepositoryIdentity {
            version: 1,
            system_identifier: 7,
            region: None,
            created: chrono::DateTime::UNIX_EPOCH,
            engine: "native".to_owned(),
        };
        let identity = serde_json::to_vec(&identity).unwrap();
        let named = repository.put(RepositoryIdentity::NAME, identity);
        named.await.unwrap();
        let error = push(&repository, &name, &content).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
    }
}
