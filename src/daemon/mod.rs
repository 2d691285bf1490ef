//! The daemon: a scheduler, and pages over HTTP for health and metrics.

mod health;
mod http;
mod metrics;
mod scheduler;

pub use http::serve;
pub use scheduler::{Scheduler, Tally};
