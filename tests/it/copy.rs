//! Copies between two databases of a real server.

mod agree;
mod apart;
mod archive;
mod archive_in_bucket;
mod extensions;
mod gate;
mod inside;
mod kills;
mod large_objects;
mod memory;
mod refusals;
mod roles;
mod rotation;
mod rules;
mod stage;
mod subset;
mod swap;
mod types;
