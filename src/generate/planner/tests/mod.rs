//! Random schemas, seeded and proven by brute force.

mod cases;
mod judge;
mod property;
pub(in crate::generate) mod schema;
