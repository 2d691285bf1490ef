//! Backups and WAL as values: what a repository holds, and what can be recovered from it. Pure.

mod identity;
mod lsn;
mod manifest;
mod retention;
mod rotation;
mod segment;

pub use identity::RepositoryIdentity;
pub use lsn::Lsn;
pub use manifest::{BackupManifest, Collation, MANIFEST_VERSION, Part, Settings, Stream};
pub use retention::{Decision, Held, Retention};
pub use rotation::{Coverage, Sight, Turn, coverage, next_turn};
pub use segment::{Branch, Segment, TimelineHistory};
