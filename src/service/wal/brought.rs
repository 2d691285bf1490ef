//! Segments that a base backup has brought along: a server has them in its own `pg_wal`, and looks
//! there when it is told that the log ends.

use super::fetch::{Fetched, chain, fetch_live};
use crate::error::Result;
use crate::recovery::{Brought, Presence, Segment};
use crate::storage::Repository;

/// The answer for a segment of `brought`, whose size is `bytes`. What the repository holds is taken when
/// it goes further than the base backup: that of a standby ends in the middle of a segment, and with
/// it would end the recovery. `followed` tells that somebody has made sure that the WAL goes on
/// without a hole to wherever the recovery is to end; else a hole behind such an end is an error.
///
/// # Errors
/// As [`fetch_live`].
pub async fn fetch_brought(
    repository: &Repository,
    (brought, segment): (Brought, Segment),
    bytes: u32,
    followed: bool,
) -> Result<Fetched> {
    if !brought.is_less_than(segment, u64::MAX) {
        return Ok(Fetched::Beyond);
    }
    let known = chain(repository, bytes).await?;
    let better = match known.presence(segment) {
        Presence::Whole => true,
        Presence::Partial(pieces) => brought.is_less_than(segment, pieces.covered()),
        Presence::Hole => !followed && !brought.holds_all_of(segment),
        Presence::Beyond => false,
    };
    if !better {
        return Ok(Fetched::Beyond);
    }
    let (found, _) = fetch_live(repository, &segment.name(bytes), bytes).await?;
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::push::tests::{repository, wal};
    use super::*;
    use crate::error::Kind;
    use crate::recovery::{BackupManifest, Increment, Lsn, increment_name, manifest_tests::sample};

    const MB: u32 = 1 << 20;

    #[tokio::test]
    async fn what_goes_further_than_the_backup_is_taken() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        let backup = BackupManifest {
            wal_segment_bytes: MB,
            start: Lsn(3 * u64::from(MB) + 40),
            end: Lsn(4 * u64::from(MB) + 9000),
            from_standby: true,
            ..sample("20261126T021500Z-0f3a9c", 1)
        };
        let brought = backup.brought().unwrap();
        let (name, content) = wal(4, 7);
        let segment = Segment::parse(&name, MB).unwrap();
        let ask =
            async |followed| fetch_brought(&repository, (brought, segment), MB, followed).await;
        assert_eq!(ask(false).await.unwrap(), Fetched::Beyond);
        for (offset, taken) in [(0, false), (8192, true)] {
            let piece = Increment {
                offset,
                bytes: 8192,
            };
            let file = increment_name(segment, piece, MB);
            let from = offset as usize;
            let text = content[from..from + 8192].to_vec();
            repository.put(&file, text).await.unwrap();
            let found = ask(false).await.unwrap();
            assert_eq!(matches!(found, Fetched::Found(_)), taken, "{offset}");
        }
        // Behind the end of the backup the rest of its last segment is missing.
        let (later, content) = wal(5, 7);
        let pusher = super::super::Pusher::new(&repository);
        pusher.push(&later, &content).await.unwrap();
        assert_eq!(ask(false).await.unwrap_err().kind(), Kind::WalMissing);
        assert_eq!(ask(true).await.unwrap(), Fetched::Beyond);
        let before = Segment {
            number: 3,
            ..segment
        };
        let first = fetch_brought(&repository, (brought, before), MB, false).await;
        assert_eq!(first.unwrap(), Fetched::Beyond);
    }
}
