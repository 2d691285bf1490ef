//! Folders with an owner and a mode that are checked, never assumed: a folder that somebody else
//! made first is refused, and nothing is followed through a link.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use rustix::fs::{Gid, Mode, OFlags, Uid};

use super::identity::Identity;
use crate::error::{Error, Kind, Result};

/// An I/O error that names the path it happened at.
pub(super) fn at(path: &Path, error: impl Into<std::io::Error>) -> Error {
    let error = error.into();
    Error::new(Kind::Io, format!("{}: {error}", path.display())).because(error)
}

/// Makes `path` and what is missing above it, for this process's own files. Others may pass
/// through when the process is root, because the server is another user then.
pub(super) fn make_ours(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        make_ours(parent)?;
    }
    let me = rustix::process::geteuid();
    let mode = if me.is_root() { 0o711 } else { 0o700 };
    make(path, mode, None)
}

/// Makes `path` with mode 0700 for the server's user, or checks that it is exactly that.
pub(super) fn make_private(path: &Path, owner: &Identity) -> Result<()> {
    make(path, 0o700, Some(owner))
}

/// Makes `path` for this process with mode 0711 when it is root, else 0700, or checks that it is
/// this process's own folder and nobody else can write into it.
pub(super) fn make_own(path: &Path) -> Result<()> {
    let mode = if rustix::process::geteuid().is_root() {
        0o711
    } else {
        0o700
    };
    make(path, mode, None)
}

fn make(path: &Path, mode: u32, owner: Option<&Identity>) -> Result<()> {
    let made = match std::fs::DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => true,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => false,
        Err(error) => return Err(at(path, error)),
    };
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let handle = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| at(path, error))?;
    let me = rustix::process::geteuid().as_raw();
    let wanted = owner.map_or(me, |owner| owner.uid);
    if made && let Some(owner) = owner.filter(|owner| owner.switched) {
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        rustix::fs::fchown(&handle, Some(uid), Some(gid)).map_err(|error| at(path, error))?;
    }
    let facts = std::fs::File::from(handle.try_clone().map_err(|error| at(path, error))?)
        .metadata()
        .map_err(|error| at(path, error))?;
    if facts.uid() != wanted {
        return Err(Error::new(
            Kind::Io,
            format!(
                "{} belongs to user {}, not to user {wanted}",
                path.display(),
                facts.uid()
            ),
        )
        .hint("remove it, or set TIDEGATE_HOME to another folder"));
    }
    if facts.mode() & 0o777 != mode {
        // The caller's umask may have cut the mode short, and a looser one would let others in.
        rustix::fs::fchmod(&handle, Mode::from_raw_mode(mode as rustix::fs::RawMode))
            .map_err(|error| at(path, error))?;
    }
    Ok(())
}

/// Removes a folder and everything in it; a missing one is fine. Links are not followed.
pub(super) fn remove(path: &Path) -> Result<()> {
    // A server that was stopped at once may have children that still close their files.
    let mut left = 20;
    loop {
        match std::fs::remove_dir_all(path) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) if left == 0 => return Err(at(path, error)),
            Err(_) => {
                left -= 1;
                std::thread::sleep(std::time::Duration::from_millis(10));
            }
        }
    }
}

/// Removes everything in a folder, and not the folder. Links are not followed.
///
/// # Errors
/// [`Kind::Io`].
pub fn clear(path: &Path) -> Result<()> {
    for entry in path.read_dir().map_err(|error| at(path, error))? {
        let entry = entry.map_err(|error| at(path, error))?;
        let inside = entry.path();
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => remove(&inside)?,
            _ => std::fs::remove_file(&inside).map_err(|error| at(&inside, error))?,
        }
    }
    Ok(())
}

/// Writes a file of this process that the server's user can read but not change, and nobody
/// else can do either; in one step.
pub(super) fn write(path: &Path, text: &str, reader: &Identity) -> Result<()> {
    use std::io::Write;
    let new = path.with_extension("new");
    let named = |error: rustix::io::Errno| at(&new, error);
    let flags =
        OFlags::WRONLY | OFlags::CREATE | OFlags::TRUNC | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let file = rustix::fs::open(&new, flags, Mode::RUSR | Mode::WUSR).map_err(named)?;
    if reader.switched {
        rustix::fs::fchown(&file, None, Some(Gid::from_raw(reader.gid))).map_err(named)?;
        rustix::fs::fchmod(&file, Mode::RUSR | Mode::WUSR | Mode::RGRP).map_err(named)?;
    }
    std::fs::File::from(file)
        .write_all(text.as_bytes())
        .and_then(|()| std::fs::rename(&new, path))
        .map_err(|error| at(path, error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_loose_folder_of_ours_is_tightened() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("socket");
        std::fs::create_dir(&path).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o777)).unwrap();
        make_own(&path).unwrap();
        assert_eq!(path.metadata().unwrap().mode() & 0o022, 0);
    }

    #[test]
    fn a_link_in_the_place_of_a_folder_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("socket");
        std::os::unix::fs::symlink("/tmp", &path).unwrap();
        assert_eq!(make_own(&path).unwrap_err().kind(), Kind::Io);
    }

    #[test]
    fn a_folder_of_somebody_else_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let stranger = Identity {
            uid: 64999,
            gid: 64999,
            switched: false,
        };
        let error = make_private(&root.path().join("socket"), &stranger).unwrap_err();
        assert!(error.to_string().contains("belongs to user"), "{error}");
    }
}
