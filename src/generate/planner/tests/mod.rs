//! Random schemas, seeded and proven by brute force.

mod cases;
mod judge;
mod property;
mod rooms;
pub(in crate::generate) mod schema;
