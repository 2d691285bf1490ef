//! Negative controls: each damages a copy of the repository, tries to restore from it, and expects
//! to be told by the message that belongs to the damage. A restore that goes through, or that
//! fails for another reason, makes the drill fail.

use std::path::{Path, PathBuf};

use super::damage::{flip, link_tree, remove, segment_name, segments, truncate};
use super::engine::{Engine, random_key};
use super::failure::words;
use super::small_disk::SmallDisk;
use super::stock::{Stock, Used};
use super::true_archive;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, ControlResult, Damage, DrillCheck, Lsn, Oracle, RecoveryTarget,
    SMALLEST_SEGMENT, WalFile, history_name,
};
use crate::service::backup::ancestry;
use crate::storage::{Location, Repository};

/// A major version that no machine has programs of.
const STRANGE_MAJOR: u32 = 99;

/// What the controls work on.
pub(super) struct Exhibit<'a> {
    engine: &'a Engine<'a>,
    backup: &'a BackupManifest,
    /// What the primary held, and what was restored; none in a passive drill.
    oracle: Option<(Oracle, Oracle)>,
    /// What the repository held before anything was restored.
    before: Stock,
    used: Used,
}

/// What became of a control.
enum Tried {
    /// It ended with an error, which is one of these when it is the right one.
    Error(Error, Belongs),
    /// It went through, which no control may.
    Through(String),
    /// It was found without an error, in these words.
    Found(String),
    /// There is no way to try it here.
    Impossible(String),
}

/// Tries one kind of damage.
///
/// # Errors
/// The control itself could not be set up.
async fn attempt(damage: Damage, exhibit: &Exhibit<'_>) -> Result<ControlResult> {
    let place = exhibit.engine.folder.join("control");
    let tried = exhibit.try_out(damage, &place).await;
    // Nothing of it is needed, and it must not make the disk full.
    let _ = std::fs::remove_dir_all(&place);
    let (red, message) = match tried? {
        Tried::Error(error, right) => (Some(belongs(&error, &right)), words(&error)),
        Tried::Through(reached) => (Some(false), format!("the restore went through: {reached}")),
        Tried::Found(text) => (Some(true), text),
        Tried::Impossible(why) => (None, why),
    };
    Ok(ControlResult {
        name: damage,
        red,
        message,
    })
}

/// Errors that belong to a damage: their kind, and what they name. Another error that has such words
/// in it is another error.
type Belongs = Vec<(Kind, String)>;

fn belongs(error: &Error, belongs: &Belongs) -> bool {
    let text = words(error);
    let fits = |(kind, place): &(Kind, String)| error.kind() == *kind && text.contains(place);
    belongs.iter().any(fits)
}

impl<'a> Exhibit<'a> {
    /// Notes what is in the repository.
    ///
    /// # Errors
    /// The repository is out of reach.
    pub(super) async fn new(engine: &'a Engine<'a>, backup: &'a BackupManifest) -> Result<Self> {
        // What is wrong with the lineage, the restore will tell.
        let lineage = ancestry(&engine.repository, backup).await;
        let lineage = lineage.unwrap_or_else(|_| vec![backup.clone()]);
        Ok(Self {
            before: Stock::of(&engine.repository).await?,
            used: Used::new(&lineage, backup),
            engine,
            backup,
            oracle: None,
        })
    }

    /// What was compared, once it is known.
    pub(super) fn compared(&mut self, held: Oracle, restored: Oracle) {
        self.oracle = Some((held, restored));
    }

    /// Tries these kinds of damage. What the restore has read is hashed before: a copy consists of
    /// links, and what is done to it must not reach through them. A bucket is not copied; its tags
    /// tell as much as digests.
    ///
    /// # Errors
    /// A control could not be set up; the repository is out of reach.
    pub(super) async fn try_all(&mut self, chosen: &[Damage]) -> Result<Vec<ControlResult>> {
        let repository = &self.engine.repository;
        if !chosen.is_empty() && matches!(repository.location(), Location::Folder(_)) {
            self.before.digest(repository, &self.used).await?;
        }
        let mut results = Vec::new();
        for damage in chosen {
            self.engine.say(&format!("control: {}", damage.name()));
            results.push(attempt(*damage, &*self).await?);
        }
        Ok(results)
    }

    /// Whether the repository still is as it was.
    ///
    /// # Errors
    /// It is out of reach.
    pub(super) async fn unchanged(&self) -> Result<DrillCheck> {
        let repository = &self.engine.repository;
        let mut after = Stock::of(repository).await?;
        after.digest_as(repository, &self.before).await?;
        let changes = self.before.changes(&after, &self.used);
        Ok(changes.check(self.engine.drill.sandbox.is_some()))
    }

    async fn try_out(&self, damage: Damage, place: &Path) -> Result<Tried> {
        match damage {
            Damage::TamperedOracle => Ok(self.tampered_oracle()),
            Damage::TrueArchive => match true_archive::attempt(self.engine, place).await? {
                Ok(reached) => Ok(Tried::Through(reached)),
                Err(error) => Ok(Tried::Error(
                    error,
                    vec![
                        (Kind::WalMissing, String::new()),
                        (Kind::RestoreFailed, "recovery target".to_owned()),
                        // An engine that waits for the WAL of its backup.
                        (Kind::BackupTool, "WAL".to_owned()),
                    ],
                )),
            },
            Damage::NoSpace => self.no_space(place).await,
            Damage::WrongKey => self.wrong_key(place).await,
            _ => self.damaged(damage, place).await,
        }
    }

    /// One thing of each kind is said to be another: a row, a large object, a prepared transaction.
    fn tampered_oracle(&self) -> Tried {
        let Some((held, restored)) = &self.oracle else {
            return Tried::Impossible("a passive drill has no oracle".to_owned());
        };
        let known = held.differences(restored);
        let mut seen = Vec::new();
        for (kind, tampered) in held.tampered() {
            let mut found = tampered.differences(restored);
            found.retain(|difference| !known.contains(difference));
            if found.is_empty() {
                return Tried::Through(format!(
                    "the comparison does not see {kind} that is another"
                ));
            }
            seen.append(&mut found);
        }
        if seen.is_empty() {
            return Tried::Through("the oracle holds nothing to compare".to_owned());
        }
        Tried::Found(seen.join("; "))
    }

    async fn no_space(&self, place: &Path) -> Result<Tried> {
        let Some(disk) = SmallDisk::make(place, self.backup.bytes).await? else {
            return Ok(Tried::Impossible(
                "there is no file system that is too small, and only root can make one".to_owned(),
            ));
        };
        let into = disk.path().join("into");
        let repository = &self.engine.repository;
        let ended = self.attempt(repository, &into).await;
        Ok(tried(ended, vec![(Kind::DiskFull, String::new())]))
    }

    async fn wrong_key(&self, place: &Path) -> Result<Tried> {
        let stranger = self.engine.repository.with_key(random_key()?)?;
        let into = place.join("into");
        let ended = self.attempt(&stranger, &into).await;
        Ok(tried(ended, vec![(Kind::SealKey, String::new())]))
    }

    /// Restores all that there is from the very base backup.
    async fn attempt(&self, repository: &Repository, into: &Path) -> Result<String> {
        let from = (repository, Some(self.backup.id.as_str()));
        self.engine
            .attempt(from, RecoveryTarget::Latest, into)
            .await
    }

    /// Damage to files, in a copy of the folder.
    async fn damaged(&self, damage: Damage, place: &Path) -> Result<Tried> {
        let Location::Folder(original) = self.engine.repository.location() else {
            return Ok(Tried::Impossible(
                "only a repository in a folder is copied".to_owned(),
            ));
        };
        let copy = place.join("repository");
        if let Err(error) = link_tree(original, &copy) {
            return Ok(Tried::Impossible(format!("no copy can be made: {error}")));
        }
        let right = match damage {
            Damage::MissingSegment | Damage::TruncatedSegment | Damage::FlippedByteInWal => {
                let Some(segment) = self.segment(damage, &copy) else {
                    return Ok(Tried::Impossible(
                        "there is no whole segment after the base backup".to_owned(),
                    ));
                };
                match damage {
                    Damage::MissingSegment => remove(&segment)?,
                    Damage::TruncatedSegment => truncate(&segment)?,
                    _ => flip(&segment)?,
                }
                let name = segment_name(&segment);
                match damage {
                    Damage::MissingSegment => vec![(Kind::WalMissing, name)],
                    // An engine's own program may be what finds it.
                    _ => [Kind::SealBroken, Kind::WalMissing, Kind::BackupTool]
                        .map(|kind| (kind, name.clone()))
                        .into(),
                }
            }
            Damage::FlippedByteInData => {
                let Some(part) = self.large_part() else {
                    return Ok(Tried::Impossible("the backup has no parts".to_owned()));
                };
                flip(&copy.join(&part))?;
                vec![(Kind::SealBroken, part)]
            }
            Damage::MissingManifest => {
                // An increment is of no use without its parent, either.
                let needed = self.backup.parent.as_ref().unwrap_or(&self.backup.id);
                remove(&copy.join(BackupManifest::name(needed)))?;
                vec![(Kind::BackupMissing, needed.clone())]
            }
            Damage::WrongMajor => {
                self.strange_major(&copy).await?;
                vec![(Kind::PostgresMissing, STRANGE_MAJOR.to_string())]
            }
            _ => {
                let newer = self.fork(&copy).await?;
                vec![(Kind::RestoreFailed, format!("timeline {newer} "))]
            }
        };
        let damaged = self.engine.repository.at(&Location::Folder(copy))?;
        let into = place.join("into");
        let ended = self.attempt(&damaged, &into).await;
        Ok(tried(ended, right))
    }

    /// A part in the middle of those that are not small: of an empty file nothing is restored but its
    /// name, whatever its seal holds.
    fn large_part(&self) -> Option<String> {
        let (count, bytes) = self
            .backup
            .parts()
            .fold((0, 0), |(count, bytes), (_, part)| {
                (count + 1, bytes + part.bytes)
            });
        let mean = bytes / u64::max(count, 1);
        let large = self.backup.parts().filter(|(_, part)| part.bytes >= mean);
        let mut large: Vec<String> = large.map(|(name, _)| name).collect();
        let middle = large.len() / 2;
        (!large.is_empty()).then(|| large.swap_remove(middle))
    }

    /// A segment among those that the recovery needs, not the same for each damage.
    fn segment(&self, damage: Damage, repository: &Path) -> Option<PathBuf> {
        let bytes = self.backup.wal_segment_bytes;
        // What the backup brings along is not missed in the archive.
        let brought = self.backup.brought();
        let first = brought.map_or_else(|| self.backup.first_segment(), |brought| brought.next());
        let first = first.name(bytes);
        let mut needed = segments(repository);
        needed.retain(|file| file.file_name().is_some_and(|name| name >= first.as_str()));
        // The last one has nothing after it: without it the log merely ends sooner.
        needed.pop();
        let quarter = match damage {
            Damage::MissingSegment => 2,
            Damage::TruncatedSegment => 3,
            _ => 1,
        };
        let place = needed.len() * quarter / 4;
        needed.into_iter().nth(place)
    }

    /// The manifest says that its server was of another major version.
    async fn strange_major(&self, copy: &Path) -> Result<()> {
        let mut manifest = self.backup.clone();
        manifest.postgres = STRANGE_MAJOR * 10_000;
        let name = BackupManifest::name(&manifest.id);
        remove(&copy.join(&name))?;
        self.put(copy, &name, manifest.to_bytes()?).await
    }

    /// A newer timeline branched off before the base backup began; gives it.
    async fn fork(&self, copy: &Path) -> Result<u32> {
        let location = Location::Folder(copy.to_owned());
        let repository = self.engine.repository.at(&location)?;
        let files = repository.list("wal/history").await?;
        let own = self.backup.timeline;
        let newer = unused_timeline(own, files.iter().map(|(name, _)| name.as_str()));
        let place = Lsn(self.backup.start.0 / 2);
        let text = format!("{own}\t{place}\tno recovery target specified\n");
        self.put(copy, &history_name(newer), text.into_bytes())
            .await?;
        Ok(newer)
    }

    /// Writes a sealed file into the copy.
    async fn put(&self, copy: &Path, name: &str, text: Vec<u8>) -> Result<()> {
        let location = Location::Folder(copy.to_owned());
        let repository = self.engine.repository.at(&location)?;
        repository.put(name, text).await?;
        Ok(())
    }
}

/// A timeline newer than `own` and than those whose histories are there under these names.
fn unused_timeline<'a>(own: u32, histories: impl Iterator<Item = &'a str>) -> u32 {
    let known = histories.filter_map(|name| match WalFile::parse(name, SMALLEST_SEGMENT) {
        Some(WalFile::History(timeline)) => Some(timeline),
        _ => None,
    });
    known.fold(own, u32::max) + 1
}

fn tried(ended: Result<String>, right: Belongs) -> Tried {
    match ended {
        Ok(reached) => Tried::Through(reached),
        Err(error) => Tried::Error(error, right),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_belongs_by_its_kind_and_by_what_it_names() {
        let full = vec![(Kind::DiskFull, String::new())];
        let said = |kind, text: &str| Error::new(kind, text);
        assert!(belongs(&said(Kind::DiskFull, "x has 1 MB"), &full));
        let other = said(
            Kind::RestoreFailed,
            "no space: the tablespace 16385 is not there",
        );
        assert!(!belongs(&other, &full), "a word is no proof");
        let segment = vec![(Kind::WalMissing, "000000010000000000000004".to_owned())];
        let text = |digit| format!("the WAL segment 00000001000000000000000{digit} is missing");
        assert!(belongs(&said(Kind::WalMissing, &text(4)), &segment));
        assert!(!belongs(&said(Kind::WalMissing, &text(5)), &segment));
        assert!(!belongs(&said(Kind::Internal, &text(4)), &segment));
        let inner = said(Kind::WalMissing, "recovery").detail(text(4));
        assert!(belongs(&inner, &segment), "a detail names it, too");
    }

    #[test]
    fn a_fork_takes_no_timeline_that_is_there() {
        assert_eq!(unused_timeline(1, [].into_iter()), 2);
        let names = [history_name(2), history_name(0x1f)];
        let names = || names.iter().map(String::as_str);
        assert_eq!(unused_timeline(1, names()), 0x20);
        assert_eq!(unused_timeline(0x30, names()), 0x31);
    }
}
