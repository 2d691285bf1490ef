//! Copies between two databases of a real server.

mod faults;
mod stage;
mod swap;
mod types;
