//! `tidegate migrate`: one module a subcommand.

mod apply;
mod calendar;
mod command;
mod lint;
mod new;
mod plan;
mod resolve;
mod rollback;
mod status;
mod verify;

pub(super) use command::Command;
pub(super) use command::run;
