//! WAL out of a repository. A server in recovery takes "not found" for the end of the log, so that
//! answer is given only when the log really ends there.

use std::path::PathBuf;

use super::inventory::history;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    PageHeader, Pieces, Presence, SMALLEST_SEGMENT, Segment, TimelineHistory, WalChain,
    history_name, increment_name, wal_folder, wal_name,
};
use crate::storage::{Repository, room};

/// The answer to a server in recovery.
#[derive(Debug, PartialEq, Eq)]
pub enum Fetched {
    /// The file.
    Found(Vec<u8>),
    /// A file with its content, which is the asker's to take.
    At(PathBuf),
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
            // The first timeline has none. Without that of another, the server would end where it began.
            return match chain.newest(timeline) {
                Some(_) if timeline > 1 => Err(missing(name)),
                _ => Ok(Fetched::Beyond),
            };
        }
        let text = repository.get(&history_name(timeline)).await?;
        return Ok(Fetched::Found(text));
    }
    let Some(segment) = Segment::parse(name, bytes) else {
        // A backup's history file, which no recovery needs.
        return Ok(Fetched::Beyond);
    };
    let presence = chain.presence(segment);
    if matches!(presence, Presence::Partial(_) | Presence::Beyond)
        && let Some(timeline) = continued_by(repository, chain, segment).await?
    {
        let error = missing(name);
        return Err(error.detail(format!("timeline {timeline} goes on behind it")));
    }
    match presence {
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

/// The same, for a server whose segments are of unknown size: a file that is whole lies under a name
/// that does not depend on it. None when there is no such file.
///
/// # Errors
/// As [`fetch`].
pub async fn fetch_whole(repository: &Repository, name: &str) -> Result<Option<Fetched>> {
    if let Some(timeline) = TimelineHistory::timeline_of(name) {
        let file = history_name(timeline);
        if repository.exists(&file).await? {
            return Ok(Some(Fetched::Found(repository.get(&file).await?)));
        }
        let alone = timeline == 1 || repository.list(&wal_folder(timeline)).await?.is_empty();
        return match alone {
            true => Ok(Some(Fetched::Beyond)),
            false => Err(missing(name)),
        };
    }
    let Some(segment) = Segment::parse(name, SMALLEST_SEGMENT) else {
        return Ok(None);
    };
    let file = format!("{}/{name}", wal_folder(segment.timeline));
    if !repository.exists(&file).await? {
        return Ok(None);
    }
    let content = repository.get(&file).await?;
    let told = PageHeader::parse(&content).map(|header| header.segment_bytes);
    match told {
        Ok(bytes) if content.len() as u64 == u64::from(bytes) => Ok(Some(Fetched::Found(content))),
        told => Err(Error::new(
            Kind::WalMissing,
            format!(
                "{name} is no whole segment: {} bytes, {}",
                content.len(),
                match told {
                    Ok(bytes) => format!("of {bytes}"),
                    Err(why) => why,
                }
            ),
        )),
    }
}

/// The timeline that goes on behind a segment of which not all is there, though its own does not. A
/// server that is told that the log ends there is promoted on the older one, short of what was
/// written after.
async fn continued_by(
    repository: &Repository,
    chain: &WalChain,
    segment: Segment,
) -> Result<Option<u32>> {
    for timeline in chain.histories_after(segment.timeline) {
        let line = history(repository, timeline).await?;
        if chain.is_passed_by(segment, &line) {
            return Ok(Some(timeline));
        }
    }
    Ok(None)
}

/// The error of a hole, or of a history without which WAL that is there cannot be reached.
pub(in crate::service) fn missing(name: &str) -> Error {
    let what = match TimelineHistory::timeline_of(name) {
        Some(_) => "timeline history",
        None => "WAL segment",
    };
    Error::new(Kind::WalMissing, format!("the {what} {name} is missing"))
}

/// The pieces in their order, a later one over an earlier one; the rest was never written.
async fn joined(
    repository: &Repository,
    segment: Segment,
    pieces: &Pieces,
    bytes: u32,
) -> Result<Vec<u8>> {
    if pieces.torn() {
        let error = missing(&segment.name(bytes));
        return Err(error.detail(format!(
            "of its pieces, those behind byte {} are not all there",
            pieces.covered()
        )));
    }
    let mut content = room(bytes as usize);
    content.resize(bytes as usize, 0);
    for piece in pieces.iter() {
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

#[cfg(test)]
mod tests {
    use super::super::push::tests::{repository, wal};
    use super::super::{Pusher, inventory};
    use super::*;
    use crate::recovery::{BackupManifest, Increment, Lsn, manifest_tests::sample};

    const MB: u32 = 1 << 20;

    #[tokio::test]
    async fn zeros_between_pieces_are_not_taken_for_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let (name, content) = wal(4, 7);
        let segment = Segment::parse(&name, MB).unwrap();
        let put = async |offset: u32, bytes: u32| {
            let file = increment_name(segment, Increment { offset, bytes }, MB);
            let (from, to) = (offset as usize, (offset + bytes) as usize);
            repository
                .put(&file, content[from..to].to_vec())
                .await
                .unwrap();
        };
        put(0, 8192).await;
        put(16_384, 8192).await;
        let error = fetch_live(&repository, &name, MB).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalMissing);
        let backup = BackupManifest {
            wal_segment_bytes: MB,
            start: Lsn(4 * u64::from(MB) + 40),
            end: Lsn(4 * u64::from(MB) + 400),
            wal_included: false,
            ..sample("20261126T021500Z-0f3a9c", 1)
        };
        let audited = async || {
            inventory(&repository, &backup)
                .await
                .unwrap()
                .follow(&backup)
        };
        let torn = audited().await;
        assert_eq!(torn.reach.to, Lsn(4 * u64::from(MB) + 8192));
        assert_eq!(torn.missing, [(segment, segment)]);
        put(8192, 8192).await;
        let Fetched::Found(found) = fetch_live(&repository, &name, MB).await.unwrap().0 else {
            panic!("it is there");
        };
        assert_eq!(found[..24_576], content[..24_576]);
        assert!(audited().await.missing.is_empty());
    }

    #[tokio::test]
    async fn the_end_of_a_timeline_that_another_continues_is_not_taken_for_the_end() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let pusher = Pusher::new(&repository);
        let name = |number| {
            Segment {
                timeline: 1,
                number,
            }
            .name(MB)
        };
        let ask = async |number| fetch_live(&repository, &name(number), MB).await;
        let (third, content) = wal(3, 7);
        pusher.push(&third, &content).await.unwrap();
        assert_eq!(ask(4).await.unwrap().0, Fetched::Beyond);
        // Timeline 2 has left timeline 1 in segment 6, of which 4 and 5 never came.
        let branch = Lsn(6 * u64::from(MB) + 4096);
        let history = format!("1\t{branch}\tno recovery target specified\n");
        let pushed = pusher.push("00000002.history", history.as_bytes());
        pushed.await.unwrap();
        assert_eq!(ask(4).await.unwrap().0, Fetched::Beyond);
        let after = Segment {
            timeline: 2,
            number: 6,
        };
        let wal = crate::recovery::page_tests::segment(after, MB, 7);
        pusher.push(&after.name(MB), &wal).await.unwrap();
        for number in [4, 5] {
            let error = ask(number).await.unwrap_err();
            assert_eq!(error.kind(), Kind::WalMissing, "{number}");
        }
        // Pieces of it do not reach the branch, either.
        let piece = Increment {
            offset: 0,
            bytes: 8192,
        };
        let fourth = Segment::parse(&name(4), MB).unwrap();
        let file = increment_name(fourth, piece, MB);
        repository
            .put(&file, content[..8192].to_vec())
            .await
            .unwrap();
        assert_eq!(ask(4).await.unwrap_err().kind(), Kind::WalMissing);
        // A server that follows timeline 1 alone comes to its end behind the branch.
        assert_eq!(ask(6).await.unwrap().0, Fetched::Beyond);
        assert_eq!(ask(7).await.unwrap().0, Fetched::Beyond);
    }

    #[tokio::test]
    async fn whole_files_are_found_without_a_listing() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let (name, content) = wal(3, 7);
        assert_eq!(fetch_whole(&repository, &name).await.unwrap(), None);
        Pusher::new(&repository)
            .push(&name, &content)
            .await
            .unwrap();
        let found = fetch_whole(&repository, &name).await.unwrap();
        assert_eq!(found, Some(Fetched::Found(content.clone())));
        let history = fetch_whole(&repository, "00000002.history").await.unwrap();
        assert_eq!(history, Some(Fetched::Beyond));
        let (short, _) = wal(5, 7);
        let file = format!("{}/{short}", wal_folder(1));
        repository
            .put(&file, content[..9000].to_vec())
            .await
            .unwrap();
        let error = fetch_whole(&repository, &short).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalMissing);
    }
}
