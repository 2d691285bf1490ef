//! Services: each carries out one job of the product with the domain rooms and the adapters.

pub mod backfill;
pub mod backup;
pub mod copy;
mod databases;
pub mod demo;
pub mod diff;
pub mod drill;
pub mod masking;
pub mod migrate;
pub mod process;
mod programs;
pub mod rescue;
pub mod restore;
pub mod scan;
pub mod schedule;
mod scratch;
pub mod seed;
pub mod subset;
pub mod unit;
pub mod wal;
