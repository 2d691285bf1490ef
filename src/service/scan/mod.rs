//! `mask scan`: samples the tables of a database and has the classifier judge them.

mod access;
mod engine;
mod outcome;
mod sampler;

pub use engine::{Tools, scan};
pub use outcome::{Scan, ScannedColumn, Unsampled};
