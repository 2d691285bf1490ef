//! Random schemas, seeded and proven by brute force.

mod judge;
mod property;
mod schema;
