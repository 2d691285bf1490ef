//! The seam of engines that keep their own files.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use crate::error::Result;
use crate::recovery::Kept;
use crate::storage::Files;

/// A backup as its engine knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Labelled {
    /// The engine's name of it.
    pub label: String,
    /// The id that Tidegate gave it; none when somebody else made it.
    pub id: Option<String>,
    /// When it was complete; long ago when it is not.
    pub ended_at: DateTime<Utc>,
}

/// What an engine's own verification says against one of its backups, or against its WAL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The backup; none for WAL.
    pub label: Option<String>,
    /// What is wrong.
    pub problem: String,
}

/// Where the files of a backup go: empty folders.
#[derive(Debug, Clone)]
pub struct Landing {
    /// The data folder.
    pub data: PathBuf,
    /// The folder of each tablespace, by its OID.
    pub tablespaces: BTreeMap<String, PathBuf>,
    /// Ends it: nobody writes any more when the call comes back.
    pub stop: CancellationToken,
}

/// An engine that keeps the files of its backups, and WAL, in a folder of the repository. Which
/// backups there are, of which cluster, and which stay, is decided by Tidegate's own sealed
/// manifests; what the programs say is compared with what lies there.
pub trait Keeper: Debug + Send + Sync {
    /// The folder of the repository below which the files of backups lie.
    fn folder(&self) -> &'static str;

    /// The backups that the engine knows and calls good.
    ///
    /// # Errors
    /// [`Kind::BackupTool`](crate::error::Kind::BackupTool).
    fn labels(&self) -> BoxFuture<'_, Result<Vec<Labelled>>>;

    /// Backups that were begun and will never be complete, as far as the engine itself does not take
    /// them away with its next one.
    ///
    /// # Errors
    /// [`Kind::BackupTool`](crate::error::Kind::BackupTool).
    fn begun(&self) -> BoxFuture<'_, Result<Vec<Labelled>>> {
        async { Ok(Vec::new()) }.boxed()
    }

    /// The engine's own verification of everything that it keeps.
    ///
    /// # Errors
    /// [`Kind::BackupTool`](crate::error::Kind::BackupTool) when it did not come to a verdict.
    fn doubts(&self) -> BoxFuture<'_, Result<Vec<Doubt>>>;

    /// Removes backups and no WAL: which WAL goes is judged by timeline, file by file, and no engine
    /// judges so. Then brings the engine's own records in line with the WAL that is left.
    ///
    /// # Errors
    /// [`Kind::BackupTool`](crate::error::Kind::BackupTool) when one of them is still there.
    fn remove<'a>(&'a self, labels: &'a [String]) -> BoxFuture<'a, Result<()>>;

    /// Puts the files of a backup into their folders, each compared with a checksum of when the backup
    /// was made. It blocks its thread.
    ///
    /// # Errors
    /// [`Kind::RestoreFailed`](crate::error::Kind::RestoreFailed).
    fn restore(&self, kept: &Kept, landing: &Landing) -> Result<()>;

    /// Its WAL, with the names that a repository gives it.
    fn wal(&self) -> Arc<dyn Files>;
}
