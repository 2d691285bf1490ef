//! The files of a backup as they lie in the repository, each with its digest.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use tokio_util::sync::CancellationToken;

use super::engine::stopped;
use crate::error::{Error, Kind, Result};
use crate::recovery::{Kept, KeptFile, Part, Stream};

/// Bytes that are hashed at once.
const BUFFER: usize = 256 * 1024;

/// Every file below `folder`, sorted by name; the names begin with `prefix`. Links are no files of
/// a backup.
///
/// # Errors
/// A file cannot be read.
pub(super) async fn digests(folder: PathBuf, prefix: String) -> Result<Vec<KeptFile>> {
    let done = tokio::task::spawn_blocking(move || {
        let mut paths = Vec::new();
        walk(&folder, &prefix, &mut paths)?;
        paths.sort_unstable();
        let all = paths.into_iter();
        all.map(|(name, path)| {
            let part = digest(&path)?;
            Ok(KeptFile { name, part })
        })
        .collect()
    });
    done.await
        .map_err(|error| Error::new(Kind::Internal, error.to_string()))?
}

/// The streams of a backup with these tablespaces, by OID and folder.
pub(super) fn kept_streams(tablespaces: Vec<(u32, String)>) -> Vec<Stream> {
    let stream = |name: String, location| Stream {
        name,
        location,
        parts: Vec::new(),
    };
    let all = tablespaces.into_iter();
    let all = all.map(|(oid, location)| stream(oid.to_string(), Some(location)));
    std::iter::once(stream("base".to_owned(), None))
        .chain(all)
        .collect()
}

/// Copies the files of `kept` whose names begin with `prefix` from `folder` into the empty folder
/// `to`, and compares each on its way with what it was when the backup was complete. The links of
/// tablespaces are left out. It blocks its thread.
///
/// # Errors
/// [`Kind::RestoreFailed`] that names a file which is another, or more or less than was written;
/// [`Kind::Cancelled`].
pub(super) fn copy(
    folder: &Path,
    prefix: &str,
    kept: &Kept,
    to: &Path,
    stop: &CancellationToken,
) -> Result<()> {
    folders(folder, to)?;
    for KeptFile { name, part } in &kept.files {
        let Some(inside) = name.strip_prefix(prefix) else {
            continue;
        };
        if stop.is_cancelled() {
            return Err(stopped());
        }
        let (from, to) = (folder.join(inside), to.join(inside));
        let mut from = File::open(&from).map_err(|error| at(&from, &error))?;
        let mut to = File::create(&to).map_err(|error| at(&to, &error))?;
        if &pass(&mut from, Some(&mut to))? != part {
            let text = format!("{name} is not what was written");
            return Err(Error::new(Kind::RestoreFailed, text));
        }
    }
    Ok(())
}

/// Makes the folders below `from`, empty ones among them, below `to`.
fn folders(from: &Path, to: &Path) -> Result<()> {
    let tablespaces = from.ends_with("pg_tblspc");
    for entry in from.read_dir().map_err(|error| at(from, &error))? {
        let entry = entry.map_err(|error| at(from, &error))?;
        let kind = entry.file_type()?;
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if kind.is_symlink() {
            if tablespaces {
                continue;
            }
            let text = format!("{} is a link, which is not restored", path.display());
            return Err(Error::new(Kind::Unsupported, text));
        }
        if kind.is_dir() {
            let mut builder = std::fs::DirBuilder::new();
            builder
                .mode(0o700)
                .create(&place)
                .map_err(|error| at(&place, &error))?;
            folders(&path, &place)?;
        }
    }
    Ok(())
}

/// Names and paths of the files below `folder`.
pub(super) fn walk(folder: &Path, prefix: &str, found: &mut Vec<(String, PathBuf)>) -> Result<()> {
    for entry in folder.read_dir().map_err(|error| at(folder, &error))? {
        let entry = entry.map_err(|error| at(folder, &error))?;
        let path = entry.path();
        let kind = entry.file_type().map_err(|error| at(&path, &error))?;
        let name = format!("{prefix}/{}", entry.file_name().to_string_lossy());
        if kind.is_dir() {
            walk(&path, &name, found)?;
        } else if kind.is_file() {
            found.push((name, path));
        }
    }
    Ok(())
}

fn digest(path: &Path) -> Result<Part> {
    let mut file = File::open(path).map_err(|error| at(path, &error))?;
    pass(&mut file, None)
}

/// Reads a file to its end, hashes it, and writes it elsewhere when that is wanted.
fn pass(from: &mut File, mut to: Option<&mut File>) -> Result<Part> {
    let (mut bytes, mut hash) = (0, Sha256::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = from.read(&mut buffer)?;
        if read == 0 {
            return Ok(Part {
                bytes,
                sha256: hex::encode(hash.finalize()),
            });
        }
        hash.update(&buffer[..read]);
        if let Some(to) = to.as_deref_mut() {
            to.write_all(&buffer[..read])?;
        }
        bytes += read as u64;
    }
}

/// Writes a new file that outlives a power cut; its name does with [`settle`].
pub(super) fn lay_down(path: &Path, content: &[u8]) -> Result<()> {
    let written = File::create_new(path).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.map_err(|error| at(path, &error))
}

/// Lets the names in a folder outlive a power cut.
pub(super) fn settle(folder: &Path) -> Result<()> {
    let done = File::open(folder).and_then(|folder| folder.sync_all());
    done.map_err(|error| at(folder, &error))
}

pub(super) fn at(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Storage, format!("{}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_found_in_order_with_their_digests() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("b")).unwrap();
        std::fs::write(dir.path().join("b/x"), "test").unwrap();
        std::fs::write(dir.path().join("a"), "").unwrap();
        std::os::unix::fs::symlink("a", dir.path().join("latest")).unwrap();
        let found = digests(dir.path().to_owned(), "p".to_owned())
            .await
            .unwrap();
        let names: Vec<&str> = found.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(names, ["p/a", "p/b/x"]);
        assert_eq!(found[1].part.bytes, 4);
        assert!(found[1].part.sha256.starts_with("9f86d081884c7d65"));

        std::fs::remove_file(dir.path().join("latest")).unwrap();
        std::fs::create_dir(dir.path().join("empty")).unwrap();
        let kept = Kept {
            label: "l".to_owned(),
            files: found,
            sizes: Default::default(),
        };
        let to = tempfile::tempdir().unwrap();
        let stop = CancellationToken::new();
        let again = || copy(dir.path(), "p/", &kept, to.path(), &stop);
        again().unwrap();
        assert_eq!(std::fs::read(to.path().join("b/x")).unwrap(), b"test");
        assert!(to.path().join("empty").is_dir());
        std::fs::remove_dir_all(to.path().join("empty")).unwrap();
        std::fs::remove_dir_all(to.path().join("b")).unwrap();
        std::fs::write(dir.path().join("b/x"), "tesT").unwrap();
        let error = again().unwrap_err();
        assert_eq!(error.kind(), Kind::RestoreFailed);
        assert!(error.to_string().contains("p/b/x"), "{error}");
    }
}
