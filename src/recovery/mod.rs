//! Backups and WAL as values: what a repository holds, and what can be recovered from it. Pure.

mod lsn;
mod manifest;
mod segment;

pub use lsn::Lsn;
pub use manifest::{BackupManifest, Collation, MANIFEST_VERSION, Part, Settings, Stream};
pub use segment::{Branch, Segment, TimelineHistory};
