//! Folders and files below a folder, made without following a link: a stream of files says where each
//! of them goes, and whoever owns the server that it came from must not choose a place outside.

use std::fs::File;
use std::io::{Error, Result};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags, RawMode, fchmod, mkdirat, open, openat};
use rustix::io::Errno;

/// How folders are opened.
const FOLDER: OFlags = OFlags::DIRECTORY
    .union(OFlags::NOFOLLOW)
    .union(OFlags::CLOEXEC);

/// A folder that is filled.
#[derive(Debug)]
pub(super) struct Beneath {
    root: OwnedFd,
    /// The folder that was last worked in: most files come one after the other in theirs.
    last: Option<(PathBuf, OwnedFd)>,
}

impl Beneath {
    /// Opens a folder that is there.
    ///
    /// # Errors
    /// Those of the file system.
    pub(super) fn open(folder: &Path) -> Result<Self> {
        Ok(Self {
            root: open(folder, FOLDER, Mode::empty())?,
            last: None,
        })
    }

    /// Makes a folder of this mode, and those above it; one that is there gets the mode.
    ///
    /// # Errors
    /// The path leads out of the folder or through something that is no folder; those of the file
    /// system.
    pub(super) fn folder(&mut self, path: &Path, mode: u32) -> Result<()> {
        let path = inside(path)?;
        if path.as_os_str().is_empty() {
            return Ok(());
        }
        let folder = self.enter(&path)?;
        Ok(fchmod(folder, Mode::from_raw_mode(mode as RawMode))?)
    }

    /// Makes a file that is not there yet, and the folders above it; gives its path without detours, too.
    ///
    /// # Errors
    /// As [`Self::folder`]; something of that name is there.
    pub(super) fn file(&mut self, path: &Path, mode: u32) -> Result<(PathBuf, File)> {
        let path = inside(path)?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(Error::other("a file without a name"));
        };
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(mode as RawMode);
        let made = openat(self.enter(folder)?, name, flags, mode);
        match made {
            Ok(file) => Ok((path, File::from(file))),
            Err(error) => Err(named(&path, error)),
        }
    }

    /// The folder at a path without detours, made where it is missing.
    fn enter(&mut self, path: &Path) -> Result<BorrowedFd<'_>> {
        if path.as_os_str().is_empty() {
            return Ok(self.root.as_fd());
        }
        let known = self.last.take().filter(|(last, _)| last == path);
        let folder = match known {
            Some((_, folder)) => folder,
            None => self.walk(path)?,
        };
        let last = self.last.insert((path.to_owned(), folder));
        Ok(last.1.as_fd())
    }

    fn walk(&self, path: &Path) -> Result<OwnedFd> {
        let mut folder = self.root.try_clone()?;
        for part in path {
            folder = match openat(&folder, part, FOLDER, Mode::empty()) {
                Err(Errno::NOENT) => {
                    mkdirat(&folder, part, Mode::RWXU).map_err(|error| named(path, error))?;
                    openat(&folder, part, FOLDER, Mode::empty())
                }
                opened => opened,
            }
            .map_err(|error| named(path, error))?;
        }
        Ok(folder)
    }
}

fn named(path: &Path, error: Errno) -> Error {
    let error = Error::from(error);
    Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// A path below the folder, without its `.`.
fn inside(path: &Path) -> Result<PathBuf> {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::Normal(part) => plain.push(part),
            Component::CurDir => {}
            _ => {
                let path = path.display();
                return Err(Error::other(format!("{path} leads out of the folder")));
            }
        }
    }
    Ok(plain)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn folders_and_files_are_made_where_they_belong() {
        let root = tempfile::tempdir().unwrap();
        let mut beneath = Beneath::open(root.path()).unwrap();
        beneath.folder(Path::new("./base/5"), 0o750).unwrap();
        for name in ["./base/5/1", "base/5/2", "base/6/3", "4"] {
            let (path, _) = beneath.file(Path::new(name), 0o600).unwrap();
            assert_eq!(path, Path::new(name.trim_start_matches("./")));
            assert!(root.path().join(path).is_file());
        }
        let mode = |name: &str| root.path().join(name).metadata().unwrap().permissions();
        assert_eq!(mode("base/5").mode() & 0o777, 0o750);
        assert_eq!(mode("base/6").mode() & 0o777, 0o700);
        assert!(beneath.file(Path::new("4"), 0o600).is_err(), "it is there");
    }

    #[test]
    fn nothing_is_made_outside() {
        let (root, outside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        symlink(outside.path(), root.path().join("link")).unwrap();
        symlink(outside.path().join("new"), root.path().join("file")).unwrap();
        let above = format!("../{}/x", outside.path().file_name().unwrap().display());
        let absolute = outside.path().join("x");
        let paths = [
            "link/x",
            "link/y/x",
            "file",
            &above,
            absolute.to_str().unwrap(),
        ];
        let mut beneath = Beneath::open(root.path()).unwrap();
        for path in paths {
            assert!(beneath.file(Path::new(path), 0o600).is_err(), "{path}");
            assert!(beneath.folder(Path::new(path), 0o700).is_err(), "{path}");
        }
        assert_eq!(outside.path().read_dir().unwrap().count(), 0);
    }
}
