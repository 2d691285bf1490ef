//! The schedules' own ledger: which times were due, who claimed them, and how they ended.

mod claim;
mod presence;
mod standing;

pub use claim::{Cause, Claim, Ending, RunRecord, RunState, Wanted};
pub use presence::Presence;
pub use standing::Standing;
