//! Logical backups: tables as `pg_dump` writes them, sealed like everything else. They are beside the
//! base backups, not among them (`docs/adr/0015-a-logical-backup-is-an-archive-for-each-table.md`).

mod contents;
mod create;
mod expire;
mod load;
mod restore;
mod shelf;
mod target;
mod units;

pub(super) use contents::unreadable;
pub use create::{LogicalBackup, LogicalCreated};
pub use expire::LogicalExpiry;
pub(super) use expire::{decide, remove};
pub use restore::{LogicalRestore, LogicalRestored, TableRestored};
pub use shelf::LogicalShelf;
