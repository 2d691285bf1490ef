//! Removes backups that nobody needs any more, the WAL before the oldest one that is kept, and what
//! backups left that were never completed.

use std::sync::Arc;

use chrono::TimeDelta;
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::shelf::{Damaged, Remains, Shelf};
use crate::clock::Clock;
use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::recovery::{BackupManifest, Decision, Held, Lsn, Retention, Segment};
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
    /// Backups that cannot be judged; they stay, and so does all WAL.
    pub damaged: Vec<Damaged>,
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
        let (good, lame): (Vec<&BackupManifest>, Vec<&BackupManifest>) = shelf
            .backups
            .iter()
            .partition(|backup| shelf.missing(backup).next().is_none());
        let held: Vec<Held> = good.iter().map(|backup| held(backup)).collect();
        let decisions = self.retention.decide(now, &held).into_iter();
        let (kept, _): (Vec<Decision>, Vec<Decision>) =
            decisions.partition(|decision| !decision.reasons.is_empty());
        let (stay, go): (Vec<&BackupManifest>, Vec<&BackupManifest>) = good
            .iter()
            .partition(|backup| kept.iter().any(|decision| decision.id == backup.id));
        let mut damaged = shelf.damaged.clone();
        damaged.extend(lame.iter().map(|backup| Damaged {
            id: backup.id.clone(),
            problem: format!(
                "{} of its parts are not there",
                shelf.missing(backup).count()
            ),
        }));
        let (wal, wal_files) = if damaged.is_empty() {
            self.wal_before(&stay).await?
        } else {
            (Removed::default(), Vec::new())
        };
        let silent = |remains: &Remains| remains.alive_at <= now - self.abandoned_after;
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
            damaged,
        };
        if !self.dry_run {
            let kept = Kept::among(&shelf, &expired);
            self.remove(&expired, wal_files, kept.is_none()).await?;
            if let Some(kept) = kept {
                kept.remove(self.repository, &expired).await?;
            }
        }
        Ok(expired)
    }

    /// WAL that lies before the start of every backup that stays.
    async fn wal_before(&self, stays: &[&BackupManifest]) -> Result<(Removed, Vec<String>)> {
        let mut removed = Removed::default();
        let mut files = Vec::new();
        let oldest = stays.iter().min_by_key(|backup| backup.start);
        let Some(oldest) = oldest else {
            return Ok((removed, files));
        };
        let size = oldest.wal_segment_bytes;
        let first = oldest.first_segment();
        removed.before = Some(first.start(size));
        for (name, bytes) in self.repository.list(WAL).await? {
            // Segments of one number hold the same positions on each timeline; histories stay.
            if segment_of(&name, size).is_some_and(|segment| segment.number < first.number) {
                removed.files += 1;
                removed.bytes += bytes;
                files.push(name);
            }
        }
        Ok((removed, files))
    }

    async fn remove(&self, expired: &Expired, wal: Vec<String>, own: bool) -> Result<()> {
        let stopped = || {
            if self.cancel.is_cancelled() {
                return Err(Error::new(Kind::Cancelled, "the removal was stopped"));
            }
            Ok(())
        };
        for Gone { id, .. } in &expired.expired {
            stopped()?;
            // The manifest first: what is half removed must not pass for a backup.
            self.repository.remove(&BackupManifest::name(id)).await?;
            self.repository
                .remove_folder(&BackupManifest::folder(id))
                .await?;
        }
        for Remains { id, .. } in &expired.remains {
            stopped()?;
            // It may have been completed since it was listed.
            if !self.repository.exists(&BackupManifest::name(id)).await? {
                self.repository
                    .remove_folder(&BackupManifest::folder(id))
                    .await?;
            }
        }
        // The WAL of an engine that keeps its own goes with its backups.
        for name in wal.into_iter().filter(|_| own) {
            stopped()?;
            self.repository.remove(&name).await?;
        }
        Ok(())
    }
}

/// What an engine that keeps its own files has to remove.
struct Kept {
    engine: String,
    /// Labels of the backups that go.
    labels: Vec<String>,
    /// Every label that Tidegate knows, those that go among them.
    known: Vec<String>,
}

impl Kept {
    /// A repository has one engine; none when it is one that keeps no files of its own.
    fn among(shelf: &Shelf, expired: &Expired) -> Option<Self> {
        let kept = |backup: &BackupManifest| Some(backup.kept.as_ref()?.label.clone());
        let engine = shelf.backups.iter().find(|one| one.kept.is_some())?;
        let go = |backup: &&BackupManifest| expired.expired.iter().any(|one| one.id == backup.id);
        Some(Self {
            engine: engine.engine.clone(),
            labels: shelf.backups.iter().filter(go).filter_map(kept).collect(),
            known: shelf.backups.iter().filter_map(kept).collect(),
        })
    }

    /// Removes them, those that were left by a create that was killed, and the WAL before the
    /// oldest that stays.
    async fn remove(mut self, repository: &Repository, expired: &Expired) -> Result<()> {
        let Some(keeper) = engines::keeper(repository, &self.engine)? else {
            return Ok(());
        };
        let stay = self.known.len() - self.labels.len();
        for one in keeper.labels().await? {
            let orphan = one.id.as_deref().is_some_and(|id| {
                let remains = expired.remains.iter();
                remains.into_iter().any(|remains| remains.id == id)
            });
            if orphan && !self.known.contains(&one.label) {
                self.labels.push(one.label);
            }
        }
        let wal = expired.wal.before.is_some();
        keeper.remove(&self.labels, wal.then_some(stay)).await
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
