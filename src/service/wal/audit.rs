//! Walks a repository and tells what can be recovered from it. Nothing that a server or a program
//! says of its archive is believed: `archive_command = '/bin/true'` has a perfect record, too.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::inventory::{history, settle};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::postgres::Session;
use crate::recovery::{Inventory, Lsn, WalFile, WalMap, increment_name, wal_name};
use crate::service::backup::Shelf;
use crate::storage::Repository;

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Audit {
    /// The repository.
    pub repository: String,
    /// What can be recovered.
    #[serde(flatten)]
    pub map: WalMap,
    /// Files of WAL that were opened and checked; none without `--deep`.
    pub opened: u64,
    /// Files that do not open or are not whole, and backups that do not, each with the reason.
    pub damaged: Vec<String>,
    /// How far the repository is behind a server that was asked.
    pub behind: Option<Behind>,
}

/// How far the repository is behind a running server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Behind {
    /// Where the server writes.
    pub server: Lsn,
    /// What the receivers of its WAL have on their disks, by the name of each.
    pub receivers: BTreeMap<String, Option<Lsn>>,
    /// Where the newest backup's unbroken WAL ends in the repository.
    pub repository: Lsn,
    /// Bytes that would be lost with the server.
    pub bytes: u64,
}

impl Audit {
    /// Whether every backup can be carried on, one of them to the newest WAL of all, and nothing is
    /// damaged.
    #[must_use]
    pub fn passed(&self) -> bool {
        let map = &self.map;
        self.damaged.is_empty()
            && map.holes.is_empty()
            && map.lost_histories.is_empty()
            && map.backups.iter().any(|backup| backup.left_by.is_none())
            && map.backups.iter().all(|backup| !backup.broken)
    }
}

/// Audits a repository; `deep` opens every file of WAL.
///
/// # Errors
/// [`Kind::Storage`], [`Kind::SealKey`] when the key is not the repository's; [`Kind::Cancelled`].
pub async fn audit(
    repository: &Repository,
    deep: bool,
    events: &Arc<dyn EventSink>,
    cancel: &CancellationToken,
) -> Result<Audit> {
    let mut damaged = Vec::new();
    let shelf = Shelf::read(repository).await?;
    for backup in &shelf.damaged {
        damaged.push(format!("backup {}: {}", backup.id, backup.problem));
    }
    for backup in &shelf.backups {
        if let Err(error) = shelf.lineage(backup) {
            damaged.push(error.to_string());
        }
        let missing = shelf.missing(backup);
        damaged.extend(missing.map(|name| format!("backup {}: {name} is missing", backup.id)));
    }
    let backups = shelf.backups;
    let segment_bytes = backups.last().map_or(16 << 20, |one| one.wal_segment_bytes);
    let mut inventory = Inventory {
        segment_bytes,
        backups,
        ..Inventory::default()
    };
    let files = repository.list_dated("wal").await?;
    let mut opened = 0;
    for (place, (name, time)) in files.iter().enumerate() {
        if cancel.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the audit was stopped"));
        }
        let Some(file) = WalFile::parse(name, segment_bytes) else {
            damaged.push(format!("{name} is no file of WAL"));
            continue;
        };
        if deep && !matches!(file, WalFile::History(_)) {
            if place % 64 == 0 {
                events.emit(Event::Note(format!(
                    "{place} of {} files of WAL",
                    files.len()
                )));
            }
            opened += 1;
            if let Some(reason) = broken(repository, name, file, segment_bytes).await? {
                damaged.push(reason);
                continue;
            }
        }
        match file {
            WalFile::History(timeline) => match history(repository, timeline).await {
                Ok(history) => {
                    inventory.histories.insert(timeline, history);
                }
                Err(error) if error.kind() == Kind::SealKey => return Err(error),
                Err(error) => damaged.push(error.to_string()),
            },
            file => inventory.add(file, *time),
        }
    }
    settle(repository, &mut inventory).await?;
    Ok(Audit {
        repository: repository.location().to_string(),
        map: inventory.map(),
        opened,
        damaged,
        behind: None,
    })
}

impl Audit {
    /// Compares with a running server.
    ///
    /// # Errors
    /// The server is out of reach.
    pub async fn compare(&mut self, session: &Session) -> Result<()> {
        let row = session
            .query_one(
                "select pg_catalog.pg_current_wal_lsn()::pg_catalog.text",
                &[],
            )
            .await?;
        let server = lsn(&row.get::<_, String>(0))?;
        let rows = session
            .query(
                "select application_name, flush_lsn::pg_catalog.text \
                 from pg_catalog.pg_stat_replication order by 1",
                &[],
            )
            .await?;
        let mut receivers = BTreeMap::new();
        for row in rows {
            let flushed: Option<String> = row.get(1);
            receivers.insert(row.get(0), flushed.map(|text| lsn(&text)).transpose()?);
        }
        let repository = self.map.backups.last().map_or(Lsn(0), |newest| newest.to);
        self.behind = Some(Behind {
            server,
            receivers,
            repository,
            bytes: server.since(repository),
        });
        Ok(())
    }
}

fn lsn(text: &str) -> Result<Lsn> {
    text.parse()
        .map_err(|error: String| Error::new(Kind::Internal, error))
}

/// Why a file of WAL is of no use, when it is not.
async fn broken(
    repository: &Repository,
    name: &str,
    file: WalFile,
    segment_bytes: u32,
) -> Result<Option<String>> {
    let (expected, whole) = match file {
        WalFile::History(_) => return Ok(None),
        WalFile::Whole(segment) => (segment_bytes, wal_name(segment, segment_bytes)),
        WalFile::Piece(segment, piece) => {
            (piece.bytes, increment_name(segment, piece, segment_bytes))
        }
    };
    if whole != name {
        return Ok(Some(format!("{name} lies where {whole} belongs")));
    }
    match repository.get(name).await {
        Ok(content) if content.len() == expected as usize => Ok(None),
        Ok(content) => Ok(Some(format!(
            "{name} has {} bytes of {expected}",
            content.len()
        ))),
        Err(error) if error.kind() == Kind::SealBroken => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
