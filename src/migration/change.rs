//! A change: one file, all its releases.

use std::path::PathBuf;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::operation::Operation;
use super::{Phase, Release, Schedule};
use crate::error::{Error, Kind, Place, Result};

/// One change, as its file says it.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The digits of the file name, for example `0007`; its identity in the ledger.
    pub id: String,
    /// What follows the digits in the file name.
    pub name: String,
    /// One line for people.
    pub title: String,
    /// When each phase runs.
    pub schedule: Schedule,
    /// What is done, in order.
    pub operations: Vec<Operation>,
    /// Where it was read.
    pub file: SourceFile,
}

/// The text that a change was read from, with the places of its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFile {
    /// The path, as the user would name it.
    pub path: PathBuf,
    /// The whole text.
    pub text: Arc<str>,
    /// For each operation, the byte ranges of its values by key (`table`, `from`, `up` ...).
    pub spans: Vec<Vec<(String, std::ops::Range<usize>)>>,
}

impl SourceFile {
    /// The place of the value of `key` in the operation with this index; of the whole file's start
    /// when it is not there.
    #[must_use]
    pub fn place(&self, operation: usize, key: &str) -> Place {
        let span = self
            .spans
            .get(operation)
            .and_then(|keys| keys.iter().find(|(name, _)| name == key))
            .map_or(0..0, |(_, span)| span.clone());
        Place::new(&self.path, &self.text, span)
    }
}

/// What the ledger remembers of a change: enough to undo it when its file is gone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// When each phase runs.
    pub schedule: Schedule,
    /// What is done.
    pub operations: Vec<Operation>,
}

impl Change {
    /// SHA-256 over the operations. Comments, blanks, the title and the schedule are not part of
    /// it: a phase that has not run may be moved to a later release.
    #[must_use]
    pub fn checksum(&self) -> String {
        let json = serde_json::to_vec(&self.operations).unwrap_or_default();
        hex::encode(Sha256::digest(json))
    }

    /// What the ledger keeps.
    #[must_use]
    pub fn definition(&self) -> Definition {
        Definition {
            schedule: self.schedule.clone(),
            operations: self.operations.clone(),
        }
    }

    /// The phases in which this change does anything.
    pub fn phases(&self) -> impl Iterator<Item = Phase> + '_ {
        Phase::ALL.into_iter().filter(|phase| {
            self.operations
                .iter()
                .any(|operation| operation.acts_in(*phase))
        })
    }

    /// Whether `wanted` names this change: `7`, `0007` or `0007_name`.
    #[must_use]
    pub fn is_named(&self, wanted: &str) -> bool {
        let digits = |text: &str| text.trim_start_matches('0').to_owned();
        wanted == format!("{}_{}", self.id, self.name) || digits(wanted) == digits(&self.id)
    }
}

/// Sorts changes by number and refuses two with one number.
///
/// # Errors
/// [`Kind::DuplicateChange`].
pub fn in_order(mut changes: Vec<Change>) -> Result<Vec<Change>> {
    let number = |change: &Change| change.id.parse::<u64>().unwrap_or(u64::MAX);
    changes.sort_by_key(|change| (number(change), change.name.clone()));
    for pair in changes.windows(2) {
        if let [first, second] = pair
            && number(first) == number(second)
        {
            return Err(Error::new(
                Kind::DuplicateChange,
                format!(
                    "{} and {} have the same number",
                    first.file.path.display(),
                    second.file.path.display()
                ),
            )
            .at(Place::new(&second.file.path, &second.file.text, 0..0)));
        }
    }
    Ok(changes)
}

/// The number that a new change gets: one more than the highest, four digits. Names of files are
/// enough: a file that is not filled in yet takes its number, too.
pub fn next_number<'a>(file_names: impl IntoIterator<Item = &'a str>) -> String {
    let last = file_names
        .into_iter()
        .filter_map(|name| {
            let end = name.find(|c: char| !c.is_ascii_digit())?;
            name.get(..end)?.parse::<u64>().ok()
        })
        .max()
        .unwrap_or(0);
    format!("{:04}", last + 1)
}

/// Every release that the changes name, in order, without the always-due one.
#[must_use]
pub fn releases(changes: &[Change]) -> Vec<Release> {
    let mut releases: Vec<Release> = changes
        .iter()
        .flat_map(|change| {
            change
                .phases()
                .map(|phase| change.schedule.release(phase).clone())
        })
        .filter(|release| *release > Release::first())
        .collect();
    releases.sort();
    releases.dedup();
    releases
}
