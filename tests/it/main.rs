//! The integration tests: one binary, one module a capability, real PostgreSQL throughout.
//! See `docs/TESTING.md`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test that meets the unexpected shall fail loudly, and says what it did not do"
)]

mod audit;
mod backfill;
mod catalog;
mod catalog_columns;
mod cli;
mod config;
mod copy_gate;
mod demo;

mod docs;
mod harness;
mod hazards;
mod kills;
mod migrate;
mod migrate_faults;
mod pooler;
mod private_server;
mod privileges;
mod support;
mod tidy;
mod unwell_servers;
