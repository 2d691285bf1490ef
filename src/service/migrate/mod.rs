//! Carries out migrations: gather -> plan -> check gates -> execute step by step -> journal.

mod apply;
mod drift;
mod gates;
mod gather;
mod point;
mod project;
mod readers;
mod resolve;
mod rollback;
mod runner;
mod status;
mod step;
mod verify;

pub use apply::{Applied, AppliedPhase, Backfill, Request};
pub use gates::{Evidence, Gate, evaluate};
pub use gather::{Gathered, gather};
pub use point::unmarked;
pub use project::{load_change, load_changes};
pub use resolve::{Resolution, Resolved};
pub use rollback::{RolledBack, Scope};
pub use runner::{Runner, Tools};
pub use status::{ChangeStatus, HistoryItem};
pub use verify::{Finding, Verified};
