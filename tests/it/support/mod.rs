//! What every test needs: a shared server, a database of its own, a project, the binary.
#![allow(
    dead_code,
    unused_imports,
    reason = "a toolbox; not every test needs every tool"
)]

mod cli;
mod database;
mod project;
mod server;

pub(crate) use cli::{Cli, Outcome, Running};
pub(crate) use database::Database;
pub(crate) use project::Project;
pub(crate) use server::{Server, programs, programs_of_home, unprivileged};
