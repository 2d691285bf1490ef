//! Files that somebody else keeps.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;

use super::{Location, SealKey};
use crate::error::Result;

/// A file in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Its name in the repository, with the folder that it is mounted under.
    pub name: String,
    /// Bytes that it takes where it lies.
    pub bytes: u64,
    /// When it came there.
    pub at: DateTime<Utc>,
}

/// A folder of a [`Repository`](super::Repository) whose files are kept by another program, in its
/// own form and sealed by it. They have the names and the content that Tidegate's own would have.
pub trait Files: Debug + Send + Sync {
    /// The folder that they are mounted under, such as `wal`.
    fn folder(&self) -> &'static str;

    /// Every file, in no order.
    ///
    /// # Errors
    /// [`Kind::Storage`](crate::error::Kind::Storage).
    fn list(&self) -> BoxFuture<'_, Result<Vec<Entry>>>;

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// As [`Self::list`].
    fn exists<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>>;

    /// The content of a file.
    ///
    /// # Errors
    /// [`Kind::Storage`](crate::error::Kind::Storage) when it is not there,
    /// [`Kind::SealBroken`](crate::error::Kind::SealBroken) when it does not open.
    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<u8>>>;

    /// Writes a new file; the bytes that it takes.
    ///
    /// # Errors
    /// [`Kind::StorageExists`](crate::error::Kind::StorageExists) when there is one of that name
    /// with other content.
    fn put<'a>(&'a self, name: &'a str, content: Bytes) -> BoxFuture<'a, Result<u64>>;

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// As [`Self::list`].
    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>>;

    /// The same files in a copy of the repository, or under another key.
    ///
    /// # Errors
    /// The location is none that the program can use.
    fn elsewhere(&self, location: &Location, key: &SealKey) -> Result<Arc<dyn Files>>;
}
