//! A folder in which a cluster with tablespaces is put down on its way: `pg_basebackup` writes
//! several tar files to no pipe. It also holds what the program reads. It is removed with its value;
//! one whose process was killed is swept away when the next is made.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt;

use crate::config::vars;
use crate::error::{Error, Kind, Result};

const PREFIX: &str = "tidegate-backup-";
/// The file that the living hold a lock on.
const OWNER: &str = "owner";
/// A tar file ends with two blocks of zeros.
const TRAILER: usize = 1024;
const BLOCK: u64 = 512;

/// The folder.
#[derive(Debug)]
pub(crate) struct Staging {
    _owner: File,
    folder: tempfile::TempDir,
}

impl Staging {
    /// Makes a folder that only this user can enter.
    pub(crate) fn new(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(vars::temp_dir, Path::to_owned);
        sweep(&parent);
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(&parent);
        let folder = folder.map_err(|error| {
            Error::new(
                Kind::Io,
                format!("cannot make a folder in {}: {error}", parent.display()),
            )
        })?;
        // It gets its name when it is locked: a sweep never meets it otherwise.
        let making = folder.path().join("making");
        let owner = File::create(&making)?;
        owner.lock()?;
        std::fs::rename(making, folder.path().join(OWNER))?;
        Ok(Self {
            _owner: owner,
            folder,
        })
    }

    /// Where `pg_basebackup` writes; it makes this folder itself.
    pub(super) fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A file that is read by the program.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A tar file of a tablespace.
    pub(super) async fn tar(&self, name: &str) -> Result<tokio::fs::File> {
        Ok(tokio::fs::File::open(self.path(name)).await?)
    }

    /// The tablespaces of which there are tar files.
    pub(super) fn tablespaces(&self) -> Result<Vec<u32>> {
        let mut found = Vec::new();
        for entry in self.data().read_dir()? {
            let name = entry?.file_name();
            let oid = name.to_str().and_then(|name| name.strip_suffix(".tar"));
            found.extend(oid.and_then(|oid| oid.parse::<u32>().ok()));
        }
        Ok(found)
    }

    /// `base.tar` with `backup_manifest` at its end, as `pg_basebackup` itself puts it when it writes
    /// to a pipe.
    pub(super) async fn base(&self) -> Result<impl tokio::io::AsyncRead + Unpin + use<>> {
        let path = self.path("base");
        let length = without_trailer(&path)?;
        let manifest = tokio::fs::File::open(self.data().join("backup_manifest")).await?;
        let size = manifest.metadata().await?.len();
        let mut header = tar::Header::new_ustar();
        header
            .set_path("backup_manifest")
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        header.set_size(size);
        header.set_mode(0o600);
        header.set_cksum();
        let padding = usize::try_from(size.next_multiple_of(BLOCK) - size).unwrap_or_default();
        let tail = vec![0; padding + TRAILER];
        let base = tokio::fs::File::open(&path).await?;
        Ok(base
            .take(length)
            .chain(std::io::Cursor::new(header.as_bytes().to_vec()))
            .chain(manifest)
            .chain(std::io::Cursor::new(tail)))
    }

    /// Removes a tar file that is in the repository now.
    pub(super) fn done(&self, name: &str) -> Result<()> {
        Ok(std::fs::remove_file(self.path(name))?)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data().join(format!("{name}.tar"))
    }
}

/// The length of a tar file up to the zeros at its end.
fn without_trailer(path: &Path) -> Result<u64> {
    let wrong = || Error::new(Kind::BackupTool, "base.tar does not end as a tar file does");
    let mut file = File::open(path)?;
    let trailer = TRAILER as u64;
    let length = file
        .metadata()?
        .len()
        .checked_sub(trailer)
        .ok_or_else(wrong)?;
    let mut end = [0; TRAILER];
    file.seek(SeekFrom::Start(length))?;
    file.read_exact(&mut end)?;
    if length % BLOCK != 0 || end.iter().any(|byte| *byte != 0) {
        return Err(wrong());
    }
    Ok(length)
}

/// Removes folders whose process is gone.
fn sweep(parent: &Path) {
    for entry in parent.read_dir().into_iter().flatten().flatten() {
        let folder = entry.path();
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        if let Ok(owner) = File::open(folder.join(OWNER))
            && owner.try_lock().is_ok()
        {
            tracing::debug!(folder = %folder.display(), "removing a backup's folder left behind");
            let _ = std::fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_manifest_comes_last_and_the_tar_file_stays_one() {
        let parent = tempfile::tempdir().unwrap();
        let staging = Staging::new(Some(parent.path())).unwrap();
        std::fs::create_dir(staging.data()).unwrap();
        let mut tar = tar::Builder::new(Vec::new());
        let mut header = tar::Header::new_ustar();
        header.set_size(3);
        header.set_mode(0o600);
        tar.append_data(&mut header, "PG_VERSION", &b"15\n"[..])
            .unwrap();
        std::fs::write(staging.path("base"), tar.into_inner().unwrap()).unwrap();
        let manifest = vec![b'x'; 700];
        std::fs::write(staging.data().join("backup_manifest"), &manifest).unwrap();
        let mut text = Vec::new();
        let mut base = staging.base().await.unwrap();
        base.read_to_end(&mut text).await.unwrap();
        assert_eq!(text.len() % 512, 0);
        let mut archive = tar::Archive::new(text.as_slice());
        let found: Vec<(String, Vec<u8>)> = archive
            .entries()
            .unwrap()
            .map(|entry| {
                let mut entry = entry.unwrap();
                let mut content = Vec::new();
                entry.read_to_end(&mut content).unwrap();
                (entry.path().unwrap().display().to_string(), content)
            })
            .collect();
        assert_eq!(found[0].0, "PG_VERSION");
        assert_eq!(found[1], ("backup_manifest".to_owned(), manifest));
        std::fs::write(staging.path("base"), [1; 2048]).unwrap();
        assert!(staging.base().await.is_err(), "it was cut off");
    }

    #[test]
    fn the_folders_of_the_dead_are_swept_away_and_those_of_the_living_stay() {
        let parent = tempfile::tempdir().unwrap();
        let dead = parent.path().join(format!("{PREFIX}dead"));
        std::fs::create_dir(&dead).unwrap();
        File::create(dead.join(OWNER)).unwrap();
        let living = Staging::new(Some(parent.path())).unwrap();
        assert!(!dead.exists());
        let mode = living
            .folder
            .path()
            .metadata()
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o700);
        let second = Staging::new(Some(parent.path())).unwrap();
        assert!(living.folder.path().exists());
        drop((living, second));
        assert_eq!(parent.path().read_dir().unwrap().count(), 0);
    }
}
