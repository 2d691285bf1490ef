//! Backups: base backups, and beside them logical ones; taken, listed, verified, and removed when nobody needs them any more.

mod admit;
mod audit;
mod beat;
mod create;
mod expire;
mod extensions;
mod increment;
mod lineage;
mod logical;
mod shelf;
mod source;
mod verify;

pub use admit::admit;
pub use audit::{Recorded, record};
pub use beat::SIGN_EVERY;
pub use create::{Backup, Created};
pub use expire::{Expire, Expired, Gone, Removed};
pub use increment::{Parent, summarizes_wal};
pub use lineage::ancestry;
pub use logical::{
    LogicalBackup, LogicalCreated, LogicalExpiry, LogicalRestore, LogicalRestored, LogicalShelf,
    TableRestored,
};
pub use shelf::{Damaged, Remains, Shelf};
pub use source::{sends_wal, system_identifier};
pub use verify::{Finding, Share, Verified, Verify};
