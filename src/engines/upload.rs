//! Cuts streams into parts, seals several at once and writes them into the repository.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::engine::stopped;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, LogicalManifest, Part, Stream};
use crate::storage::{Repository, room};

/// Bytes of a part before it is sealed.
const PART: usize = 16 << 20;
/// Parts that are sealed and written at once, while the next one is read: text and sealed file of
/// two and the text of one are 80 MiB at most.
const SEALERS: usize = 2;

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
        let mut under_way = JoinSet::new();
        let mut written = Vec::new();
        let read = self
            .read_parts(name, &mut text, &mut under_way, &mut written)
            .await;
        let mut first = read.err();
        while let Some(done) = under_way.join_next().await {
            match joined(done) {
                Ok(part) => written.push(part),
                Err(error) => first = first.or(Some(error)),
            }
        }
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
        under_way: &mut JoinSet<Result<Written>>,
        written: &mut Vec<Written>,
    ) -> Result<()> {
        for number in 0.. {
            let mut part = room(PART);
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
            if under_way.len() >= SEALERS
                && let Some(done) = under_way.join_next().await
            {
                written.push(joined(done)?);
            }
            let file = (self.named)(&self.id, name, number);
            let repository = self.repository.clone();
            under_way.spawn(async move { write(repository, file, (number, part)).await });
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
    (number, text): (usize, Vec<u8>),
) -> Result<Written> {
    let text = Bytes::from(text);
    let hashed = text.clone();
    let digest = tokio::task::spawn_blocking(move || Sha256::digest(&hashed)).await;
    let digest = digest.map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let part = Part {
        bytes: text.len() as u64,
        sha256: hex::encode(digest),
    };
    let sealed = repository.put(&file, text).await?;
    Ok((number, part, sealed))
}

fn joined(done: Result<Result<Written>, tokio::task::JoinError>) -> Result<Written> {
    done.map_err(|error| Error::new(Kind::Internal, error.to_string()))?
}
