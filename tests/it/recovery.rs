//! Recovery: drills with a real disaster.

mod drill;
mod drill_controls;
mod drill_records;
