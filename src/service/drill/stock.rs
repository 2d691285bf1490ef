//! What a repository holds before and after a drill. A drill reads only: what was there must be
//! there, unchanged. Others may go on to write meanwhile, and an expiry may remove what it removes.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt as _, TryStreamExt as _};

use crate::error::Result;
use crate::recovery::{
    BackupManifest, DrillCheck, RECORDS, RepositoryIdentity, RestorePoint, Segment, WalFile,
    wal_name,
};
use crate::storage::Repository;

/// Files that are hashed at once.
const READERS: usize = 2;
/// Names that are told of.
const NAMED: usize = 5;
/// Digits of a segment's name.
const DIGITS: usize = 24;

/// The files of a repository.
#[derive(Debug, Clone, Default)]
pub(super) struct Stock {
    files: BTreeMap<String, Mark>,
    /// SHA-256 of those that were hashed, as they lie there.
    digests: BTreeMap<String, String>,
}

/// What a listing tells of a file: another one of the same name has another mark.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Mark {
    bytes: u64,
    /// The tag that the store gave it; in a folder it is made of the inode and of the time.
    tag: Option<String>,
}

/// What a drill restores from.
#[derive(Debug)]
pub(super) struct Used {
    /// Manifests and parts.
    files: BTreeSet<String>,
    /// The first segment that is replayed.
    first: Segment,
    segment_bytes: u32,
}

/// What may become of a file while a drill runs.
#[derive(Debug, PartialEq, Eq)]
enum Rule {
    /// Nothing.
    Stays,
    /// Its owner may remove it, but nobody changes it where it is.
    MayGo,
    /// An engine keeps it as it likes.
    Engines,
}

impl Used {
    /// Of a restore of the last one of `lineage`, with those that it is an increment of.
    pub(super) fn new(lineage: &[BackupManifest], backup: &BackupManifest) -> Self {
        let files = lineage.iter().flat_map(|one| {
            let parts = one.parts().map(|(name, _)| name);
            parts.chain([BackupManifest::name(&one.id)])
        });
        Self {
            files: files.collect(),
            first: backup.first_segment(),
            segment_bytes: backup.wal_segment_bytes,
        }
    }

    fn needs(&self, segment: Segment) -> bool {
        segment.timeline >= self.first.timeline && segment.number >= self.first.number
    }

    fn wal(&self, name: &str) -> Option<WalFile> {
        WalFile::parse(name, self.segment_bytes)
    }

    /// Whether the restore reads it.
    fn reads(&self, name: &str) -> bool {
        self.files.contains(name)
            || match self.wal(name) {
                Some(WalFile::Whole(segment)) => self.needs(segment),
                Some(WalFile::History(_)) => true,
                _ => false,
            }
    }

    fn rule(&self, name: &str) -> Rule {
        if self.reads(name) || name == RepositoryIdentity::NAME {
            return Rule::Stays;
        }
        let (folder, _) = name.split_once('/').unwrap_or((name, ""));
        match folder {
            RECORDS => Rule::Stays,
            BackupManifest::FOLDER | RestorePoint::FOLDER | "wal" | "verified" => Rule::MayGo,
            _ if is_segment(name) => Rule::MayGo,
            _ => Rule::Engines,
        }
    }
}

/// Whether an engine's file is called as a segment is.
fn is_segment(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    let digits = file.get(..DIGITS);
    digits.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// What became of the files.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    as_before: usize,
    changed: Vec<String>,
    gone: Vec<String>,
    /// Files that their owner removed, and new ones.
    removed: usize,
    new: usize,
}

impl Stock {
    /// Lists them.
    ///
    /// # Errors
    /// The repository is out of reach.
    pub(super) async fn of(repository: &Repository) -> Result<Self> {
        let files = repository.list_tagged().await?.into_iter();
        Ok(Self {
            files: files
                .map(|(name, bytes, tag)| (name, Mark { bytes, tag }))
                .collect(),
            digests: BTreeMap::new(),
        })
    }

    /// Hashes what the restore reads.
    ///
    /// # Errors
    /// The repository is out of reach.
    pub(super) async fn digest(&mut self, repository: &Repository, used: &Used) -> Result<()> {
        let names = self.files.keys().filter(|name| used.reads(name));
        self.digests = digests(repository, names.cloned().collect()).await?;
        Ok(())
    }

    /// Hashes what was hashed of an `earlier` stock.
    ///
    /// # Errors
    /// The repository is out of reach.
    pub(super) async fn digest_as(
        &mut self,
        repository: &Repository,
        earlier: &Self,
    ) -> Result<()> {
        let there = |name: &&String| self.files.contains_key(*name);
        let names = earlier.digests.keys().filter(there).cloned().collect();
        self.digests = digests(repository, names).await?;
        Ok(())
    }

    /// What is no more as it was here.
    pub(super) fn changes(&self, later: &Self, used: &Used) -> Changes {
        let known = |name: &&String| self.files.contains_key(*name);
        let mut changes = Changes {
            new: later.files.keys().filter(|name| !known(name)).count(),
            ..Changes::default()
        };
        for (name, mark) in &self.files {
            let rule = used.rule(name);
            let same = self.digests.get(name).zip(later.digests.get(name));
            let same = same.is_none_or(|(before, after)| before == after);
            match later.files.get(name) {
                Some(now) if now == mark && same => changes.as_before += 1,
                _ if rule == Rule::Engines => {}
                Some(_) => changes.changed.push(name.clone()),
                None if rule == Rule::MayGo && later.spares(name, used) => changes.removed += 1,
                None => changes.gone.push(name.clone()),
            }
        }
        changes
    }

    /// Whether a file is not needed when it is gone. The pieces of a segment go when it is whole.
    fn spares(&self, gone: &str, used: &Used) -> bool {
        match used.wal(gone) {
            Some(WalFile::Piece(segment, _)) if used.needs(segment) => {
                let whole = wal_name(segment, used.segment_bytes);
                self.files.contains_key(&whole)
            }
            _ => true,
        }
    }
}

async fn digests(repository: &Repository, names: Vec<String>) -> Result<BTreeMap<String, String>> {
    let hashed = names.into_iter().map(|name| async move {
        match repository.digest_as_is(&name).await {
            Ok((_, sha256)) => Ok(Some((name, sha256))),
            // It went since it was listed, which the next listing tells.
            Err(_) if !repository.exists(&name).await? => Ok(None),
            Err(error) => Err(error),
        }
    });
    let hashed = futures_util::stream::iter(hashed).buffer_unordered(READERS);
    hashed
        .try_filter_map(async |one| Ok(one))
        .try_collect()
        .await
}

impl Changes {
    /// The check of a drill; `alone` when nobody else may have been at the repository.
    pub(super) fn check(&self, alone: bool) -> DrillCheck {
        let others = self.removed + self.new;
        let good = self.changed.is_empty() && self.gone.is_empty() && (others == 0 || !alone);
        let mut words = vec![format!("{} files as before", self.as_before)];
        for (count, what) in [
            (self.new, "that others wrote"),
            (self.removed, "that others removed"),
        ] {
            if count > 0 {
                words.push(format!("{count} {what}"));
            }
        }
        for (names, what) in [(&self.changed, "changed"), (&self.gone, "gone")] {
            if !names.is_empty() {
                let first: Vec<&str> = names.iter().take(NAMED).map(String::as_str).collect();
                let (count, first) = (names.len(), first.join(", "));
                words.push(format!("{count} {what}: {first}"));
            }
        }
        DrillCheck {
            name: "repository unchanged".to_owned(),
            passed: Some(good),
            found: words.join(", "),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::manifest_tests::sample;
    use crate::storage::{Location, SealKey};

    const ID: &str = "20261126T021500Z-0f3a9c";
    const OLDER: &str = "backups/20261120T021500Z-000000/data/000000";

    /// The segment so many after the first that the backup needs.
    fn segment(backup: &BackupManifest, after: u64) -> String {
        let first = backup.first_segment();
        let number = first.number + after;
        wal_name(Segment { number, ..first }, backup.wal_segment_bytes)
    }

    fn used(backup: &BackupManifest) -> Used {
        Used::new(std::slice::from_ref(backup), backup)
    }

    fn stock(names: &[&str]) -> Stock {
        let mark = Mark {
            bytes: 7,
            tag: Some("a".to_owned()),
        };
        let files = names.iter().map(|name| ((*name).to_owned(), mark.clone()));
        Stock {
            files: files.collect(),
            digests: BTreeMap::new(),
        }
    }

    #[test]
    fn what_others_do_to_a_repository_in_use_is_not_the_drills() {
        let backup = sample(ID, 2);
        let (manifest, wal) = (BackupManifest::name(ID), segment(&backup, 3));
        let piece = format!("{wal}.partial/00000000-8192");
        let before = stock(&[
            &manifest,
            &piece,
            OLDER,
            "verified/x.tg",
            "repository.tg",
            "drills/00000001.tg",
        ]);
        let after = stock(&[
            &manifest,
            &wal,
            "repository.tg",
            "drills/00000001.tg",
            "drills/00000002.tg",
        ]);
        let changes = before.changes(&after, &used(&backup));
        assert_eq!((changes.as_before, changes.removed, changes.new), (3, 3, 2));
        let check = changes.check(false);
        assert_eq!(check.passed, Some(true), "{}", check.found);
        assert_eq!(
            changes.check(true).passed,
            Some(false),
            "nobody else was there"
        );
    }

    #[test]
    fn what_was_there_must_be_there_as_it_was() {
        let backup = sample(ID, 2);
        let (manifest, wal) = (BackupManifest::name(ID), segment(&backup, 3));
        let part = BackupManifest::part_name(ID, "base", 0);
        let piece = format!("{}.partial/00000000-8192", segment(&backup, 4));
        let names = [
            manifest.as_str(),
            &part,
            &wal,
            &piece,
            OLDER,
            "drills/00000001.tg",
            "wal/history/00000002",
        ];
        let before = stock(&names);
        for name in names.iter().filter(|name| **name != OLDER) {
            let mut after = before.clone();
            after.files.remove(*name);
            let changes = before.changes(&after, &used(&backup));
            assert_eq!(changes.gone, [*name], "{changes:?}");
            assert_eq!(changes.check(false).passed, Some(false));
        }
        for name in names {
            let mut after = before.clone();
            after.files.get_mut(name).unwrap().tag = Some("b".to_owned());
            let changes = before.changes(&after, &used(&backup));
            assert_eq!(changes.changed, [name], "{changes:?}");
            assert_eq!(changes.check(false).passed, Some(false));
        }
        let (mut early, mut late) = (before.clone(), before);
        early.digests.insert(part.clone(), "1".to_owned());
        late.digests.insert(part.clone(), "2".to_owned());
        assert_eq!(early.changes(&late, &used(&backup)).changed, [part]);
    }

    #[tokio::test]
    async fn a_byte_that_is_another_is_seen_even_when_time_and_size_are_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let key = SealKey::parse(&"8f1d3a5c7b9e0214".repeat(4).into()).unwrap();
        let location = Location::Folder(dir.path().to_owned());
        let repository = Repository::open(&location, Vec::new(), key).unwrap();
        let backup = sample(ID, 2);
        let wal = segment(&backup, 0);
        repository.put(&wal, &b"some WAL"[..]).await.unwrap();
        let used = used(&backup);
        let mut before = Stock::of(&repository).await.unwrap();
        before.digest(&repository, &used).await.unwrap();
        let path = dir.path().join(&wal);
        let at = path.metadata().unwrap().modified().unwrap();
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        file.set_modified(at).unwrap();
        let mut after = Stock::of(&repository).await.unwrap();
        assert_eq!(before.files, after.files, "a listing tells nothing");
        after.digest_as(&repository, &before).await.unwrap();
        assert_eq!(before.changes(&after, &used).changed, [wal]);
    }
}
