//! `tidegate mask`: one module a subcommand.

mod check;
mod command;
mod lock;
mod preview;
mod scan;

pub(super) use command::{Command, run};
