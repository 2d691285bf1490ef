//! What a repository holds of WAL, read for a recovery.

use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, Inventory, TimelineHistory, WalFile, history_name, wal_name,
};
use crate::storage::Repository;

/// Reads the names of all WAL and the text of the histories, for the recovery of `backup`.
///
/// # Errors
/// [`Kind::Storage`], [`Kind::SealKey`]; [`Kind::WalMissing`] for a history that is not one.
pub async fn inventory(repository: &Repository, backup: &BackupManifest) -> Result<Inventory> {
    let mut found = Inventory {
        segment_bytes: backup.wal_segment_bytes,
        ..Inventory::default()
    };
    for (name, time) in repository.list_dated("wal").await? {
        match WalFile::parse(&name, found.segment_bytes) {
            Some(WalFile::History(timeline)) => {
                let text = history(repository, timeline).await?;
                found.histories.insert(timeline, text);
            }
            Some(file) => found.add(file, time),
            None => {}
        }
    }
    settle(repository, &mut found).await?;
    Ok(found)
}

/// Pieces go when their segment is whole, so a listing may have seen some of them and not yet the
/// segment: what looks torn is looked up once more.
///
/// # Errors
/// [`Kind::Storage`].
pub(super) async fn settle(repository: &Repository, found: &mut Inventory) -> Result<()> {
    let torn: Vec<_> = found
        .partial
        .iter()
        .filter(|(segment, (pieces, _))| pieces.torn() && !found.whole.contains_key(segment))
        .map(|(segment, (_, time))| (*segment, *time))
        .collect();
    for (segment, time) in torn {
        let name = wal_name(segment, found.segment_bytes);
        if repository.exists(&name).await? {
            found.whole.insert(segment, time);
        }
    }
    Ok(())
}

/// The history of a timeline.
///
/// # Errors
/// As [`inventory`].
pub(in crate::service) async fn history(
    repository: &Repository,
    timeline: u32,
) -> Result<TimelineHistory> {
    let text = repository.get(&history_name(timeline)).await?;
    TimelineHistory::parse(timeline, &String::from_utf8_lossy(&text))
        .map_err(|error| Error::new(Kind::WalMissing, error))
}
