//! What there is to know of a server: one that takes connections, and one merely looked at.

use std::path::PathBuf;

use serde::Serialize;

use super::binaries::{Binaries, Version};
use super::database;
use crate::error::Result;

/// A server that takes connections.
#[derive(Debug, Clone)]
pub struct Running {
    /// Process id of the server.
    pub pid: i32,
    /// Its programs.
    pub binaries: Binaries,
    /// Its cluster.
    pub data: PathBuf,
    /// Folder of its socket; the port is 5432.
    pub socket: PathBuf,
    /// Whether it ran before it was asked to start.
    pub was_running: bool,
}

/// What is known of a server without starting it.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// Whether it takes connections.
    pub running: bool,
    /// Process id, when it runs.
    pub pid: Option<i32>,
    /// Version of its programs, or the major version of the cluster while it has never run.
    pub version: Option<String>,
    /// Its folder.
    pub dir: PathBuf,
    /// Its cluster, when there is one.
    pub data: Option<PathBuf>,
    /// Folder of its socket.
    pub socket: PathBuf,
    /// Folder of its log files.
    pub log: PathBuf,
}

impl Running {
    /// The connection string for `database`; see [`database::url`](super::url).
    #[must_use]
    pub fn url(&self, database: &str) -> String {
        database::url(&self.socket, database)
    }

    /// The connection string for a role of its own, on a server whose cluster was made elsewhere.
    #[must_use]
    pub fn url_as(&self, role: &str, database: &str) -> String {
        database::url_as(&self.socket, role, database)
    }

    /// The version of the server's programs.
    #[must_use]
    pub fn version(&self) -> Version {
        self.binaries.version
    }

    /// Creates the database when it is missing; true when it was. Safe to call from several
    /// processes at once.
    ///
    /// # Errors
    /// A name that PostgreSQL cannot hold; the server is out of reach.
    pub async fn ensure_database(&self, name: &str) -> Result<bool> {
        database::ensure(&self.socket, name).await
    }

    /// Drops the database, ends its sessions and creates it again, empty.
    ///
    /// # Errors
    /// As [`Self::ensure_database`].
    pub async fn recreate_database(&self, name: &str) -> Result<()> {
        database::drop_database(&self.socket, name).await?;
        database::ensure(&self.socket, name).await?;
        Ok(())
    }
}
