//! WAL out of a repository. A server in recovery takes "not found" for the end of the log, so that
//! answer is given only when the log really ends there.

use crate::error::{Error, Kind, Result};
use crate::recovery::{
    Increment, Presence, Segment, TimelineHistory, WalChain, history_name, increment_name, wal_name,
};
use crate::storage::Repository;

/// The answer to a server in recovery.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file.
    Found(Vec<u8>),
    /// The log ends before it.
    Beyond,
}

/// What WAL the repository holds; `bytes` is the size of a segment.
///
/// # Errors
/// [`Kind::Storage`].
pub async fn chain(repository: &Repository, bytes: u32) -> Result<WalChain> {
    let files = repository.list("wal").await?;
    Ok(WalChain::of(
        files.iter().map(|(name, _)| name.as_str()),
        bytes,
    ))
}

/// Fetches a file by the name that the server gives it.
///
/// # Errors
/// [`Kind::WalMissing`] when later files are there; those of the repository.
pub async fn fetch(
    repository: &Repository,
    chain: &WalChain,
    name: &str,
    bytes: u32,
) -> Result<Fetched> {
    if let Some(timeline) = TimelineHistory::timeline_of(name) {
        if !chain.has_history(timeline) {
            return Ok(Fetched::Beyond);
        }
        let text = repository.get(&history_name(timeline)).await?;
        return Ok(Fetched::Found(text));
    }
    let Some(segment) = Segment::parse(name, bytes) else {
        // A backup's history file, which no recovery needs.
        return Ok(Fetched::Beyond);
    };
    match chain.presence(segment) {
        Presence::Whole => {
            let content = repository.get(&wal_name(segment, bytes)).await?;
            if content.len() as u64 != u64::from(bytes) {
                let found = content.len();
                return Err(Error::new(
                    Kind::WalMissing,
                    format!("{name} has {found} bytes of {bytes}"),
                ));
            }
            Ok(Fetched::Found(content))
        }
        Presence::Partial(pieces) => {
            let content = joined(repository, segment, &pieces, bytes).await?;
            Ok(Fetched::Found(content))
        }
        Presence::Beyond => Ok(Fetched::Beyond),
        Presence::Hole => Err(missing(name)),
    }
}

/// The same from a repository that is being written to, of which nothing is known yet; gives what
/// it holds, too. Pieces go when their segment is whole, so what vanished between the listing and
/// the reading is looked up once more.
///
/// # Errors
/// As [`fetch`].
pub async fn fetch_live(
    repository: &Repository,
    name: &str,
    bytes: u32,
) -> Result<(Fetched, WalChain)> {
    let known = chain(repository, bytes).await?;
    match fetch(repository, &known, name, bytes).await {
        Err(error) if matches!(error.kind(), Kind::Storage | Kind::WalMissing) => {
            tracing::debug!(%error, name, "the repository is listed once more");
            let known = chain(repository, bytes).await?;
            let found = fetch(repository, &known, name, bytes).await?;
            Ok((found, known))
        }
        found => Ok((found?, known)),
    }
}

/// The error of a hole.
pub(in crate::service) fn missing(segment: &str) -> Error {
    Error::new(
        Kind::WalMissing,
        format!("the WAL segment {segment} is missing"),
    )
}

/// The pieces in their order, a later one over an earlier one; the rest was never written.
async fn joined(
    repository: &Repository,
    segment: Segment,
    pieces: &[Increment],
    bytes: u32,
) -> Result<Vec<u8>> {
    let mut content = vec![0; bytes as usize];
    for piece in pieces {
        let text = repository
            .get(&increment_name(segment, *piece, bytes))
            .await?;
        let (start, length) = (piece.offset as usize, piece.bytes as usize);
        match content.get_mut(start..start + length) {
            Some(place) if text.len() == length => place.copy_from_slice(&text),
            _ => {
                let name = increment_name(segment, *piece, bytes);
                return Err(Error::new(
                    Kind::WalMissing,
                    format!("{name} has {} bytes", text.len()),
                ));
            }
        }
    }
    Ok(content)
}
