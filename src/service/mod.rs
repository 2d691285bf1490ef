//! Services: each carries out one job of the product with the domain rooms and the adapters.

pub mod backfill;
pub mod copy;
pub mod demo;
pub mod migrate;
