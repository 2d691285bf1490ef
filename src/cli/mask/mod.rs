//! `tidegate mask`: one module a subcommand.

mod check;
mod command;
mod lock;
mod preview;

pub(super) use command::{Command, run};
