//! How far a recovery must come, before it is begun.

use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Followed, Lsn, RecoveryTarget, TimelineHistory};
use crate::service::wal::inventory;
use crate::storage::Repository;

/// Follows the WAL to the target, as far as that can be told beforehand; the place that the
/// recovery must reach at least.
///
/// # Errors
/// [`Kind::WalMissing`] for a hole; [`Kind::RestoreFailed`] for a history that has left the backup.
pub(super) async fn promised(
    repository: &Repository,
    backup: &BackupManifest,
    target: &RecoveryTarget,
) -> Result<Lsn> {
    let inventory = inventory(repository, backup).await?;
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
    Ok(match target {
        RecoveryTarget::Latest => followed.sure,
        _ => backup.end,
    })
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
