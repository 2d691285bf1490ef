//! Walks a repository and tells what can be recovered from it. Nothing that a server or a program
//! says of its archive is believed: `archive_command = '/bin/true'` has a perfect record, too.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::inventory::{history, settle};
use super::slot::{DEFAULT_SLOT, slot};
use crate::engines::identity;
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::postgres::Session;
use crate::recovery::{
    Inventory, Lsn, PageHeader, SMALLEST_SEGMENT, SlotState, WalFile, WalMap, increment_name,
    is_segment_size, wal_name,
};
use crate::service::backup::{Shelf, system_identifier};
use crate::storage::Repository;

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
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
    /// The slot through which that server's WAL is received.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot: Option<Watched>,
}

/// A receiver's slot, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Watched {
    /// What the server says of it.
    #[serde(flatten)]
    pub state: SlotState,
    /// Why it fails the audit.
    pub problem: Option<String>,
}

/// How far the repository is behind a running server.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Behind {
    /// Where the server writes.
    pub server: Lsn,
    /// What the receivers of its WAL have on their disks, by the name of each.
    pub receivers: BTreeMap<String, Option<Lsn>>,
    /// Where the newest backup's unbroken WAL ends in the repository.
    pub repository: Lsn,
    /// Bytes that would be lost with the server.
    pub bytes: u64,
    /// Seconds since the repository last got WAL, when the server has written since; what an idle
    /// server writes by itself does not count.
    pub seconds: Option<f64>,
    /// Whether that is more than `[backup] rpo` allows.
    pub late: bool,
}

/// The size of segments of a cluster that was made without saying one.
const USUAL_SEGMENT: u32 = 16 << 20;
/// How long nobody may receive through a slot when no objective says how long.
const PATIENCE: Duration = Duration::from_secs(10 * 60);
/// Bytes that a server without work may have written last: a checkpoint, the running transactions.
const IDLE: u64 = 512;

/// How far the server has written; a standby, received.
const WRITTEN: &str = "select (case when pg_catalog.pg_is_in_recovery() \
    then coalesce(pg_catalog.pg_last_wal_receive_lsn(), pg_catalog.pg_last_wal_replay_lsn(), '0/0') \
    else pg_catalog.pg_current_wal_lsn() end)::pg_catalog.text";

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
            && !self.behind.as_ref().is_some_and(|behind| behind.late)
            && self.slot.as_ref().is_none_or(|slot| slot.problem.is_none())
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
        let problem = shelf.problem(backup);
        damaged.extend(problem.map(|problem| format!("backup {}: {problem}", backup.id)));
    }
    let backups = shelf.backups;
    let files = repository.list_dated("wal").await?;
    let segment_bytes = match backups.last() {
        Some(newest) => newest.wal_segment_bytes,
        None => segment_size(repository, files.iter().map(|(name, _)| name.as_str())).await?,
    };
    let mut inventory = Inventory {
        segment_bytes,
        backups,
        ..Inventory::default()
    };
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
        slot: None,
    })
}

impl Audit {
    /// Compares with a running server of the same cluster, at the time `now`; on a standby with what
    /// that has received. More than `rpo` behind is a failure of the audit.
    ///
    /// # Errors
    /// The server is out of reach; [`Kind::WalConflict`] when it is of another cluster.
    pub async fn compare(
        &mut self,
        session: &Session,
        repository: &Repository,
        (now, rpo): (DateTime<Utc>, Option<Duration>),
    ) -> Result<()> {
        let found = system_identifier(session).await?;
        if let Some(known) = identity(repository).await?
            && known.system_identifier != found
        {
            return Err(Error::new(
                Kind::WalConflict,
                format!(
                    "the server is of the cluster with the system identifier {found}, {} of {}",
                    self.repository, known.system_identifier
                ),
            )
            .hint("name the environment whose backups these are, or its repository"));
        }
        let row = session.query_one(WRITTEN, &[]).await?;
        let server = lsn(&row.try_get::<_, String>(0)?)?;
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
        let mut living = self.map.backups.iter().rev();
        let newest = living.find(|reach| reach.left_by.is_none());
        let repository = newest.map_or(Lsn(0), |newest| newest.to);
        let bytes = server.since(repository);
        let got = newest.map(|newest| newest.to_time.unwrap_or(newest.from_time));
        let seconds = got
            .filter(|_| bytes > IDLE)
            .map(|got| (now - got).as_seconds_f64().max(0.0));
        self.behind = Some(Behind {
            server,
            receivers,
            repository,
            bytes,
            seconds,
            late: rpo.is_some_and(|rpo| seconds.is_some_and(|age| age > rpo.as_secs_f64())),
        });
        Ok(())
    }

    /// Looks at the slot of the receiver, after [`Self::compare`]: one that is given up, or through which
    /// nobody received for longer than `rpo` (10 minutes without), fails the audit. One that is `named`
    /// must be there; without a name that of [`DEFAULT_SLOT`] is looked at when it is.
    ///
    /// # Errors
    /// The server is out of reach.
    pub async fn watch(
        &mut self,
        session: &Session,
        named: Option<&str>,
        rpo: Option<Duration>,
    ) -> Result<()> {
        let state = slot(session, named.unwrap_or(DEFAULT_SLOT)).await?;
        if named.is_none() && !state.there {
            return Ok(());
        }
        let silent = self.behind.as_ref().and_then(|behind| behind.seconds);
        let problem = state.problem(silent, rpo.unwrap_or(PATIENCE));
        self.slot = Some(Watched { state, problem });
        Ok(())
    }
}

/// The size of segments where no backup tells it: what the first file says that begins one and opens; the
/// usual size where none does. What does not open is told by those who look at it.
async fn segment_size(repository: &Repository, names: impl Iterator<Item = &str>) -> Result<u32> {
    for name in names {
        // With the smallest segments the numbers of all sizes are valid.
        let begins = match WalFile::parse(name, SMALLEST_SEGMENT) {
            Some(WalFile::Whole(_)) => true,
            Some(WalFile::Piece(_, piece)) => piece.offset == 0,
            _ => false,
        };
        if !begins {
            continue;
        }
        let content = match repository.get(name).await {
            Err(error) if error.kind() == Kind::SealBroken => continue,
            read => read?,
        };
        let header = PageHeader::parse(&content).ok();
        let known = header.filter(|header| is_segment_size(header.segment_bytes));
        if let Some(header) = known {
            return Ok(header.segment_bytes);
        }
    }
    Ok(USUAL_SEGMENT)
}

fn lsn(text: &str) -> Result<Lsn> {
    text.parse()
        .map_err(|error: String| Error::new(Kind::Internal, error))
}

/// Why a file does not belong where it lies; a piece tells that when it begins its segment.
fn strange(file: WalFile, content: &[u8], segment_bytes: u32) -> Option<String> {
    let segment = match file {
        WalFile::Whole(segment) => segment,
        WalFile::Piece(segment, piece) if piece.offset == 0 => segment,
        _ => return None,
    };
    match PageHeader::parse(content) {
        Ok(header) => header.objection(segment, segment_bytes),
        Err(why) => Some(why),
    }
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
        Ok(content) if content.len() == expected as usize => {
            Ok(strange(file, &content, segment_bytes)
                .map(|why| format!("{name} is not what it is called: {why}")))
        }
        Ok(content) => Ok(Some(format!(
            "{name} has {} bytes of {expected}",
            content.len()
        ))),
        Err(error) if error.kind() == Kind::SealBroken => Ok(Some(error.to_string())),
        Err(error) => Err(error),
    }
}
