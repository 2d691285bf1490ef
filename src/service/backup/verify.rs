//! Opens the parts of backups and compares them with what the manifests say.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use serde::Serialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::logical::{self, LogicalShelf};
use super::shelf::Shelf;
use crate::clock::Clock;
use crate::engines;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    BackupManifest, Coverage, LogicalManifest, Part, RepositoryIdentity, Sight, Turn, coverage,
    next_turn,
};
use crate::storage::Repository;

/// Where the records of turns lie.
const TURNS: &str = "verified";
/// Parts that are opened at once; the sealed file of each is in memory.
const READERS: usize = 2;

/// A share in percent, written `5%`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share(pub u8);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = text.strip_suffix('%').and_then(|text| text.parse().ok());
        let number = number.filter(|number| (1..=100).contains(number));
        number
            .map(Self)
            .ok_or_else(|| format!("\"{text}\" is not a share from 1% to 100%"))
    }
}

/// What to verify.
#[derive(Debug)]
pub struct Verify<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// This backup alone.
    pub backup: Option<String>,
    /// Open this share of the parts, in turns; all of them when there is none.
    pub share: Option<Share>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Stops it.
    pub cancel: CancellationToken,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verified {
    /// Backups looked at.
    pub backups: Vec<String>,
    /// Parts that must be there; all were looked for.
    pub parts: u64,
    /// Parts that were opened and compared.
    pub opened: u64,
    /// Bytes of their text.
    pub bytes: u64,
    /// Tables of contents of logical backups that `pg_restore` has read; none in turns.
    pub contents: u64,
    /// How long it took.
    pub seconds: f64,
    /// What is wrong; empty when all is well.
    pub findings: Vec<Finding>,
    /// How far all turns so far prove the repository; none when not in turns.
    pub coverage: Option<Coverage>,
}

/// A part that is looked at.
struct Looked {
    file: String,
    part: Part,
    /// Whether its digest is that of its text; else of the file as it lies there.
    sealed: bool,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Finding {
    /// The file in the repository.
    pub file: String,
    /// What is wrong with it.
    pub problem: String,
}

impl Verify<'_> {
    /// Verifies. That a part is there is checked for all parts each time, whatever the share.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`] when there is nothing to verify, [`Kind::SealKey`] for another key,
    /// [`Kind::Storage`], [`Kind::Cancelled`]. Damage is no error but a finding.
    pub async fn run(&self) -> Result<Verified> {
        let began = self.clock.monotonic();
        // A backup that is completed while parts are opened was not seen.
        let at = self.clock.now();
        let shelf = Shelf::read(self.repository).await?;
        let beside = LogicalShelf::read(self.repository).await?;
        let (beside_wanted, found) = self.beside(&beside);
        let one_beside = !(beside_wanted.is_empty() && found.is_empty());
        let (backups, mut findings) = self.chosen(&shelf, one_beside)?;
        findings.extend(found);
        if !backups.is_empty() {
            findings.extend(nameless(self.repository).await?);
        }
        let (mut parts, names) = everything(&backups, &beside_wanted);
        let there = |name: &str| shelf.files.contains_key(name) || beside.files.contains_key(name);
        let missing = parts.keys().filter(|name| !there(name));
        findings.extend(missing.map(|name| Finding {
            file: name.clone(),
            problem: "is not there".to_owned(),
        }));
        let (turns, unread) = match self.share {
            Some(_) => turns(self.repository).await?,
            None => Default::default(),
        };
        findings.extend(unread);
        let turns: Vec<Turn> = turns.into_iter().map(|(_, turn)| turn).collect();
        let after = turns.last().map(|turn| turn.upto.clone());
        let percent = self.share.map_or(100, |share| share.0);
        let turn = next_turn(&names, after.as_deref(), percent);
        let open: Vec<Looked> = turn
            .iter()
            .filter(|sight| there(&sight.name))
            .filter_map(|sight| parts.remove(&sight.name))
            .collect();
        let opened = open.len() as u64;
        let bytes = open.iter().map(|looked| looked.part.bytes).sum();
        findings.extend(self.open(open).await?);
        let mut contents = 0;
        if self.share.is_none() {
            findings.extend(self.engines(&backups).await?);
            contents = self.contents(&beside_wanted, &mut findings).await?;
        }
        findings.sort_unstable();
        let coverage = match turn.last().filter(|_| self.share.is_some()) {
            Some(last) => {
                let record = Turn {
                    at,
                    after,
                    upto: last.name.clone(),
                    parts: turn.len() as u64,
                    damaged: findings.iter().map(|one| one.file.clone()).collect(),
                };
                Some(self.record(record, turns, &names).await?)
            }
            None => None,
        };
        let ids = backups.iter().map(|backup| &backup.id);
        let ids = ids.chain(beside_wanted.iter().map(|backup| &backup.id));
        Ok(Verified {
            backups: ids.cloned().collect(),
            contents,
            parts: names.len() as u64,
            opened,
            bytes,
            seconds: (self.clock.monotonic() - began).as_secs_f64(),
            findings,
            coverage,
        })
    }

    /// The logical backups that are wanted, and what is wrong with the manifests of others that are.
    fn beside<'b>(&self, shelf: &'b LogicalShelf) -> (Vec<&'b LogicalManifest>, Vec<Finding>) {
        let wanted = |id: &str| self.backup.as_deref().is_none_or(|backup| backup == id);
        let damaged = shelf.damaged.iter().filter(|one| wanted(&one.id));
        let findings = damaged.map(|damaged| Finding {
            file: LogicalManifest::name(&damaged.id),
            problem: damaged.problem.clone(),
        });
        let backups = shelf.backups.iter().filter(|backup| wanted(&backup.id));
        (backups.collect(), findings.collect())
    }

    /// Has `pg_restore` read the tables of contents of logical backups; how many. A backup with damaged
    /// parts is not asked.
    async fn contents(
        &self,
        backups: &[&LogicalManifest],
        findings: &mut Vec<Finding>,
    ) -> Result<u64> {
        let mut count = 0;
        for backup in backups {
            let folder = format!("{}/", LogicalManifest::folder(&backup.id));
            if findings.iter().any(|one| one.file.starts_with(&folder)) {
                continue;
            }
            let (read, found) = tokio::select! {
                read = logical::unreadable(self.repository, backup) => read?,
                () = self.cancel.cancelled() => {
                    return Err(Error::new(Kind::Cancelled, "the verification was stopped"));
                }
            };
            count += read;
            findings.extend(found);
        }
        Ok(count)
    }

    /// The backups that are wanted, with those that they are increments of, and what is wrong with
    /// the manifests of others that are. That there is none is no error when there is a logical one.
    fn chosen<'b>(
        &self,
        shelf: &'b Shelf,
        one_beside: bool,
    ) -> Result<(Vec<&'b BackupManifest>, Vec<Finding>)> {
        let wanted = |id: &str| self.backup.as_deref().is_none_or(|backup| backup == id);
        let damaged = shelf.damaged.iter().filter(|one| wanted(&one.id));
        let mut findings: Vec<Finding> = damaged
            .map(|damaged| Finding {
                file: BackupManifest::name(&damaged.id),
                problem: damaged.problem.clone(),
            })
            .collect();
        let mut needed = BTreeSet::new();
        for backup in shelf.backups.iter().filter(|backup| wanted(&backup.id)) {
            match shelf.lineage(backup) {
                Ok(lineage) => needed.extend(lineage.iter().map(|one| one.id.as_str())),
                Err(error) => {
                    needed.insert(backup.id.as_str());
                    findings.push(Finding {
                        file: BackupManifest::name(&backup.id),
                        problem: error.to_string(),
                    });
                }
            }
        }
        let backups = shelf.backups.iter();
        let backups: Vec<&BackupManifest> = backups
            .filter(|backup| needed.contains(backup.id.as_str()))
            .collect();
        if one_beside || !(backups.is_empty() && findings.is_empty()) {
            return Ok((backups, findings));
        }
        if let Some(id) = &self.backup {
            shelf.backup(id)?;
        }
        Err(Error::new(
            Kind::BackupMissing,
            format!("{} holds no backup", self.repository.location()),
        ))
    }

    /// What engines that keep their own files say against those of `backups`. A backup that its
    /// engine does not know cannot be restored, whatever lies there.
    async fn engines(&self, backups: &[&BackupManifest]) -> Result<Vec<Finding>> {
        let kept = backups.iter().filter_map(|backup| {
            let kept = backup.kept.as_ref()?;
            Some((backup.engine.as_str(), (kept.label.as_str(), *backup)))
        });
        let mut by_engine: BTreeMap<&str, BTreeMap<&str, &BackupManifest>> = BTreeMap::new();
        for (engine, (label, backup)) in kept {
            by_engine.entry(engine).or_default().insert(label, backup);
        }
        let mut findings = Vec::new();
        for (engine, backups) in by_engine {
            let Some(keeper) = engines::keeper(self.repository, engine)? else {
                continue;
            };
            let known = keeper.labels().await?;
            for (label, backup) in &backups {
                if !known.iter().any(|one| one.label == *label) {
                    findings.push(Finding {
                        file: BackupManifest::name(&backup.id),
                        problem: format!("{engine} does not know the backup {label}"),
                    });
                }
            }
            for doubt in keeper.doubts().await? {
                let file = match doubt.label.as_deref() {
                    None => "wal".to_owned(),
                    Some(label) => match backups.get(label) {
                        Some(backup) => BackupManifest::name(&backup.id),
                        None => continue,
                    },
                };
                findings.push(Finding {
                    file,
                    problem: doubt.problem,
                });
            }
        }
        Ok(findings)
    }

    /// Opens parts, some at once; what is wrong with them.
    async fn open(&self, parts: Vec<Looked>) -> Result<Vec<Finding>> {
        let mut findings = Vec::new();
        let mut under_way: JoinSet<Result<Option<Finding>>> = JoinSet::new();
        for looked in parts {
            if self.cancel.is_cancelled() {
                return Err(Error::new(Kind::Cancelled, "the verification was stopped"));
            }
            if under_way.len() >= READERS
                && let Some(done) = under_way.join_next().await
            {
                findings.extend(joined(done)?);
            }
            let repository = self.repository.clone();
            under_way.spawn(async move { examine(&repository, looked).await });
        }
        while let Some(done) = under_way.join_next().await {
            findings.extend(joined(done)?);
        }
        Ok(findings)
    }

    async fn record(&self, turn: Turn, mut turns: Vec<Turn>, names: &[Sight]) -> Result<Coverage> {
        let text = serde_json::to_vec(&turn)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        let name = format!("{TURNS}/{}.tg", turn.at.format("%Y%m%dT%H%M%S%.6fZ"));
        self.repository.put(&name, text).await?;
        turns.push(turn);
        Ok(coverage(names, &turns))
    }
}

/// What is wrong with the file that says which cluster a repository is of. Restores do without it; the
/// next backup writes it when it is not there.
async fn nameless(repository: &Repository) -> Result<Option<Finding>> {
    let problem = match engines::identity(repository).await {
        Ok(Some(_)) => return Ok(None),
        Ok(None) => "is not there; the next backup writes it".to_owned(),
        Err(error) if error.kind() == Kind::SealBroken => {
            format!("{error}; remove it, and the next backup writes it")
        }
        Err(error) => return Err(error),
    };
    let file = RepositoryIdentity::NAME.to_owned();
    Ok(Some(Finding { file, problem }))
}

/// Every part by its name, and the same as sights, sorted.
fn everything(
    backups: &[&BackupManifest],
    beside: &[&LogicalManifest],
) -> (BTreeMap<String, Looked>, Vec<Sight>) {
    let looked = |(file, part): (String, &Part), sealed: bool| {
        let look = Looked {
            file: file.clone(),
            part: part.clone(),
            sealed,
        };
        (file, look)
    };
    let mut parts = BTreeMap::new();
    for backup in backups {
        let sealed = backup.kept.is_none();
        parts.extend(backup.parts().map(|part| looked(part, sealed)));
    }
    for backup in beside {
        parts.extend(backup.parts().map(|part| looked(part, true)));
    }
    let mut names = sights(backups);
    names.extend(logical_sights(beside.iter().copied()));
    names.sort_by(|a, b| a.name.cmp(&b.name));
    (parts, names)
}

/// The parts of logical backups.
pub(super) fn logical_sights<'b>(backups: impl Iterator<Item = &'b LogicalManifest>) -> Vec<Sight> {
    let parts = backups.flat_map(|backup| {
        backup.parts().map(|(name, _)| Sight {
            name,
            since: backup.ended_at,
        })
    });
    parts.collect()
}

/// The parts of backups, sorted by name.
pub(super) fn sights(backups: &[&BackupManifest]) -> Vec<Sight> {
    let parts = backups.iter().flat_map(|backup| {
        backup.parts().map(|(name, _)| Sight {
            name,
            since: backup.ended_at,
        })
    });
    let mut sights: Vec<Sight> = parts.collect();
    sights.sort_by(|a, b| a.name.cmp(&b.name));
    sights
}

/// What is wrong with one part; none when it is what was written.
async fn examine(repository: &Repository, looked: Looked) -> Result<Option<Finding>> {
    let Looked { file, part, sealed } = looked;
    let digest = if sealed {
        repository.digest(&file).await
    } else {
        repository.digest_as_is(&file).await
    };
    let problem = match digest {
        Ok(found) if found == (part.bytes, part.sha256) => return Ok(None),
        Ok(_) => "holds something else than was written".to_owned(),
        Err(error) if matches!(error.kind(), Kind::SealBroken | Kind::SealKey) => {
            // The finding names the file already.
            let text = error.to_string();
            let rest = text.strip_prefix(&file).unwrap_or(&text);
            rest.trim_start_matches(": ").trim_start().to_owned()
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Finding { file, problem }))
}

fn joined(
    done: Result<Result<Option<Finding>>, tokio::task::JoinError>,
) -> Result<Option<Finding>> {
    done.map_err(|error| Error::new(Kind::Internal, error.to_string()))?
}

/// The records of all turns with their files, oldest first, and those that do not open: they prove
/// nothing.
pub(super) async fn turns(repository: &Repository) -> Result<(Vec<(String, Turn)>, Vec<Finding>)> {
    let (mut turns, mut unread) = (Vec::new(), Vec::new());
    for (name, _) in repository.list(TURNS).await? {
        let turn = async {
            let text = repository.get(&name).await?;
            serde_json::from_slice::<Turn>(&text)
                .map_err(|error| Error::new(Kind::SealBroken, error.to_string()))
        };
        match turn.await {
            Ok(turn) => turns.push((name, turn)),
            Err(error) if matches!(error.kind(), Kind::SealBroken | Kind::SealKey) => {
                let problem = format!("this record of a verification proves nothing: {error}");
                unread.push(Finding {
                    file: name,
                    problem,
                });
            }
            Err(error) => return Err(error),
        }
    }
    turns.sort_by_key(|(_, turn)| turn.at);
    Ok((turns, unread))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, Ordering};

    use chrono::{DateTime, TimeDelta, Utc};
    use secrecy::SecretString;

    use super::*;
    use crate::recovery::manifest_tests::sample;
    use crate::storage::{Location, SealKey};

    /// An hour goes by between two looks at it.
    #[derive(Debug, Default)]
    struct Hours(AtomicI64);

    fn begun() -> DateTime<Utc> {
        DateTime::from_timestamp(1_790_000_000, 0).unwrap()
    }

    impl Clock for Hours {
        fn now(&self) -> DateTime<Utc> {
            begun() + TimeDelta::hours(self.0.fetch_add(1, Ordering::Relaxed))
        }

        fn monotonic(&self) -> std::time::Duration {
            std::time::Duration::ZERO
        }
    }

    #[tokio::test]
    async fn a_turn_proves_what_was_complete_when_it_began() {
        let dir = tempfile::tempdir().unwrap();
        let key = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        let key = SealKey::parse(&SecretString::from(key)).unwrap();
        let place = Location::Folder(dir.path().to_owned());
        let repository = Repository::open(&place, Vec::new(), key).unwrap();
        let backup = sample("20260101T020000Z-000001", 1);
        for (name, text) in [
            (BackupManifest::part_name(&backup.id, "base", 0), vec![7]),
            (BackupManifest::name(&backup.id), backup.to_bytes().unwrap()),
        ] {
            repository.put(&name, text).await.unwrap();
        }
        let verify = Verify {
            repository: &repository,
            backup: None,
            share: Some(Share(100)),
            clock: Arc::new(Hours::default()),
            cancel: CancellationToken::new(),
        };
        verify.run().await.unwrap();
        let (turns, _) = turns(&repository).await.unwrap();
        assert_eq!(turns[0].1.at, begun());
    }

    #[test]
    fn shares_are_percentages() {
        assert_eq!("5%".parse(), Ok(Share(5)));
        for wrong in ["", "5", "0%", "101%", "-1%", "5.5%"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
