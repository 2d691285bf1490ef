//! Tidegate: migrations, backfills, copies, seeds and recovery drills for PostgreSQL.
//!
//! The crate is a functional core with an imperative shell. Read `ARCHITECTURE.md` first; in
//! short, the direction of dependencies is
//! `sql, catalog -> migration, backfill, ... -> postgres, control, vault -> service -> cli`.

pub mod backfill;
pub mod catalog;
pub mod cli;
pub mod clock;
pub mod config;
pub mod control;
pub mod copy;
pub mod daemon;
pub mod diff;
pub mod dispatch;
pub mod engines;
pub mod error;
pub mod generate;
pub mod governance;
pub mod job;
pub mod masking;
pub mod migration;
pub mod postgres;
pub mod recovery;
pub mod report;
pub mod service;
pub mod sql;
pub mod storage;
pub mod subset;
pub mod telemetry;
pub mod vault;
pub mod world;

pub use error::{Error, Result};
