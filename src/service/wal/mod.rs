//! WAL on its way into a repository and out of it.

mod audit;
mod brought;
mod command;
mod fetch;
mod follower;
mod foreign_path;
mod inventory;
mod piece;
mod push;
mod ready;
mod receiver;
mod slot;
mod socket;
mod spool;
mod upload;

pub use audit::{Audit, Behind, Watched, audit};
pub use brought::fetch_brought;
pub use command::{archive_command, restore_command};
pub use fetch::{Fetched, chain, fetch, fetch_live, fetch_whole};
pub(in crate::service) use foreign_path::foreign_path;
pub(in crate::service) use inventory::history;
pub use inventory::inventory;
pub(in crate::service) use push::cluster_of;
pub use push::{Pushed, Pusher, push};
pub use receiver::{Drained, Receiver, ReceiverOptions};
pub use slot::{DEFAULT_SLOT, slot, slots};
pub use socket::{Expected, WalSocket, fetch_through, push_through};
pub use spool::clusters_in;
