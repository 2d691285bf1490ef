//! The folder of a store. When its volume goes away, there is none under its name, or another, empty
//! one: what was written there would be hidden as soon as the volume is back.

use std::fs::Metadata;
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::Location;
use crate::error::{Error, Kind, Result};

/// A folder, and what it was known by when it was last seen.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    known: Mutex<Known>,
}

/// Device and inode.
type Known = (u64, u64);

impl Location {
    /// Refuses a folder that is not there. Nobody is asked for a bucket.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not, or out of reach.
    pub fn there(&self) -> Result<()> {
        match self {
            Self::Folder(path) => look(path).map(drop),
            Self::Bucket { .. } => Ok(()),
        }
    }
}

impl Root {
    /// The folder that is there.
    ///
    /// # Errors
    /// [`Kind::Storage`] when there is none.
    pub(super) fn of(path: &Path) -> Result<Self> {
        let found = look(path)?;
        Ok(Self {
            path: path.to_owned(),
            known: Mutex::new(known(&found)),
        })
    }

    /// Looks whether it is still there. Blocks. A volume that is back may come with another device:
    /// what tells a folder with files from the empty one below is that it has some.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not.
    pub(super) fn check(&self) -> Result<()> {
        let found = known(&look(&self.path)?);
        let mut last = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if found == *last {
            return Ok(());
        }
        let filled = self
            .path
            .read_dir()
            .is_ok_and(|mut files| files.next().is_some());
        if !filled {
            let path = self.path.display();
            let text = format!("{path} is another folder than before, and empty");
            return Err(gone(text));
        }
        *last = found;
        Ok(())
    }
}

fn look(path: &Path) -> Result<Metadata> {
    match path.metadata() {
        Ok(found) if found.is_dir() => Ok(found),
        Ok(_) => {
            let text = format!("{} is no folder", path.display());
            Err(Error::new(Kind::Storage, text))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(gone(format!("there is no folder {}", path.display())))
        }
        Err(error) => {
            let text = format!("{} is out of reach: {error}", path.display());
            Err(Error::new(Kind::Storage, text).because(error))
        }
    }
}

fn gone(text: String) -> Error {
    Error::new(Kind::Storage, text).hint("was it moved, or is its volume not mounted?")
}

fn known(found: &Metadata) -> Known {
    (found.dev(), found.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_went_away_is_told_until_it_is_back() {
        let dir = tempfile::tempdir().unwrap();
        let (path, aside) = (dir.path().join("repository"), dir.path().join("aside"));
        assert_eq!(Root::of(&path).unwrap_err().kind(), Kind::Storage);
        std::fs::create_dir(&path).unwrap();
        let root = Root::of(&path).unwrap();
        root.check().unwrap();
        std::fs::rename(&path, &aside).unwrap();
        let error = root.check().unwrap_err();
        assert!(error.to_string().contains("no folder"), "{error}");
        // As below a mount point.
        std::fs::create_dir(&path).unwrap();
        let error = root.check().unwrap_err();
        assert!(error.to_string().contains("another folder"), "{error}");
        std::fs::remove_dir(&path).unwrap();
        std::fs::rename(&aside, &path).unwrap();
        root.check().unwrap();
        // A copy of it on another volume has files.
        std::fs::rename(&path, &aside).unwrap();
        std::fs::create_dir(&path).unwrap();
        std::fs::write(path.join("repository.tg"), "x").unwrap();
        root.check().unwrap();
        std::fs::remove_file(path.join("repository.tg")).unwrap();
        root.check().unwrap();
    }
}
