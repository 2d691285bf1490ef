//! Restores: a base backup from a repository, WAL up to a target, a server that takes connections.

mod fetch;
mod kept;
mod program;
mod run;

pub use program::reachable;
pub use run::{Phase, Restore, Restored};
