//! Schedules: claims due times, runs their commands, and tells where they stand.

mod keeper;
mod status;

pub use keeper::{Keeper, Occasion};
pub use status::ScheduleStatus;
