//! Copies between two databases of a real server.

mod archive;
mod gate;
mod kills;
mod refusals;
mod rules;
mod stage;
mod swap;
mod types;
