//! Who copies a cluster, and who keeps the copy. The seam is [`BackupEngine`]: `native` drives
//! `pg_basebackup` and hands its stream over to be sealed; an engine that is a [`Keeper`], too,
//! keeps files and WAL in its own form (`docs/adr/0013-engines-that-keep-their-own-files.md`).

mod barman;
mod choose;
mod engine;
mod keeper;
mod kept_files;
mod local;
mod native;
mod pgbackrest;
mod said;
mod staging;
mod upload;

pub use barman::Barman;
pub use choose::{engine, identity, keeper, open};
pub use engine::{BackupEngine, Made, Order, Taken};
pub use keeper::{Doubt, Keeper, Labelled, Landing};
pub use native::Native;
pub use pgbackrest::PgBackRest;
pub use said::{no_replication, refused};
pub(crate) use staging::Staging;
pub use upload::Upload;
