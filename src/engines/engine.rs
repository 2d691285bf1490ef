//! The seam.

use std::fmt::Debug;
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Upload;
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::recovery::{Kept, Lsn, Stream};

/// What an engine is asked for.
#[derive(Debug)]
pub struct Order<'a> {
    /// The server; the role needs `REPLICATION`.
    pub target: &'a Target,
    /// Its major version.
    pub major: u32,
    /// Its system identifier.
    pub system_identifier: u64,
    /// The id of the backup, which becomes its label.
    pub id: &'a str,
    /// OID and folder of each tablespace outside of the data folder.
    pub tablespaces: Vec<(u32, String)>,
    /// Bytes a second that the server sends at most.
    pub max_rate: Option<u64>,
    /// Where a cluster with tablespaces is put down on its way [default: the temporary folder].
    pub staging: Option<PathBuf>,
    /// PostgreSQL's own list of the files of the backup that this one is to be an increment of.
    pub parent: Option<&'a Path>,
    /// Whether the volume below the repository is encrypted, as its owner says.
    pub encrypted_volume: bool,
    /// Stops it.
    pub cancel: &'a CancellationToken,
}

/// A backup that was taken: its streams are in the repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// The timeline.
    pub timeline: u32,
    /// Where replay begins.
    pub start: Lsn,
    /// What replay must reach.
    pub end: Lsn,
    /// Whether the WAL between both is inside.
    pub wal_included: bool,
    /// The streams, `base` first.
    pub streams: Vec<Stream>,
    /// What an engine made that keeps its own files.
    pub kept: Option<Made>,
}

/// A backup that its engine keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Made {
    /// Its label and files.
    pub kept: Kept,
    /// Bytes of the cluster's files.
    pub bytes: u64,
}

/// A program or protocol that copies a running cluster.
pub trait BackupEngine: Debug + Send + Sync {
    /// Its name in manifests and in the configuration.
    fn name(&self) -> &'static str;

    /// Whether it makes increments of backups in the repository.
    fn increments(&self) -> bool {
        false
    }

    /// Takes a base backup and hands its streams to `upload`.
    ///
    /// # Errors
    /// [`Kind::Privilege`](crate::error::Kind::Privilege) when the role may not,
    /// [`Kind::BackupTool`](crate::error::Kind::BackupTool) when the program fails, those of the
    /// repository, [`Kind::Cancelled`](crate::error::Kind::Cancelled).
    fn take<'a>(
        &'a self,
        order: &'a Order<'a>,
        upload: &'a mut Upload,
    ) -> BoxFuture<'a, Result<Taken>>;
}

/// The error of a backup that was asked to stop.
pub(super) fn stopped() -> Error {
    Error::new(Kind::Cancelled, "the backup was stopped")
        .hint("nothing is left of it; the same command begins a new one")
}
