//! Named restore points: places in the WAL at which a phase of a migration was about to begin.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::Lsn;
use crate::error::{Error, Kind, Result};

/// Bytes of a name that PostgreSQL takes (`MAXFNAMELEN`, without the zero at its end).
const LONGEST: usize = 63;

/// A restore point before a phase.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorePoint {
    /// Version of the form: 1.
    pub version: u32,
    /// Its name in the WAL. No two have the same: a recovery stops at the first of a name.
    pub name: String,
    /// The release at which the phase is due.
    pub release: String,
    /// The change.
    pub change: String,
    /// The phase: `expand`, `backfill`, `enforce` or `contract`.
    pub phase: String,
    /// Whether nothing of this release was in the database.
    pub first: bool,
    /// Its place in the WAL.
    pub lsn: Lsn,
    /// When it was written.
    pub at: DateTime<Utc>,
}

impl RestorePoint {
    /// The folder of the records.
    pub const FOLDER: &'static str = "points";

    /// The name of a point: `tidegate_before_2.1.0_0007_expand_20261126T073000.125Z`.
    #[must_use]
    pub fn name_at(release: &str, change: &str, phase: &str, at: DateTime<Utc>) -> String {
        let time = at.format("%Y%m%dT%H%M%S%.3fZ");
        let mut name = format!("tidegate_before_{release}_{change}_{phase}");
        name.retain(|c| c.is_ascii_alphanumeric() || "._-+".contains(c));
        let time = format!("_{time}");
        name.truncate(LONGEST - time.len());
        name + &time
    }

    /// The record's file.
    #[must_use]
    pub fn file(&self) -> String {
        format!("{}/{}.tg", Self::FOLDER, self.name)
    }

    /// Reads a record.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] when it is none.
    pub fn from_bytes(file: &str, text: &[u8]) -> Result<Self> {
        serde_json::from_slice(text)
            .map_err(|error| Error::new(Kind::SealBroken, format!("{file}: {error}")))
    }
}

/// The point before a release: the newest one at which nothing of it was in the database. A release
/// that was taken back and applied again has several; what was committed between them is kept. None
/// when no point was written, or the first one is not on record any more.
#[must_use]
pub fn before_release<'a>(points: &'a [RestorePoint], release: &str) -> Option<&'a RestorePoint> {
    points
        .iter()
        .filter(|point| point.release == release && point.first)
        // After a recovery to the past, places in the WAL are smaller again.
        .max_by_key(|point| (point.at, point.lsn))
}

/// The newest point of that name, when one is on record.
#[must_use]
pub fn point_named<'a>(points: &'a [RestorePoint], name: &str) -> Option<&'a RestorePoint> {
    points
        .iter()
        .filter(|point| point.name == name)
        .max_by_key(|point| (point.at, point.lsn))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn point(release: &str, first: bool, lsn: u64) -> RestorePoint {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(7);
        RestorePoint {
            version: 1,
            name: RestorePoint::name_at(release, "0007", "expand", at),
            release: release.to_owned(),
            change: "0007".to_owned(),
            phase: "expand".to_owned(),
            first,
            lsn: Lsn(lsn),
            at,
        }
    }

    #[test]
    fn names_are_told_apart_by_their_time_and_never_too_long() {
        let at = DateTime::UNIX_EPOCH;
        let name = RestorePoint::name_at("2.1.0", "0007", "expand", at);
        assert_eq!(
            name,
            "tidegate_before_2.1.0_0007_expand_19700101T000000.000Z"
        );
        let later = at + chrono::TimeDelta::milliseconds(1);
        assert_ne!(
            name,
            RestorePoint::name_at("2.1.0", "0007", "expand", later)
        );
        let long = RestorePoint::name_at("2.1.0", &"é/9".repeat(50), "contract", at);
        assert_eq!(long.len(), LONGEST);
        assert!(
            long.ends_with("_19700101T000000.000Z") && long.is_ascii(),
            "{long}"
        );
    }

    #[test]
    fn a_release_that_was_applied_twice_is_left_at_its_second_beginning() {
        let points = [
            point("2.1.0", true, 10),
            point("2.1.0", false, 20),
            point("2.1.0", true, 50),
            point("2.1.0", false, 60),
            point("2.2.0", true, 70),
        ];
        let before = |release| before_release(&points, release).map(|point| point.lsn.0);
        assert_eq!(before("2.1.0"), Some(50));
        assert_eq!(before("2.2.0"), Some(70));
        assert_eq!(before("2.3.0"), None);
        assert_eq!(before_release(&points[1..2], "2.1.0"), None);
        // After a recovery to 40 the release was applied anew, at a smaller place.
        let mut anew = point("2.1.0", true, 45);
        anew.at += chrono::TimeDelta::seconds(60);
        let both = [points[2].clone(), anew.clone()];
        assert_eq!(before_release(&both, "2.1.0"), Some(&anew));
        let text = serde_json::to_vec(&points[0]).unwrap();
        let read = RestorePoint::from_bytes(&points[0].file(), &text).unwrap();
        assert_eq!(read, points[0]);
        assert!(RestorePoint::from_bytes("points/x.tg", b"{}").is_err());
    }
}
