//! The history of drills in the repository: sealed, signed, chained.

use crate::copy::Signed;
use crate::error::{Error, Kind, Result};
use crate::recovery::{
    DrillRecord, DrillReport, RECORDS, Told, record_name, record_number, unbroken,
};
use crate::storage::Repository;

/// What the key that signs them is derived for.
const PURPOSE: &str = "tidegate-drill-record";
/// Version of the format.
const VERSION: u32 = 1;
/// Drills that may be recorded before this one while it tries to be.
const ATTEMPTS: usize = 100;

/// The records of a repository.
#[derive(Debug, Default)]
pub struct History {
    /// Those that open and are signed as they must be, oldest first.
    pub told: Vec<Told>,
    /// What is wrong with others, and with the chain.
    pub problems: Vec<String>,
    /// The number that no file has yet.
    next: u64,
}

impl History {
    /// Its records, when nothing is wrong with any.
    ///
    /// # Errors
    /// [`Kind::DrillRecord`] with what is.
    pub fn whole(self) -> Result<Vec<Told>> {
        let mut problems = self.problems.into_iter();
        match problems.next() {
            None => Ok(self.told),
            Some(first) => Err(problems.fold(Error::new(Kind::DrillRecord, first), Error::detail)),
        }
    }
}

/// All records, after signatures and chain were checked.
///
/// # Errors
/// [`Kind::DrillRecord`] when one was changed, exchanged or taken out; those of the repository.
pub async fn read(repository: &Repository) -> Result<Vec<Told>> {
    look(repository).await?.whole()
}

/// The same, with what is wrong beside what is sound: a drill does not depend on those before it.
///
/// # Errors
/// The repository is out of reach; [`Kind::SealKey`] when its records have another key, all of them.
pub async fn look(repository: &Repository) -> Result<History> {
    // A record is signed with the key of its day.
    let keys = repository.derive_all(PURPOSE).await?;
    let signers: Vec<String> = keys.iter().map(|key| Signed::signer_of(key)).collect();
    let listed = repository.list(RECORDS).await?.into_iter();
    let mut files: Vec<String> = listed
        .map(|(name, _)| name)
        .filter(|name| name.ends_with(".tg"))
        .collect();
    // None comes first: the records from before there were numbers.
    files.sort_by_cached_key(|name| (record_number(name), name.clone()));
    let last = files.iter().filter_map(|name| record_number(name)).max();
    let mut history = History {
        next: 1 + last.unwrap_or(files.len() as u64),
        ..History::default()
    };
    let mut stranger = None;
    for file in files {
        match one(repository, &file, &signers).await {
            Ok(told) => history.told.push(told),
            Err(error) if is_damage(error.kind()) => {
                let text = error.to_string();
                history.problems.push(match text.starts_with(&file) {
                    true => text,
                    false => format!("{file}: {text}"),
                });
                if error.kind() == Kind::SealKey {
                    stranger.get_or_insert(error);
                }
            }
            Err(error) => return Err(error),
        }
    }
    if let (true, Some(error)) = (history.told.is_empty(), stranger) {
        return Err(error);
    }
    history.problems.extend(unbroken(&history.told).err());
    Ok(history)
}

/// Whether an error is that of one file, not of the repository.
fn is_damage(kind: Kind) -> bool {
    matches!(kind, Kind::DrillRecord | Kind::SealBroken | Kind::SealKey)
}

async fn one(repository: &Repository, file: &str, signers: &[String]) -> Result<Told> {
    let text = repository.get(file).await?;
    let broken = |why: String| Error::new(Kind::DrillRecord, format!("{file}: {why}"));
    let signed: Signed =
        serde_json::from_slice(&text).map_err(|error| broken(error.to_string()))?;
    let record: DrillRecord = signed
        .verify_by(signers)
        .map_err(|error| broken(error.to_string()).because(error))?;
    let own = format!("{RECORDS}/{}.tg", record.report.id);
    if record_number(file).is_none() && own != file {
        return Err(broken(format!("it holds {}", record.report.id)));
    }
    Ok(Told {
        file: file.to_owned(),
        text: signed.manifest,
        record,
    })
}

/// Adds a drill to the history as it is now, which others may have added to since the drill began;
/// gives it.
///
/// # Errors
/// Those of the repository; [`Kind::StorageExists`] when somebody was quicker each time.
pub(super) async fn append(repository: &Repository, report: &DrillReport) -> Result<Vec<Told>> {
    let mut left = ATTEMPTS;
    loop {
        left -= 1;
        let History { mut told, next, .. } = look(repository).await?;
        let record = DrillRecord {
            version: VERSION,
            previous: told.last().map(Told::link),
            report: report.clone(),
        };
        let signed = Signed::sign_with(&record, &*repository.derive(PURPOSE)?)?;
        let text = serde_json::to_vec(&signed)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        let file = record_name(next);
        match repository.put(&file, text).await {
            Err(error) if error.kind() == Kind::StorageExists && left > 0 => {}
            done => {
                done?;
                told.push(Told {
                    file,
                    text: signed.manifest,
                    record,
                });
                return Ok(told);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::drill::tests::passed;
    use crate::storage::{Location, SealKey};

    fn repository(folder: &std::path::Path) -> Repository {
        let key = SealKey::parse(&"8f1d3a5c7b9e0214".repeat(4).into()).unwrap();
        Repository::open(&Location::Folder(folder.to_owned()), Vec::new(), key).unwrap()
    }

    fn drill(number: usize) -> DrillReport {
        DrillReport {
            id: format!("20261122T02{number:02}00Z-3fa9c1"),
            ..passed()
        }
    }

    /// As they were written before there were numbers.
    async fn old(repository: &Repository, number: usize) {
        let record = DrillRecord {
            version: 1,
            previous: read(repository).await.unwrap().last().map(Told::link),
            report: drill(number),
        };
        let seed = repository.derive(PURPOSE).unwrap();
        let signed = Signed::sign_with(&record, &seed).unwrap();
        let text = serde_json::to_vec(&signed).unwrap();
        let file = format!("{RECORDS}/{}.tg", record.report.id);
        repository.put(&file, text).await.unwrap();
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn drills_that_end_together_are_one_chain_and_go_on_from_the_records_of_old() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        old(&repository, 1).await;
        old(&repository, 2).await;
        let mut ending = tokio::task::JoinSet::new();
        for number in 3..9 {
            let repository = repository.clone();
            ending.spawn(async move { append(&repository, &drill(number)).await.map(drop) });
        }
        for ended in ending.join_all().await {
            ended.unwrap();
        }
        let told = read(&repository).await.unwrap();
        let files: Vec<&str> = told.iter().map(|one| one.file.as_str()).collect();
        assert_eq!(
            files[1..4],
            [
                "drills/20261122T020200Z-3fa9c1.tg",
                "drills/00000003.tg",
                "drills/00000004.tg"
            ]
        );
        assert_eq!(files.len(), 8);
    }

    #[tokio::test]
    async fn a_record_from_before_the_key_was_changed_is_good() {
        let dir = tempfile::tempdir().unwrap();
        let before = repository(dir.path());
        append(&before, &drill(1)).await.unwrap();
        let key = |text: &str| SealKey::parse(&text.repeat(4).into()).unwrap();
        let after = before.with_key(key("9f1d3a5c7b9e0214")).unwrap();
        after.rotate(key("8f1d3a5c7b9e0214")).await.unwrap();
        assert_eq!(append(&after, &drill(2)).await.unwrap().len(), 2);
        assert_eq!(read(&after).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_damaged_record_is_told_and_stops_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path());
        for number in 1..=3 {
            append(&repository, &drill(number)).await.unwrap();
        }
        let file = dir.path().join(record_name(2));
        let mut bytes = std::fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&file, bytes).unwrap();
        let history = look(&repository).await.unwrap();
        assert_eq!(history.told.len(), 2);
        assert!(
            history.problems[0].contains("drills/00000002.tg"),
            "{:?}",
            history.problems
        );
        let error = history.whole().unwrap_err();
        assert_eq!(error.kind(), Kind::DrillRecord);
        let other = SealKey::parse(&"9f1d3a5c7b9e0214".repeat(4).into()).unwrap();
        let stranger = look(&repository.with_key(other).unwrap()).await;
        assert_eq!(stranger.unwrap_err().kind(), Kind::SealKey);
        // The gap shows for ever, but the next drill is on record.
        let told = append(&repository, &drill(4)).await.unwrap();
        assert_eq!(told.last().unwrap().file, "drills/00000004.tg");
        assert!(read(&repository).await.is_err());
    }
}
