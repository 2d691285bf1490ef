//! `tidegate seed`: synthetic data.

mod command;
mod plan;
mod report;
mod template;

pub use command::Command;
pub(super) use command::run;
