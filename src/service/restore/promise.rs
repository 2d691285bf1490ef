//! How far a recovery must come, before it is begun.

use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, Followed, Inventory, Lsn, RecoveryTarget, Segment, TimelineHistory, log_end,
};
use crate::service::wal::{Fetched, fetch_live};
use crate::storage::Repository;

/// What is known of a recovery beforehand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Promised {
    /// The place that it must reach at least.
    pub(super) at: Lsn,
    /// Whether the repository holds WAL behind the end of the base backup.
    pub(super) goes_on: bool,
}

/// Follows the WAL that `inventory` lists to the target, as far as that can be told beforehand.
///
/// # Errors
/// [`Kind::WalMissing`] for a hole; [`Kind::RestoreFailed`] for a history that has left the backup.
pub(super) async fn promised(
    repository: &Repository,
    (backup, inventory): (&BackupManifest, &Inventory),
    target: &RecoveryTarget,
) -> Result<Promised> {
    if let Some(timeline) = inventory
        .lost_histories()
        .into_iter()
        .find(|timeline| *timeline > backup.timeline)
    {
        return Err(lost_history(timeline));
    }
    let followed = inventory.follow(backup);
    if let Some(timeline) = followed.reach.left_by {
        return Err(Error::new(
            Kind::RestoreFailed,
            format!(
                "timeline {timeline} does not pass through backup {}: it left timeline {} before {}",
                backup.id, backup.timeline, backup.end
            ),
        )
        .hint("name a backup with --backup that the newest timeline passes through; `tidegate wal audit` tells which do"));
    }
    if let Some((hole, _)) = followed.missing.first()
        && !ends_before(target, &followed)
    {
        let name = hole.name(backup.wal_segment_bytes);
        let error = Error::new(
            Kind::WalMissing,
            format!(
                "the WAL segment {name} is missing, without which backup {} cannot be recovered",
                backup.id
            ),
        );
        return Err(if followed.reach.broken {
            error
        } else {
            error.hint(format!(
                "what lies before it can be recovered: --target-lsn {}, or an earlier --target-time",
                followed.reach.to
            ))
        });
    }
    Ok(Promised {
        at: match target {
            RecoveryTarget::Latest => sure(repository, (backup, inventory), &followed).await?,
            _ => backup.end,
        },
        goes_on: followed.reach.to > backup.end,
    })
}

/// How far the WAL surely goes: into the pieces of the newest segment, when there are some.
async fn sure(
    repository: &Repository,
    (backup, inventory): (&BackupManifest, &Inventory),
    followed: &Followed,
) -> Result<Lsn> {
    let (reach, bytes) = (&followed.reach, backup.wal_segment_bytes);
    let last = Segment::holding(Lsn(reach.to.0.saturating_sub(1)), reach.timeline, bytes);
    if !inventory.partial.contains_key(&last) {
        return Ok(followed.sure);
    }
    // What does not open is told when the server asks for it.
    let Ok((Fetched::Found(content), _)) = fetch_live(repository, &last.name(bytes), bytes).await
    else {
        return Ok(followed.sure);
    };
    let Some(end) = log_end(&content) else {
        return Ok(followed.sure);
    };
    let end = Lsn(last.start(bytes).0 + end as u64);
    // Behind the beginning of another timeline a recovery does not follow this one.
    let branches = inventory.histories.values().flat_map(|one| &one.branches);
    let left = branches.filter(|branch| branch.timeline == last.timeline);
    let left = left.map(|branch| branch.at).min().unwrap_or(end);
    Ok(followed.sure.max(end.min(left)))
}

/// The server would take the end of the older timeline for the end of the log.
fn lost_history(timeline: u32) -> Error {
    let name = TimelineHistory::name(timeline);
    Error::new(
        Kind::WalMissing,
        format!("{name} is missing, though WAL of timeline {timeline} is there: it may continue this backup"),
    )
    .hint(format!(
        "put it back with `tidegate wal push pg_wal/{name}` from a server of that timeline or a standby of it"
    ))
}

/// Whether the target lies before the first hole, as far as that can be known: the server says
/// whether a name or a transaction does, and is not promoted at a hole.
fn ends_before(target: &RecoveryTarget, followed: &Followed) -> bool {
    let reach = &followed.reach;
    !reach.broken
        && match target {
            RecoveryTarget::Latest => false,
            RecoveryTarget::Immediate | RecoveryTarget::Name(_) | RecoveryTarget::Xid(_) => true,
            RecoveryTarget::Lsn(lsn) => *lsn <= reach.to,
            RecoveryTarget::Time(time) => reach.to_time.is_some_and(|known| *time < known),
        }
}
