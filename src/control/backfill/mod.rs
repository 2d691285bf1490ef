//! The ledger of backfill jobs. It lies in the database that holds the rows, since a chunk and its
//! entry must be one transaction; so it is read and written through the data plane's driver.

mod jobs;
mod quarantine;
mod targets;
mod windows;

pub use jobs::{
    JobRecord, Totals, job, jobs, note_progress, note_verification, request, resume, set_state,
    start, totals, tune,
};
pub use quarantine::{acquit, quarantine, quarantined};
pub use targets::{TargetRecord, create, targets};
pub use windows::{Cut, Lease, lease, move_on, release};
