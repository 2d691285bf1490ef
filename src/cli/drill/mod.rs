//! `tidegate drill`: restore drills and their history.

mod command;
mod files;
mod history;
mod page;

pub(super) use command::{Command, run};
