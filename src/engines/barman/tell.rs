//! What `list-backups` and `show-backup` say.

use chrono::DateTime;
use serde::Deserialize;

use crate::engines::Labelled;
use crate::error::{Error, Kind, Result};
use crate::recovery::Lsn;

/// States of a backup that is complete; the second waits for WAL, which Tidegate looks for itself.
const COMPLETE: [&str; 2] = ["DONE", "WAITING_FOR_WALS"];

/// `list-backups`.
#[derive(Debug, Deserialize)]
pub(super) struct List(Vec<Listed>);

#[derive(Debug, Deserialize)]
struct Listed {
    backup_id: String,
    backup_name: Option<String>,
    end_time_timestamp: Option<String>,
    status: String,
}

impl List {
    /// The backups that are complete, or those that are not.
    pub(super) fn labelled(self, complete: bool) -> Vec<Labelled> {
        let all = self.0.into_iter();
        all.filter(|one| COMPLETE.contains(&one.status.as_str()) == complete)
            .map(|one| {
                let seconds = one.end_time_timestamp.and_then(|text| text.parse().ok());
                let at = seconds.and_then(|seconds| DateTime::from_timestamp(seconds, 0));
                Labelled {
                    label: one.backup_id,
                    id: one.backup_name,
                    ended_at: at.unwrap_or_default(),
                }
            })
            .collect()
    }
}

/// `show-backup`.
#[derive(Debug, Deserialize)]
pub(super) struct Backup {
    #[serde(rename = "base_backup_information")]
    base: Base,
    status: String,
}

#[derive(Debug, Deserialize)]
struct Base {
    begin_lsn: Lsn,
    end_lsn: Lsn,
    timeline: u32,
}

impl Backup {
    /// Itself, when it is complete.
    pub(super) fn complete(self) -> Result<Self> {
        if COMPLETE.contains(&self.status.as_str()) {
            return Ok(self);
        }
        let text = format!("barman calls the backup {}", self.status);
        Err(Error::new(Kind::BackupTool, text))
    }

    /// Where it began, the end of the segment that it ended in, and the timeline.
    pub(super) fn places(&self) -> (Lsn, Lsn, u32) {
        (self.base.begin_lsn, self.base.end_lsn, self.base.timeline)
    }
}

/// Where replay begins and what it must reach, by PostgreSQL's own manifest of the backup; Barman
/// says the end of the segment instead, which no recovery has to reach.
pub(super) fn ranges(manifest: &[u8]) -> Result<(Lsn, Lsn)> {
    #[derive(Deserialize)]
    struct Manifest {
        #[serde(rename = "WAL-Ranges")]
        ranges: Vec<Range>,
    }
    #[derive(Deserialize)]
    struct Range {
        #[serde(rename = "Start-LSN")]
        start: Lsn,
        #[serde(rename = "End-LSN")]
        end: Lsn,
    }
    let wrong = |text: String| Error::new(Kind::BackupTool, format!("backup_manifest: {text}"));
    let manifest: Manifest =
        serde_json::from_slice(manifest).map_err(|error| wrong(error.to_string()))?;
    match manifest.ranges.as_slice() {
        [Range { start, end }] => Ok((*start, *end)),
        other => Err(wrong(format!("it names {} ranges of WAL", other.len()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_complete_backups_count() {
        let text = r#"[
            {"backup_id": "20261126T080620", "backup_name": "a", "end_time_timestamp": "1795680381", "status": "WAITING_FOR_WALS"},
            {"backup_id": "20261126T080621", "backup_name": null, "end_time_timestamp": "1795680381", "status": "DONE"},
            {"backup_id": "20261126T080622", "backup_name": "c", "end_time_timestamp": null, "status": "FAILED"}]"#;
        let labels = serde_json::from_str::<List>(text).unwrap().labelled(true);
        assert_eq!(labels.len(), 2);
        assert_eq!(labels[0].id.as_deref(), Some("a"));
        let failed = serde_json::from_str::<List>(text).unwrap().labelled(false);
        assert_eq!((failed.len(), failed[0].id.as_deref()), (1, Some("c")));
        let shown = |status: &str| -> Backup {
            let text = format!(
                r#"{{"backup_id": "x", "status": "{status}", "base_backup_information":
                {{"begin_lsn": "0/1600028", "end_lsn": "0/1700000", "timeline": 1}}}}"#
            );
            serde_json::from_str(&text).unwrap()
        };
        let done = shown("DONE").complete().unwrap();
        assert_eq!(done.places(), (Lsn(0x160_0028), Lsn(0x170_0000), 1));
        assert!(shown("FAILED").complete().is_err());
    }

    #[test]
    fn the_end_is_that_of_the_last_record() {
        let text = r#"{ "PostgreSQL-Backup-Manifest-Version": 1, "Files": [{"Path": "a", "Size": 1}],
            "WAL-Ranges": [{ "Timeline": 1, "Start-LSN": "0/C00028", "End-LSN": "0/C00100" }], "Manifest-Checksum": "x"}"#;
        let found = ranges(text.as_bytes()).unwrap();
        assert_eq!(found, (Lsn(0xC0_0028), Lsn(0xC0_0100)));
        assert!(ranges(b"{\"WAL-Ranges\": []}").is_err());
        assert!(ranges(b"").is_err());
    }
}
