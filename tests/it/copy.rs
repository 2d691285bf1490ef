//! Copies between two databases of a real server.

mod agree;
mod archive;
mod gate;
mod inside;
mod kills;
mod refusals;
mod roles;
mod rotation;
mod rules;
mod stage;
mod subset;
mod swap;
mod types;
