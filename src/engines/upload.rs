//! Cuts streams into parts, seals several at once and writes them into the repository.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine::stopped;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, LogicalManifest, Part, Stream};
use crate::storage::{Repository, reclaimed, room};

/// Bytes of a part before it is sealed.
const PART: usize = 8 << 20;
/// Parts that are sealed and written at once, while the next one is read: text and sealed file of
/// three and the text of one are 56 MiB at most.
const SEALERS: usize = 3;

/// The name of a part, by the id of its backup, its stream, and its number.
type PartName = fn(&str, &str, usize) -> String;

/// Writes the data of one backup.
#[derive(Debug)]
pub struct Upload {
    repository: Repository,
    id: String,
    named: PartName,
    cancel: CancellationToken,
    /// Bytes of all parts written so far.
    pub bytes: u64,
    /// Sealed bytes of them.
    pub sealed_bytes: u64,
}

/// A part that was written: its number, what it is, and its sealed bytes.
type Written = (usize, Part, u64);

/// Buffers of a part, used again for another.
#[derive(Debug, Default)]
struct Buffers {
    text: Vec<u8>,
    sealed: Vec<u8>,
}

/// The parts of a stream, and buffers of those that were written: the text that is read has no need of
/// one for its sealed file yet.
#[derive(Debug, Default)]
struct Parts {
    under_way: JoinSet<Result<(Written, Buffers)>>,
    written: Vec<Written>,
    texts: Vec<Vec<u8>>,
    sealed: Vec<Vec<u8>>,
}

impl Parts {
    /// Waits for one that is under way; whether there was one.
    async fn next(&mut self) -> Result<bool> {
        let Some(done) = self.under_way.join_next().await else {
            return Ok(false);
        };
        let done = done.map_err(|error| Error::new(Kind::Internal, error.to_string()));
        let (part, buffers) = done??;
        self.written.push(part);
        self.texts.push(buffers.text);
        self.sealed.push(buffers.sealed);
        Ok(true)
    }
}

impl Upload {
    /// For the backup `id`, which must be new.
    #[must_use]
    pub fn new(repository: Repository, id: &str, cancel: CancellationToken) -> Self {
        Self::with(BackupManifest::part_name, (repository, id), cancel)
    }

    /// For the logical backup `id`, which must be new.
    #[must_use]
    pub fn logical(repository: Repository, id: &str, cancel: CancellationToken) -> Self {
        Self::with(LogicalManifest::part_name, (repository, id), cancel)
    }

    fn with(
        named: PartName,
        (repository, id): (Repository, &str),
        cancel: CancellationToken,
    ) -> Self {
        Self {
            repository,
            id: id.to_owned(),
            named,
            cancel,
            bytes: 0,
            sealed_bytes: 0,
        }
    }

    /// Writes one stream to its end. After an error no part of it is under way any more.
    ///
    /// # Errors
    /// Those of reading and of the repository; [`Kind::Cancelled`].
    pub async fn stream(
        &mut self,
        name: &str,
        location: Option<String>,
        mut text: impl AsyncRead + Unpin,
    ) -> Result<Stream> {
        let mut parts = Parts::default();
        let read = self.read_parts(name, &mut text, &mut parts).await;
        let mut first = read.err();
        loop {
            match parts.next().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => first = first.or(Some(error)),
            }
        }
        let mut written = parts.written;
        if let Some(error) = first {
            return Err(error);
        }
        written.sort_unstable_by_key(|(number, _, _)| *number);
        self.bytes += written.iter().map(|(_, part, _)| part.bytes).sum::<u64>();
        self.sealed_bytes += written.iter().map(|(_, _, sealed)| sealed).sum::<u64>();
        Ok(Stream {
            name: name.to_owned(),
            location,
            parts: written.into_iter().map(|(_, part, _)| part).collect(),
        })
    }

    async fn read_parts(
        &self,
        name: &str,
        text: &mut (impl AsyncRead + Unpin),
        parts: &mut Parts,
    ) -> Result<()> {
        for number in 0.. {
            let mut part = parts.texts.pop().unwrap_or_default();
            if part.capacity() < PART {
                part = room(PART);
            }
            part.clear();
            let mut limited = text.take(PART as u64);
            tokio::select! {
                read = limited.read_to_end(&mut part) => { read?; }
                () = self.cancel.cancelled() => {
                    return Err(stopped());
                }
            }
            if part.is_empty() {
                break;
            }
            let last = part.len() < PART;
            if parts.under_way.len() >= SEALERS {
                parts.next().await?;
            }
            let file = (self.named)(&self.id, name, number);
            let repository = self.repository.clone();
            let buffers = Buffers {
                text: part,
                sealed: parts.sealed.pop().unwrap_or_default(),
            };
            let writing = async move { write(repository, file, (number, buffers)).await };
            parts.under_way.spawn(writing);
            if last {
                break;
            }
        }
        Ok(())
    }
}

async fn write(
    repository: Repository,
    file: String,
    (number, buffers): (usize, Buffers),
) -> Result<(Written, Buffers)> {
    let text = Bytes::from(buffers.text);
    let hashed = text.clone();
    let digest = tokio::task::spawn_blocking(move || Sha256::digest(&hashed)).await;
    let digest = digest.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let part = Part {
        bytes: text.len() as u64,
        sha256: hex::encode(digest),
    };
    let put = repository.put_through(&file, text.clone(), buffers.sealed);
    let (bytes, sealed) = put.await?;
    let text = reclaimed(text);
    Ok(((number, part, bytes), Buffers { text, sealed }))
}
