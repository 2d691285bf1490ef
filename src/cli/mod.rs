//! The command line: one file per command, each an `Args` struct (its doc comments are the help)
//! and a short `run`. Results are values that [`render`] prints; nothing else writes to stdout.

mod access;
mod app;
mod args;
mod audit;
mod backfill;
mod backup;
mod config;
mod copy;
mod copy_archive;
mod demo;
mod diff;
mod docs;
mod doctor;
mod drill;
mod edge;
mod env;
mod init;
mod mask;
mod migrate;
mod place;
pub mod render;
mod restore;
mod schedule;
mod seed;
mod serve;
mod server;
mod wal;
mod worker;

pub use app::App;
pub use args::{Cli, Command, Globals};
pub use edge::main;
