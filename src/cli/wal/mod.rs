//! `tidegate wal`: what servers call to hand over and to fetch WAL, the receiver, and the auditor.

mod audit;
mod command;
mod receive;

pub(super) use command::{Command, failed, guards_recovery, run};
