//! The files of a base backup: parts are fetched some at a time, opened, checked and unpacked in
//! their order.

use std::io::{Read, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::{StreamExt as _, TryStreamExt as _};
use ring::digest;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;

use super::place::Spot;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Part, Unpacked};
use crate::storage::Repository;

/// Parts that are fetched at once; each is in memory twice for a moment.
const AT_ONCE: usize = 2;
/// Bytes that are written at once.
const BUFFER: usize = 256 * 1024;

/// Unpacks every stream of `backup` into the folder of its spot; gives the bytes, and what each file
/// is. `writing` is held by whoever writes.
///
/// # Errors
/// A part that is missing, does not open or is not the one of the manifest; a disk that is full.
pub(super) async fn unpack(
    repository: &Repository,
    backup: &BackupManifest,
    spots: &[Spot],
    writing: &Arc<Mutex<()>>,
) -> Result<(u64, Unpacked)> {
    let mut files = Unpacked::default();
    let mut parts = futures_util::stream::iter(backup.parts().map(|(name, part)| {
        let part = part.clone();
        async move { fetch(repository, &name, &part).await }
    }))
    .buffered(AT_ONCE);
    let mut bytes = 0;
    for (stream, spot) in backup.streams.iter().zip(spots) {
        let (send, receive) = mpsc::channel::<Vec<u8>>(1);
        let (folder, writing) = (spot.folder.clone(), Arc::clone(writing));
        let prefix = match spot.stream.as_str() {
            "base" => String::new(),
            oid => format!("pg_tblspc/{oid}/"),
        };
        let unpacking = tokio::task::spawn_blocking(move || {
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            write(&folder, &prefix, receive)
        });
        let mut fetched = Ok(());
        for _ in &stream.parts {
            match parts.try_next().await {
                Ok(Some(part)) => {
                    bytes += part.len() as u64;
                    // A receiver that is gone has an error, which is told below.
                    if send.send(part).await.is_err() {
                        break;
                    }
                }
                Ok(None) => break,
                Err(error) => {
                    fetched = Err(error);
                    break;
                }
            }
        }
        drop(send);
        // Also after an error: nobody may write into a folder that the caller removes.
        let done = unpacking
            .await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        fetched?;
        files.extend(done.map_err(|error| unpacked_badly(&backup.id, &error))?);
    }
    Ok((bytes, files))
}

/// Unpacks one tar file. What each file is, is told from the very bytes that are written, so that
/// nobody has to read them again.
fn write(
    folder: &Path,
    prefix: &str,
    receive: mpsc::Receiver<Vec<u8>>,
) -> std::io::Result<Unpacked> {
    let mut files = Unpacked::default();
    let mut archive = tar::Archive::new(Parts::new(receive));
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(false);
    let mut buffer = vec![0; BUFFER];
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.header().entry_type() != tar::EntryType::Regular {
            entry.unpack_in(folder)?;
            continue;
        }
        let path = entry.path()?.into_owned();
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if !inside {
            return Err(std::io::Error::other(format!(
                "{} leads out of the folder",
                path.display()
            )));
        }
        let mode = entry.header().mode()? & 0o777;
        let to = folder.join(&path);
        if let Some(parent) = to.parent() {
            std::fs::DirBuilder::new()
                .recursive(true)
                .mode(0o700)
                .create(parent)?;
        }
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&to)?;
        let (mut bytes, mut hash) = (0, digest::Context::new(&digest::SHA256));
        loop {
            let read = entry.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            file.write_all(&buffer[..read])?;
            hash.update(&buffer[..read]);
            bytes += read as u64;
        }
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(hash.finish().as_ref());
        let name: PathBuf = path
            .components()
            .filter(|c| *c != Component::CurDir)
            .collect();
        files.note(format!("{prefix}{}", name.display()), bytes, sha256);
    }
    // The end of the archive is padded; every part must have been asked for and be whole.
    std::io::copy(&mut archive.into_inner(), &mut std::io::sink())?;
    Ok(files)
}

fn unpacked_badly(id: &str, error: &std::io::Error) -> Error {
    use std::error::Error as _;
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    Error::new(
        Kind::RestoreFailed,
        format!("backup {id} is not unpacked: {text}"),
    )
}

async fn fetch(repository: &Repository, name: &str, part: &Part) -> Result<Vec<u8>> {
    let text = repository.get(name).await?;
    if text.len() as u64 == part.bytes && hex::encode(Sha256::digest(&text)) == part.sha256 {
        return Ok(text);
    }
    Err(Error::new(
        Kind::SealBroken,
        format!("{name} is not the part that the manifest names"),
    ))
}

/// Parts as one stream, for a thread that may wait.
struct Parts {
    receive: mpsc::Receiver<Vec<u8>>,
    part: Vec<u8>,
    at: usize,
}

impl Parts {
    fn new(receive: mpsc::Receiver<Vec<u8>>) -> Self {
        Self {
            receive,
            part: Vec::new(),
            at: 0,
        }
    }
}

impl Read for Parts {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        while self.at == self.part.len() {
            match self.receive.blocking_recv() {
                Some(part) => (self.part, self.at) = (part, 0),
                None => return Ok(0),
            }
        }
        let count = bytes.len().min(self.part.len() - self.at);
        bytes[..count].copy_from_slice(&self.part[self.at..self.at + count]);
        self.at += count;
        Ok(count)
    }
}
