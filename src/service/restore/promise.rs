//! How far a recovery must come, before it is begun.

use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Lsn, RecoveryTarget, TimelineHistory, history_name};
use crate::service::wal::chain;
use crate::storage::Repository;

/// The place that a recovery must reach at least. The chain up to it has no hole.
///
/// # Errors
/// [`Kind::WalMissing`] for a hole; [`Kind::RestoreFailed`] for a history that has left the backup.
pub(super) async fn promised(
    repository: &Repository,
    backup: &BackupManifest,
    target: &RecoveryTarget,
) -> Result<Lsn> {
    let bytes = backup.wal_segment_bytes;
    let known = chain(repository, bytes).await?;
    let timeline = known.newest_timeline(backup.timeline);
    let history = if known.has_history(timeline) {
        let text = repository.get(&history_name(timeline)).await?;
        TimelineHistory::parse(timeline, &String::from_utf8_lossy(&text))
            .map_err(|error| Error::new(Kind::RestoreFailed, error))?
    } else {
        TimelineHistory {
            timeline,
            ..TimelineHistory::first()
        }
    };
    if history.timeline_at(backup.end) != backup.timeline && timeline != backup.timeline {
        let left = history.timeline_at(backup.end);
        return Err(Error::new(
            Kind::RestoreFailed,
            format!(
                "timeline {timeline} does not pass through backup {}: at its end {} that history is on timeline {left}",
                backup.id, backup.end
            ),
        ));
    }
    // What a backup brings along need not be in the repository; what comes after it must.
    let brought = backup.brought();
    let first = brought.map_or_else(|| backup.first_segment(), |brought| brought.next());
    let archived = known.newest(timeline);
    let alone = archived.is_none_or(|newest| newest.number < first.number);
    if let Some(hole) = known.hole(first, &history)
        && !(brought.is_some() && alone)
    {
        let name = hole.name(bytes);
        return Err(Error::new(
            Kind::WalMissing,
            format!(
                "the WAL segment {name} is missing, without which backup {} cannot be recovered",
                backup.id
            ),
        ));
    }
    let newest = known.newest_whole(timeline);
    match target {
        RecoveryTarget::Latest => {
            let newest = newest.map_or(backup.end, |segment| segment.start(bytes));
            Ok(newest.max(backup.end))
        }
        _ => Ok(backup.end),
    }
}
