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
mod breakage;
mod catalog;
mod catalog_columns;
mod cli;
mod config;
mod copy;
mod copy_gate;
mod demo;
mod diff;

mod docs;
mod harness;
mod hazards;
mod kills;
mod mask_draft;
mod mask_policy;
mod mask_scan;
mod mask_wire;
mod migrate;
mod migrate_faults;
mod mirror;
mod pooler;
mod private_server;
mod privileges;
mod readers;
mod recovery;
mod resolve;
mod schedule;
mod seed;
mod share;
mod subset;
mod support;
mod tidy;
mod unwell_servers;
