//! A file lock that one process at a time holds; the kernel frees it when the process dies.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use super::folder;
use crate::error::{Error, Kind, Result};

/// How long another process may take to start or stop the server.
const PATIENCE: Duration = Duration::from_secs(90);

/// Waits for the lock of `path` and holds it until the value is dropped.
///
/// # Errors
/// [`Kind::LockTimeout`] after 90 s.
pub(super) async fn acquire(path: &Path) -> Result<File> {
    let wait = async {
        loop {
            match try_acquire(path) {
                Ok(Some(file)) => return Ok(file),
                Ok(None) => tokio::time::sleep(Duration::from_millis(10)).await,
                Err(error) => return Err(error),
            }
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| {
            Err(Error::new(
                Kind::LockTimeout,
                format!(
                    "another process has held {} for {} s",
                    path.display(),
                    PATIENCE.as_secs()
                ),
            ))
        })
}

/// The lock, when nobody holds it.
pub(super) fn try_acquire(path: &Path) -> Result<Option<File>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
        .map_err(|error| folder::at(path, error))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(std::fs::TryLockError::WouldBlock) => Ok(None),
        Err(std::fs::TryLockError::Error(error)) => Err(folder::at(path, error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let first = try_acquire(&path).unwrap().unwrap();
        assert!(try_acquire(&path).unwrap().is_none());
        drop(first);
        assert!(try_acquire(&path).unwrap().is_some());
    }
}
