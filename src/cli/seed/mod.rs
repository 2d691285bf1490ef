//! `tidegate seed`: synthetic data.

mod command;
mod plan;
mod report;
mod template;

pub(super) use command::{Command, run};
