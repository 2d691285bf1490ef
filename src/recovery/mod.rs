//! Backups, WAL and drills as values: what is in a repository, what can be recovered from it,
//! and what a drill proves. Pure.

mod acknowledged;
mod chain;
mod control;
pub(crate) mod drill;
mod expiry;
mod extrapolation;
mod file_list;
mod fitness;
mod goes_on;
mod identity;
mod lineage;
mod log_end;
mod logical;
mod lsn;
mod manifest;
mod objectives;
mod oracle;
mod page;
mod pieces;
mod point;
mod record;
mod retention;
mod rotation;
mod segment;
mod slot;
mod tablespace_made;
mod target;
mod wal_map;

pub use acknowledged::{Acknowledged, Loss, value_of};
pub use chain::{Presence, WalChain, WalFile, history_name, increment_name, wal_folder, wal_name};
pub use control::{Choice, DEFAULT as DEFAULT_CONTROLS, Damage};

pub use drill::{
    ControlResult, DrillCheck, DrillPhase, DrillReport, DrillSource, OracleCount, RECOVERY_PHASES,
    Verdict, bytes, seconds,
};
pub use expiry::Timelines;
pub use extrapolation::{Extrapolation, Sample, extrapolate};
pub use file_list::{FILE_LIST, Unpacked};
pub use fitness::{Extension, OtherCollation, PRELOADED, libraries};
pub use goes_on::goes_on;
pub use identity::RepositoryIdentity;
pub use lineage::lineage;
pub use log_end::log_end;
#[cfg(test)]
pub(crate) use log_end::tests as log_end_tests;
#[cfg(test)]
pub(crate) use logical::tests as logical_tests;
pub use logical::{Archive, Contents, LOGICAL_VERSION, LogicalManifest};
pub use lsn::Lsn;
#[cfg(test)]
pub(crate) use manifest::tests as manifest_tests;
pub use manifest::{
    BackupManifest, Brought, Collation, Kept, KeptFile, MANIFEST_VERSION, Part, Settings, Stream,
    provider_name,
};
pub use objectives::{Objectives, WalFacts, WalMode, WorstCase, oldest_base};
pub use oracle::{Oracle, TableSum};
#[cfg(test)]
pub(crate) use page::tests as page_tests;
pub use page::{PageHeader, SMALLEST_SEGMENT, WAL_PAGE, is_segment_size};
pub use pieces::{Increment, Pieces};
pub use point::{RestorePoint, before_release, point_named};
pub use record::{DrillRecord, Link, RECORDS, Told, record_name, record_number, unbroken};
pub use retention::{Decision, Held, Retention};
pub use rotation::{Coverage, Sight, Turn, coverage, decisive, next_turn};
pub use segment::{Branch, Segment, TimelineHistory, untold};
pub use slot::{SlotState, UNGUARDED_REMEDY, lost_remedy, slot_name};
pub use tablespace_made::{MadeTablespace, made_tablespaces};
pub use target::{RecoveryTarget, reaching};
pub use wal_map::{Followed, Hole, Inventory, Reach, WalMap};
