//! Who copies a cluster: the seam [`BackupEngine`], and `native`, which drives `pg_basebackup`.

mod engine;
mod native;
mod said;
mod staging;
mod upload;

pub use engine::{BackupEngine, Order, Taken};
pub use native::Native;
pub use said::no_replication;
pub(crate) use staging::Staging;
pub use upload::Upload;
