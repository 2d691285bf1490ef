//! `tidegate mask`: one module a subcommand.

mod command;
mod scan;

pub(super) use command::{Command, run};
