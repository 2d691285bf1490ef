//! Removes backups that nobody needs any more, the WAL before the oldest one that is kept, and what
//! backups left that were never completed.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::TimeDelta;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::logical::{self, LogicalExpiry, LogicalShelf};
use super::shelf::{Damaged, Remains, Shelf};
use super::verify::{logical_sights, sights, turns};
use crate::clock::Clock;
use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, Decision, Held, Lsn, Retention, Segment, Sight, TimelineHistory, Timelines,
    Turn, WalFile, decisive, untold,
};
use crate::service::restore::points;
use crate::storage::Repository;

/// Where WAL lies: `wal/<timeline>/<segment>`, and `wal/<timeline>/<segment>.partial/<increment>`.
const WAL: &str = "wal";

/// What to remove.
#[derive(Debug)]
pub struct Expire<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// How long backups are kept.
    pub retention: Retention,
    /// How long a create may have given no sign of life before its remains are removed.
    pub abandoned_after: TimeDelta,
    /// Show it only.
    pub dry_run: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Stops it.
    pub cancel: CancellationToken,
}

/// What was removed, or would be.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Expired {
    /// Whether nothing was removed.
    pub dry_run: bool,
    /// Backups that stay, newest first, with their reasons.
    pub kept: Vec<Decision>,
    /// Backups that go.
    pub expired: Vec<Gone>,
    /// Remains of backups that were never completed.
    pub remains: Vec<Remains>,
    /// WAL that no backup that stays can use.
    pub wal: Removed,
    /// Records of verifications and restore points that say nothing more.
    pub records: u64,
    /// Backups that cannot be judged; they stay, and so does all WAL.
    pub damaged: Vec<Damaged>,
    /// What becomes of logical backups, which need no WAL.
    pub logical: LogicalExpiry,
}

/// A backup that goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// Its id.
    pub id: String,
    /// Sealed bytes of its parts.
    pub bytes: u64,
}

/// WAL that goes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Removed {
    /// Files: segments, and increments of segments.
    pub files: u64,
    /// Sealed bytes of them.
    pub bytes: u64,
    /// Everything before this position; none when nothing may go.
    pub before: Option<Lsn>,
}

impl Expire<'_> {
    /// Decides, and removes unless it is a dry run. A backup that misses parts is not good: it never
    /// is the one that is kept in place of a good one.
    ///
    /// # Errors
    /// [`Kind::Usage`] without any rule; those of the repository; [`Kind::Cancelled`].
    pub async fn run(&self) -> Result<Expired> {
        if self.retention.is_empty() {
            return Err(Error::new(Kind::Usage, "no rule says how long backups are kept")
                .hint("name one: --keep-count 7, --keep-window 30d, --keep-daily 7, or [backup] keep in tidegate.toml"));
        }
        let now = self.clock.now();
        let shelf = Shelf::read(self.repository).await?;
        let beside = LogicalShelf::read(self.repository).await?;
        let (good, lame): (Vec<&BackupManifest>, Vec<&BackupManifest>) = shelf
            .backups
            .iter()
            .partition(|backup| shelf.problem(backup).is_none());
        let held: Vec<Held> = good.iter().map(|backup| held(backup)).collect();
        let wal = self.repository.list(WAL).await?;
        let lines = timelines(self.repository, &shelf, &wal).await?;
        let mut decisions = self.retention.decide(now, &held);
        keep_living(&lines, &good, &mut decisions);
        let silent = |remains: &Remains| remains.alive_at <= now - self.abandoned_after;
        let logical = logical::decide(&beside, (&self.retention, now), silent);
        let making = shelf.remains.iter().filter(|one| !silent(one));
        keep_awaited(making, &mut decisions);
        keep_parents(&held, &mut decisions);
        let (kept, _): (Vec<Decision>, Vec<Decision>) = decisions
            .into_iter()
            .partition(|decision| !decision.reasons.is_empty());
        let (stay, go): (Vec<&BackupManifest>, Vec<&BackupManifest>) = good
            .iter()
            .partition(|backup| kept.iter().any(|decision| decision.id == backup.id));
        let mut damaged = shelf.damaged.clone();
        damaged.extend(lame.iter().map(|backup| Damaged {
            id: backup.id.clone(),
            problem: shelf.problem(backup).unwrap_or_default(),
        }));
        let ((wal, mut files), records) = if damaged.is_empty() {
            let goes = |id: &str| logical.expired.iter().any(|gone| gone.id == id);
            let beside = beside.backups.iter().filter(|one| !goes(&one.id));
            let names = [sights(&stay), logical_sights(beside)].concat();
            (
                wal_spent(wal, &lines, &stay),
                self.records_spent(&stay, names).await?,
            )
        } else {
            Default::default()
        };
        let expired = Expired {
            dry_run: self.dry_run,
            kept,
            expired: go.iter().map(|backup| gone(backup)).collect(),
            remains: shelf
                .remains
                .iter()
                .filter(|one| silent(one))
                .cloned()
                .collect(),
            wal,
            records: records.len() as u64,
            damaged,
            logical,
        };
        files.extend(records);
        if !self.dry_run {
            self.remove(&shelf, &expired, files).await?;
            self.remove_kept(&shelf, &expired).await?;
        }
        Ok(expired)
    }

    /// Records that say nothing more: of verifications whose parts had a later turn or are gone, and
    /// of restore points before every backup that stays.
    async fn records_spent(
        &self,
        stays: &[&BackupManifest],
        mut names: Vec<Sight>,
    ) -> Result<Vec<String>> {
        let (turns, unread) = turns(self.repository).await?;
        let (files, turns): (Vec<String>, Vec<Turn>) = turns.into_iter().unzip();
        names.sort_by(|a, b| a.name.cmp(&b.name));
        let keep = decisive(&names, &turns);
        let numbered = files.into_iter().enumerate();
        let mut spent: Vec<String> = numbered
            .filter(|(place, _)| !keep.contains(place))
            .map(|(_, file)| file)
            .collect();
        spent.extend(unread.into_iter().map(|finding| finding.file));
        let oldest = stays.iter().map(|backup| backup.end).min();
        // One that does not open may be of any place, and stays.
        for point in points(self.repository).await?.known {
            if oldest.is_some_and(|oldest| point.lsn < oldest) {
                spent.push(point.file());
            }
        }
        Ok(spent)
    }

    /// What an engine that keeps its own files has of the backups that go, and of those whose create
    /// was killed.
    async fn remove_kept(&self, shelf: &Shelf, expired: &Expired) -> Result<()> {
        let Some(identity) = engines::identity(self.repository).await? else {
            return Ok(());
        };
        let Some(keeper) = engines::keeper(self.repository, &identity.engine)? else {
            return Ok(());
        };
        let goes = |id: &str| expired.expired.iter().any(|one| one.id == id);
        let kept = shelf.backups.iter().filter(|backup| goes(&backup.id));
        let mut labels: Vec<String> = kept
            .filter_map(|backup| Some(backup.kept.as_ref()?.label.clone()))
            .collect();
        let old = self.clock.now() - self.abandoned_after;
        // One that somebody made and named by himself is not ours to remove.
        let ours = |id: &String| BackupManifest::began(id).is_some();
        for one in keeper.labels().await? {
            let Some(id) = one.id.filter(|id| ours(id) && one.ended_at <= old) else {
                continue;
            };
            // Its maker lives, or has written the manifest, as long as anything is there.
            let folder = self.repository.list(&BackupManifest::folder(&id)).await?;
            if folder.is_empty() && !labels.contains(&one.label) {
                labels.push(one.label);
            }
        }
        let begun = keeper.begun().await?.into_iter();
        labels.extend(
            begun
                .filter(|one| one.id.as_ref().is_none_or(ours))
                .map(|one| one.label),
        );
        if labels.is_empty() && expired.wal.files == 0 {
            return Ok(());
        }
        keeper.remove(&labels).await
    }

    fn stopped(&self) -> Result<()> {
        if self.cancel.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the removal was stopped"));
        }
        Ok(())
    }

    /// Removes backups, the youngest first: an increment goes before what it is an increment of, and when
    /// the store does not let it go, both stay. The others go all the same.
    ///
    /// # Errors
    /// [`Kind::StorageLocked`] when one stays; those of the repository.
    async fn remove_backups(&self, shelf: &Shelf, expired: &[Gone]) -> Result<()> {
        let (mut needed, mut locked) = (BTreeSet::new(), Vec::new());
        let mut refused = None;
        for Gone { id, .. } in expired.iter().rev() {
            self.stopped()?;
            if !needed.contains(id) {
                match self.remove_backup(id).await {
                    Err(error) if error.kind() == Kind::StorageLocked => {
                        refused.get_or_insert(error);
                    }
                    done => {
                        done?;
                        continue;
                    }
                }
            }
            locked.push(id.as_str());
            needed.extend(shelf.backup(id)?.parent.clone());
        }
        let told = |error: Error| {
            Err(error.detail(format!(
                "of the backups that were to go these stay, and all WAL with them: {}",
                locked.join(", ")
            )))
        };
        refused.map_or(Ok(()), told)
    }

    async fn remove_backup(&self, id: &str) -> Result<()> {
        // The manifest first: what is half removed must not pass for a backup.
        self.repository.remove(&BackupManifest::name(id)).await?;
        let folder = BackupManifest::folder(id);
        self.repository.remove_folder(&folder).await
    }

    async fn remove(&self, shelf: &Shelf, expired: &Expired, files: Vec<String>) -> Result<()> {
        self.remove_backups(shelf, &expired.expired).await?;
        for Remains { id, .. } in &expired.remains {
            self.stopped()?;
            // It may have been completed since it was listed.
            if !self.repository.exists(&BackupManifest::name(id)).await? {
                self.repository
                    .remove_folder(&BackupManifest::folder(id))
                    .await?;
            }
        }
        for name in files {
            self.stopped()?;
            self.repository.remove(&name).await?;
        }
        // Last, so that no WAL stays because of one that a store locks.
        logical::remove(self.repository, &expired.logical, || self.stopped()).await
    }
}

/// WAL that no backup that stays can use, on whatever timeline.
fn wal_spent(
    wal: Vec<(String, u64)>,
    lines: &Timelines,
    stays: &[&BackupManifest],
) -> (Removed, Vec<String>) {
    let mut removed = Removed::default();
    let mut files = Vec::new();
    let Some(oldest) = stays.iter().min_by_key(|backup| backup.start) else {
        return (removed, files);
    };
    let size = oldest.wal_segment_bytes;
    removed.before = Some(oldest.first_segment().start(size));
    for (name, bytes) in wal {
        // Histories stay: they are small, and the map of a repository is drawn from them.
        if segment_of(&name, size).is_some_and(|segment| lines.spent(segment, stays)) {
            removed.files += 1;
            removed.bytes += bytes;
            files.push(name);
        }
    }
    (removed, files)
}

/// The timelines of a repository. A history that does not open is an unknown one.
async fn timelines(
    repository: &Repository,
    shelf: &Shelf,
    wal: &[(String, u64)],
) -> Result<Timelines> {
    let mut lines = Timelines::default();
    for backup in &shelf.backups {
        lines.newest = lines.newest.max(backup.timeline);
    }
    let size = shelf
        .backups
        .last()
        .map_or(16 << 20, |last| last.wal_segment_bytes);
    let mut written = BTreeSet::new();
    for (name, _) in wal {
        match WalFile::parse(name, size) {
            Some(WalFile::History(timeline)) => {
                lines.newest = lines.newest.max(timeline);
                let text = match repository.get(name).await {
                    Err(error) if error.kind() == Kind::SealBroken => continue,
                    text => text?,
                };
                if let Ok(history) =
                    TimelineHistory::parse(timeline, &String::from_utf8_lossy(&text))
                {
                    lines.histories.insert(timeline, history);
                }
            }
            Some(WalFile::Whole(segment) | WalFile::Piece(segment, _)) => {
                lines.newest = lines.newest.max(segment.timeline);
                written.insert(segment.timeline);
            }
            None => {}
        }
    }
    lines.lost = untold(written, &lines.histories);
    Ok(lines)
}

/// Keeps what the newest timeline can be recovered from, and what one may be of which nobody knows.
fn keep_living(lines: &Timelines, good: &[&BackupManifest], decisions: &mut [Decision]) {
    let living = lines.living(good).map(|living| &living.id);
    for decision in decisions {
        if Some(&decision.id) == living && decision.reasons.is_empty() {
            decision.reasons.push(format!(
                "the newest that timeline {} can be recovered from",
                lines.newest
            ));
        }
        let backup = good.iter().find(|backup| backup.id == decision.id);
        if let Some(timeline) = backup.and_then(|one| lines.may_continue(one, good)) {
            decision.reasons.push(format!(
                "timeline {timeline}, whose history is missing, may be recovered from it alone"
            ));
        }
    }
}

/// Keeps what a backup that is being made will be an increment of.
fn keep_awaited<'a>(making: impl Iterator<Item = &'a Remains>, decisions: &mut [Decision]) {
    for remains in making {
        let parent = |decision: &&mut Decision| Some(&decision.id) == remains.parent.as_ref();
        if let Some(decision) = decisions.iter_mut().find(parent) {
            let reason = format!("{}, which is being made, is an increment of it", remains.id);
            decision.reasons.push(reason);
        }
    }
}

/// Keeps what a backup is an increment of, as far as that goes.
fn keep_parents(held: &[Held], decisions: &mut [Decision]) {
    for _ in held {
        let needed: Vec<String> = held
            .iter()
            .filter(|one| {
                decisions
                    .iter()
                    .any(|d| d.id == one.id && !d.reasons.is_empty())
            })
            .filter_map(|one| one.parent.clone())
            .collect();
        for decision in decisions.iter_mut() {
            if decision.reasons.is_empty() && needed.contains(&decision.id) {
                decision
                    .reasons
                    .push("others are increments of it".to_owned());
            }
        }
    }
}

fn gone(backup: &BackupManifest) -> Gone {
    Gone {
        id: backup.id.clone(),
        bytes: backup.sealed_bytes,
    }
}

fn held(backup: &BackupManifest) -> Held {
    Held {
        id: backup.id.clone(),
        ended_at: backup.ended_at,
        parent: backup.parent.clone(),
    }
}

/// The segment that a file below [`WAL`] belongs to.
fn segment_of(name: &str, size: u32) -> Option<Segment> {
    let inside = name.strip_prefix(WAL)?.strip_prefix('/')?;
    let mut words = inside.split('/').skip(1);
    let segment = words.next()?;
    Segment::parse(segment.strip_suffix(".partial").unwrap_or(segment), size)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_and_increments_are_told_from_histories() {
        let number = |name: &str| segment_of(name, 16 << 20).map(|segment| segment.number);
        let name = "wal/00000001/000000010000000000000003";
        assert_eq!(number(name), Some(3));
        assert_eq!(number(&format!("{name}.partial/00000000-512")), Some(3));
        assert_eq!(number("wal/history/00000002"), None);
        assert_eq!(number("wal/00000001/x"), None);
    }
}
