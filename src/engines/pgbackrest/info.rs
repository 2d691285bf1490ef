//! What `info --output=json` says.

use chrono::DateTime;
use serde::Deserialize;

use crate::engines::Labelled;
use crate::error::{Error, Kind, Result};
use crate::recovery::Lsn;

/// The annotation under which a backup carries the id that Tidegate gave it.
pub(super) const ANNOTATION: &str = "tidegate";

/// A stanza.
#[derive(Debug, Deserialize)]
pub(super) struct Stanza {
    name: String,
    status: Status,
    #[serde(default)]
    pub(super) backup: Vec<Backup>,
    #[serde(default)]
    pub(super) db: Vec<Cluster>,
}

#[derive(Debug, Deserialize)]
struct Status {
    code: u32,
    message: String,
}

/// A cluster that a stanza is of.
#[derive(Debug, Deserialize)]
pub(super) struct Cluster {
    #[serde(rename = "system-id")]
    pub(super) system_id: u64,
}

/// A backup.
#[derive(Debug, Deserialize)]
pub(super) struct Backup {
    pub(super) label: String,
    #[serde(default)]
    annotation: std::collections::BTreeMap<String, String>,
    archive: Archive,
    /// Whether pages were found whose checksum is wrong; none when they carry none.
    pub(super) error: Option<bool>,
    info: Sizes,
    lsn: Range<Lsn>,
    /// With `--set` alone.
    #[serde(default)]
    tablespace: Option<Vec<Tablespace>>,
    timestamp: Range<i64>,
}

#[derive(Debug, Deserialize)]
struct Tablespace {
    destination: String,
    oid: u32,
}

#[derive(Debug, Deserialize)]
struct Archive {
    start: String,
}

#[derive(Debug, Deserialize)]
struct Range<T> {
    start: T,
    stop: T,
}

#[derive(Debug, Deserialize)]
struct Sizes {
    size: u64,
}

/// Status codes of a stanza: all is well; there is none; it has no backup yet.
const WELL: u32 = 0;
const NO_STANZA: u32 = 1;
const NO_BACKUP: u32 = 2;

/// Reads the stanza of that name; none when it is not there yet.
///
/// # Errors
/// [`Kind::BackupTool`] when the program cannot read its own repository, or says what is not
/// understood.
pub(super) fn stanza(name: &str, text: &[u8]) -> Result<Option<Stanza>> {
    // What could not be decrypted is quoted, and is no UTF-8.
    let text = String::from_utf8_lossy(text);
    let all: Vec<Stanza> = serde_json::from_str(&text).map_err(|error| {
        Error::new(
            Kind::BackupTool,
            format!("pgbackrest info is not understood: {error}"),
        )
    })?;
    let Some(stanza) = all.into_iter().find(|stanza| stanza.name == name) else {
        return Ok(None);
    };
    match stanza.status.code {
        WELL | NO_BACKUP => Ok(Some(stanza)),
        NO_STANZA => Ok(None),
        code => Err(Error::new(
            Kind::BackupTool,
            format!(
                "pgbackrest cannot read its repository: status {code}, {}",
                stanza.status.message
            ),
        )),
    }
}

impl Backup {
    /// The id that Tidegate gave it.
    pub(super) fn id(&self) -> Option<&str> {
        self.annotation.get(ANNOTATION).map(String::as_str)
    }

    /// Its first timeline; none when that is not told.
    pub(super) fn timeline(&self) -> Option<u32> {
        u32::from_str_radix(self.archive.start.get(..8)?, 16).ok()
    }

    /// Where replay begins and what it must reach.
    pub(super) fn places(&self) -> (Lsn, Lsn) {
        (self.lsn.start, self.lsn.stop)
    }

    /// OID and folder of each tablespace; only what was asked with `--set` tells them.
    pub(super) fn tablespaces(self) -> Vec<(u32, String)> {
        let all = self.tablespace.into_iter().flatten();
        all.map(|one| (one.oid, one.destination)).collect()
    }

    /// Bytes of the cluster's files.
    pub(super) fn bytes(&self) -> u64 {
        self.info.size
    }

    pub(super) fn labelled(&self) -> Labelled {
        Labelled {
            label: self.label.clone(),
            id: self.id().map(str::to_owned),
            ended_at: DateTime::from_timestamp(self.timestamp.stop, 0).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = r#"[{"archive":[{"database":{"id":1,"repo-key":1},"id":"15-1","max":"0B","min":"08"}],
        "backup":[{"annotation":{"tidegate":"abc"},"archive":{"start":"00000002000000000000000B","stop":"00000002000000000000000B"},
        "backrest":{"format":5,"version":"2.45"},"database":{"id":1,"repo-key":1},"error":false,
        "info":{"delta":25417437,"repository":{"delta":3359952,"size":3359952},"size":25417437},
        "label":"20261126-070811F","lsn":{"start":"0/B00028","stop":"0/B00100"},"prior":null,"reference":null,
        "timestamp":{"start":1795676891,"stop":1795676895},"type":"full"}],"cipher":"aes-256-cbc",
        "db":[{"id":1,"repo-key":1,"system-id":7712373506294944838,"version":"15"}],"name":"tidegate",
        "status":{"code":0,"lock":{"backup":{"held":false}},"message":"ok"}}]"#;

    #[test]
    fn a_backup_is_read() {
        let stanza = stanza("tidegate", TEXT.as_bytes()).unwrap().unwrap();
        let backup = &stanza.backup[0];
        assert_eq!(backup.id(), Some("abc"));
        assert_eq!(backup.timeline(), Some(2));
        assert_eq!(backup.places(), (Lsn(0xB0_0028), Lsn(0xB0_0100)));
        assert_eq!(stanza.db[0].system_id, 7_712_373_506_294_944_838);
    }

    #[test]
    fn what_cannot_be_read_is_no_empty_repository() {
        let other = TEXT.replace(r#"{"code":0,"#, r#"{"code":99,"#);
        let error = stanza("tidegate", other.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), Kind::BackupTool);
        assert!(stanza("tidegate", b"[]").unwrap().is_none());
        assert!(stanza("tidegate", b"").is_err());
    }
}
