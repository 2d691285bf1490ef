//! `tidegate seed`: synthetic data.

mod command;
mod plan;
mod profile;
mod report;
mod template;

pub(super) use command::{Command, run};
