//! What long-running work has in common: its events, its states, and when it is due.

mod event;
mod schedule;
mod state;

pub use event::{Event, EventSink, Progress, Silent};
pub use schedule::{Cadence, Due};
pub use state::JobState;
