//! Damage to a copy of a repository's folder. The copy consists of hard links, on another file system
//! of symbolic ones, so that it costs nothing; a file that is damaged is written anew, so that the
//! repository itself stays as it is.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Links every file below `from` into the new folder `to`.
pub(super) fn link_tree(from: &Path, to: &Path) -> Result<()> {
    let from = from.canonicalize().map_err(|error| at(from, &error))?;
    link_all(&from, to)
}

/// The same, for a path that a link elsewhere may name.
fn link_all(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to).map_err(|error| at(to, &error))?;
    let entries = match from.read_dir() {
        // In a repository in use, pieces of WAL go with their folder.
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| at(from, &error))?,
    };
    for entry in entries {
        let entry = entry.map_err(|error| at(from, &error))?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type().map_err(|error| at(&path, &error))?;
        if kind.is_dir() {
            link_all(&path, &place)?;
        } else if appended(&entry.file_name()) {
            std::fs::copy(&path, &place).map_err(|error| at(&path, &error))?;
        } else if std::fs::hard_link(&path, &place).is_err() && path.exists() {
            // Another file system, or one without hard links.
            std::os::unix::fs::symlink(&path, &place).map_err(|error| at(&place, &error))?;
        }
    }
    Ok(())
}

/// Whether Barman writes into a file where it is, which would reach through a link.
fn appended(name: &OsStr) -> bool {
    name == "xlog.db" || Path::new(name).extension() == Some(OsStr::new("log"))
}

/// Removes a file.
pub(super) fn remove(file: &Path) -> Result<()> {
    std::fs::remove_file(file).map_err(|error| at(file, &error))
}

/// Cuts a file to half its length.
pub(super) fn truncate(file: &Path) -> Result<()> {
    rewrite(file, |content| content.truncate(content.len() / 2))
}

/// Changes one bit in the middle of a file.
pub(super) fn flip(file: &Path) -> Result<()> {
    rewrite(file, |content| {
        let middle = content.len() / 2;
        if let Some(byte) = content.get_mut(middle) {
            *byte ^= 1;
        }
    })
}

fn rewrite(file: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
    let mut content = std::fs::read(file).map_err(|error| at(file, &error))?;
    change(&mut content);
    remove(file)?;
    std::fs::write(file, content).map_err(|error| at(file, &error))
}

fn at(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("{}: {error}", path.display()))
}

/// Folders of a repository's folder that hold WAL: Tidegate's own, and those of the engines.
const WAL: [&str; 3] = ["wal", "pgbackrest/repo/archive", "barman/home"];
/// Digits of a segment's name.
const DIGITS: usize = 24;

/// The whole segments of the repository's folder, in the order of their names.
pub(super) fn segments(repository: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for folder in WAL {
        gather(&repository.join(folder), &mut found);
    }
    // An engine may keep them in more folders than one.
    found.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    found
}

/// The files below `folder` that are called as a segment is; pgBackRest appends a checksum.
fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        let ends = name.len() == DIGITS || name.as_bytes().get(DIGITS) == Some(&b'-');
        if path.is_dir() {
            gather(&path, found);
        } else if ends && name.get(..DIGITS).is_some_and(is_hex) {
            found.push(path);
        }
    }
}

/// The server's name of a segment's file.
pub(super) fn segment_name(file: &Path) -> String {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    name.get(..DIGITS).unwrap_or(&name).to_owned()
}

fn is_hex(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damage_to_the_copy_leaves_the_original_alone() {
        let root = tempfile::tempdir().unwrap();
        damage_to(&root.path().join("a"), &root.path().join("b"));
    }

    /// Memory is another file system.
    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn a_copy_on_another_file_system_costs_no_space() {
        use std::os::unix::fs::MetadataExt as _;
        let (root, other) = (
            tempfile::tempdir_in("/tmp").unwrap(),
            tempfile::tempdir_in("/dev/shm").unwrap(),
        );
        let device = |path: &Path| path.metadata().unwrap().dev();
        assert_ne!(
            device(root.path()),
            device(other.path()),
            "this test needs two"
        );
        let (from, to) = (root.path().join("a"), other.path().join("b"));
        damage_to(&from, &to);
        let left_alone = to.join("wal/history/00000002");
        assert!(left_alone.symlink_metadata().unwrap().is_symlink());
        let key = crate::storage::SealKey::parse(&"8f1d3a5c7b9e0214".repeat(4).into()).unwrap();
        let location = crate::storage::Location::Folder(to);
        let copy = crate::storage::Repository::open(&location, Vec::new(), key).unwrap();
        let files = copy.list("wal").await.unwrap();
        let sizes: Vec<u64> = files.iter().map(|(_, bytes)| *bytes).collect();
        assert_eq!(sizes, [10, 7], "{files:?}");
        assert_eq!(copy.digest_as_is(&files[1].0).await.unwrap().0, 7);
    }

    fn damage_to(from: &Path, to: &Path) {
        let (from, to) = (from.to_owned(), to.to_owned());
        let wal = from.join("wal/00000001");
        std::fs::create_dir_all(&wal).unwrap();
        let names = ["000000010000000000000002", "000000010000000000000001"];
        for name in names {
            std::fs::write(wal.join(name), b"0123456789").unwrap();
        }
        std::fs::create_dir_all(wal.join("000000010000000000000003.partial")).unwrap();
        std::fs::create_dir_all(from.join("wal/history")).unwrap();
        std::fs::write(from.join("wal/history/00000002"), b"history").unwrap();
        link_tree(&from, &to).unwrap();
        let copies = segments(&to);
        assert_eq!(copies.len(), 2);
        assert!(copies[0].ends_with(names[1]));
        truncate(&copies[0]).unwrap();
        flip(&copies[1]).unwrap();
        assert_eq!(std::fs::read(&copies[0]).unwrap(), b"01234");
        assert_eq!(std::fs::read(&copies[1]).unwrap(), b"0123446789");
        for file in segments(&from) {
            assert_eq!(std::fs::read(file).unwrap(), b"0123456789");
        }
        remove(&copies[0]).unwrap();
        assert_eq!((segments(&to).len(), segments(&from).len()), (1, 2));
    }
}
