//! What long-running work has in common: its events and its states.

mod event;
mod state;

pub use event::{Event, EventSink, Progress, Silent};
pub use state::JobState;
