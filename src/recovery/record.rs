//! The history of drills: each record names the hash of the one before, so that none can be
//! changed, left out or put in between afterwards.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::DrillReport;

/// Where records lie.
pub const RECORDS: &str = "drills";

/// The record that comes before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its drill.
    pub id: String,
    /// SHA-256 of its text, in hexadecimal digits.
    pub sha256: String,
}

/// A drill in the history.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DrillRecord {
    /// Version of this format: 1.
    pub version: u32,
    /// The record before; none for the first.
    pub previous: Option<Link>,
    /// What was found.
    pub report: DrillReport,
}

/// The number of a record in the history, from 1; its file is called by it. Whoever comes second
/// with a number finds it taken: no two records follow the same one.
#[must_use]
pub fn record_name(number: u64) -> String {
    format!("{RECORDS}/{number:08}.tg")
}

/// The number in the name of a record's file. None for a record from before there were numbers,
/// which is called by its drill; those come first.
#[must_use]
pub fn record_number(file: &str) -> Option<u64> {
    let digits = file.strip_prefix(RECORDS)?.strip_prefix('/')?;
    let digits = digits.strip_suffix(".tg")?;
    (digits.len() >= 8 && digits.bytes().all(|byte| byte.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

/// A record with the text that was signed.
#[derive(Debug, Clone, PartialEq)]
pub struct Told {
    /// Its file.
    pub file: String,
    /// The text as it was signed.
    pub text: String,
    /// What it says.
    pub record: DrillRecord,
}

impl Told {
    /// What the next record has to name.
    #[must_use]
    pub fn link(&self) -> Link {
        Link {
            id: self.record.report.id.clone(),
            sha256: hex::encode(Sha256::digest(self.text.as_bytes())),
        }
    }
}

/// Looks whether the records, in the order of their files, are one unbroken chain.
///
/// # Errors
/// The drill at which it breaks, and how.
pub fn unbroken(records: &[Told]) -> Result<(), String> {
    let mut before: Option<Link> = None;
    let mut number = None;
    for told in records {
        let own = record_number(&told.file);
        let next = number.map(|number: u64| number + 1);
        if let (Some(own), Some(next)) = (own, next)
            && own != next
        {
            let id = &told.record.report.id;
            return Err(format!(
                "{id} has the number {own}, and {next} is not there"
            ));
        }
        number = own;
        let (id, named) = (&told.record.report.id, &told.record.previous);
        if *named != before {
            return Err(match (named, &before) {
                (Some(named), Some(before)) if named.id == before.id => {
                    format!("{} is not what {id} was written after", before.id)
                }
                (Some(named), _) => format!("{id} follows {}, which is not there", named.id),
                (None, Some(before)) => {
                    format!("{id} says it is the first, but {} is there", before.id)
                }
                (None, None) => format!("{id} is out of order"),
            });
        }
        before = Some(told.link());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain() -> Vec<Told> {
        let mut told: Vec<Told> = Vec::new();
        for day in 1..=3 {
            let mut report = crate::recovery::drill::tests::passed();
            report.id = format!("2026112{day}T020000Z-000000");
            let record = DrillRecord {
                version: 1,
                previous: told.last().map(Told::link),
                report,
            };
            let text = serde_json::to_string(&record).unwrap();
            let read: DrillRecord = serde_json::from_str(&text).unwrap();
            assert_eq!(read, record, "a record is read as it was written");
            let file = record_name(day);
            told.push(Told { file, text, record });
        }
        told
    }

    #[test]
    fn files_are_numbered_but_for_those_of_old() {
        assert_eq!(record_name(42), "drills/00000042.tg");
        assert_eq!(record_number("drills/00000042.tg"), Some(42));
        assert_eq!(record_number(&record_name(123_456_789)), Some(123_456_789));
        for old in ["drills/20261122T020000Z-3fa9c1.tg", "drills/42.tg", "x"] {
            assert_eq!(record_number(old), None, "{old}");
        }
    }

    #[test]
    fn an_untouched_chain_holds() {
        assert_eq!(unbroken(&chain()), Ok(()));
        assert_eq!(unbroken(&[]), Ok(()));
        assert_eq!(unbroken(&chain()[..2]), Ok(()));
    }

    #[test]
    fn a_changed_a_missing_and_a_first_record_in_the_middle_break_it() {
        let mut changed = chain();
        changed[1].text = changed[1].text.replace("2472", "60");
        assert!(unbroken(&changed).unwrap_err().contains("is not what"));
        let mut missing = chain();
        missing.remove(1);
        assert!(unbroken(&missing).unwrap_err().contains("is not there"));
        let headless = &chain()[1..];
        assert!(unbroken(headless).unwrap_err().contains("is not there"));
        // The last one gone, and the one before it called as it was.
        let mut renamed = chain();
        renamed.pop();
        renamed[1].file = record_name(3);
        assert!(unbroken(&renamed).unwrap_err().contains("2 is not there"));
        let mut twice = chain();
        twice[2].record.previous = None;
        assert!(unbroken(&twice).unwrap_err().contains("the first"));
    }
}
