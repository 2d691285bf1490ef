//! Segments that lie ready for a server in recovery, as files beside its data folder. It takes one by
//! renaming it: nothing is copied while replay waits.

use std::fs::File;
use std::io::{Result, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Gid, Mode, OFlags, Uid, fchown, open, openat, unlinkat};
use rustix::io::Errno;

use crate::postgres::private::Identity;

/// A folder of one restore.
#[derive(Debug)]
pub(super) struct ReadyFolder {
    path: PathBuf,
    folder: OwnedFd,
    owner: Option<(Uid, Gid)>,
}

impl ReadyFolder {
    /// Makes the folder, which must not be there, for the server's user.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn make(path: &Path, identity: &Identity) -> Result<Self> {
        std::fs::DirBuilder::new().mode(0o700).create(path)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = open(path, flags, Mode::empty())?;
        let owner = identity.switched.then(|| {
            let (user, group) = (identity.uid, identity.gid);
            (Uid::from_raw(user), Gid::from_raw(group))
        });
        if let Some((user, group)) = owner {
            fchown(&folder, Some(user), Some(group))?;
        }
        Ok(Self {
            path: std::path::absolute(path)?,
            folder,
            owner,
        })
    }

    /// Writes a segment; gives the path of its file. The folder is the server's: no link that lies
    /// there is followed.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> Result<PathBuf> {
        match unlinkat(&self.folder, name, AtFlags::empty()) {
            Ok(()) | Err(Errno::NOENT) => {}
            Err(error) => return Err(error.into()),
        }
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(openat(&self.folder, name, flags, Mode::RUSR | Mode::WUSR)?);
        if let Some((user, group)) = self.owner {
            fchown(&file, Some(user), Some(group))?;
        }
        file.write_all(content)?;
        Ok(self.path.join(name))
    }

    /// Removes the folder; nothing can be put into it any more.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn remove(&self) -> Result<()> {
        std::fs::remove_dir_all(&self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_that_lies_there_is_replaced_and_the_folder_goes() {
        let dir = tempfile::tempdir().unwrap();
        let (path, outside) = (dir.path().join("ready"), dir.path().join("outside"));
        std::fs::write(&outside, b"kept").unwrap();
        let ready = ReadyFolder::make(&path, &Identity::current().unwrap()).unwrap();
        std::os::unix::fs::symlink(&outside, path.join("segment")).unwrap();
        let file = ready.put("segment", b"text").unwrap();
        assert!(file.symlink_metadata().unwrap().is_file());
        assert_eq!(std::fs::read(&file).unwrap(), b"text");
        assert_eq!(std::fs::read(&outside).unwrap(), b"kept");
        assert_eq!(ready.put("segment", b"again").unwrap(), file);
        assert_eq!(std::fs::read(&file).unwrap(), b"again");
        ready.remove().unwrap();
        assert!(!path.exists() && outside.exists());
        assert!(ready.put("segment", b"late").is_err());
    }
}
