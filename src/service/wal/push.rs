//! WAL into a repository, a file at a time.

use crate::error::{Error, Kind, Result};
use crate::recovery::{Increment, Segment, history_name, increment_name, wal_name};
use crate::storage::Repository;

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

/// Hands over a file of `pg_wal`, by the name that the server gives it.
///
/// # Errors
/// [`Kind::WalConflict`] when the repository holds another content under that name;
/// [`Kind::Storage`].
pub async fn push(repository: &Repository, name: &str, content: &[u8]) -> Result<Pushed> {
    let size = u32::try_from(content.len()).unwrap_or(u32::MAX);
    if let Some(timeline) = timeline_of(name) {
        return put(repository, &history_name(timeline), content).await;
    }
    if let Some(segment) = Segment::parse(name, size) {
        return put(repository, &wal_name(segment, size), content).await;
    }
    // The rest of a timeline that a promotion left.
    if let Some(segment) = name
        .strip_suffix(".partial")
        .and_then(|name| Segment::parse(name, size))
    {
        let whole = Increment {
            offset: 0,
            bytes: size,
        };
        return put(repository, &increment_name(segment, whole, size), content).await;
    }
    if name.ends_with(".backup") {
        return Ok(Pushed::Ignored);
    }
    Err(Error::new(
        Kind::Usage,
        format!("{name} is no file of WAL with {size} bytes"),
    ))
}

/// The timeline whose history a file of this name holds.
pub(super) fn timeline_of(name: &str) -> Option<u32> {
    let digits = name.strip_suffix(".history")?;
    (digits.len() == 8)
        .then(|| u32::from_str_radix(digits, 16).ok())
        .flatten()
}

pub(super) async fn put(repository: &Repository, name: &str, content: &[u8]) -> Result<Pushed> {
    match repository.put(name, content.to_vec()).await {
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
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::storage::{Location, SealKey};

    #[tokio::test]
    async fn the_same_twice_is_fine_and_another_content_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let key = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        let key = SealKey::parse(&SecretString::from(key)).unwrap();
        let location = Location::Folder(dir.path().to_owned());
        let repository = Repository::open(&location, Vec::new(), key).unwrap();
        let mut content = vec![0; 1 << 20];
        let name = "000000010000000000000003";
        let push = async |name, content: &[u8]| push(&repository, name, content).await;
        assert_eq!(push(name, &content).await.unwrap(), Pushed::Written);
        assert_eq!(push(name, &content).await.unwrap(), Pushed::There);
        content[7] = 1;
        let error = push(name, &content).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalConflict);
        assert_eq!(
            push("00000002.history", b"1 0/3").await.unwrap(),
            Pushed::Written
        );
        let label = "000000010000000000000003.00000028.backup";
        assert_eq!(push(label, b"x").await.unwrap(), Pushed::Ignored);
        assert!(push("x", b"").await.is_err());
    }
}
