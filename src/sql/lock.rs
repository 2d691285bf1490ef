//! Table-level lock modes.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The lock a statement takes on the table it changes, weakest first.
/// <https://www.postgresql.org/docs/current/explicit-locking.html#LOCKING-TABLES>
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LockMode {
    /// No lock on a user's table.
    None,
    /// Row locks only, as `UPDATE` takes them.
    RowExclusive,
    /// Concurrent index builds, constraint validation, `ANALYZE`.
    ShareUpdateExclusive,
    /// `CREATE INDEX` without `CONCURRENTLY`: blocks writes.
    Share,
    /// `CREATE TRIGGER`, `ADD FOREIGN KEY`: blocks writes.
    ShareRowExclusive,
    /// `REFRESH MATERIALIZED VIEW CONCURRENTLY`: blocks all but plain reads.
    Exclusive,
    /// Most forms of `ALTER TABLE`: blocks reads too.
    AccessExclusive,
}

impl fmt::Display for LockMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::None => "none",
            Self::RowExclusive => "rows only",
            Self::ShareUpdateExclusive => "SHARE UPDATE EXCL.",
            Self::Share => "SHARE",
            Self::ShareRowExclusive => "SHARE ROW EXCL.",
            Self::Exclusive => "EXCLUSIVE",
            Self::AccessExclusive => "ACCESS EXCLUSIVE",
        })
    }
}
