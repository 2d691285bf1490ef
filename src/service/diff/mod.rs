//! `tidegate diff`: compares tables of two databases and finds the rows that differ. It only reads.
//!
//! [`between`] connects to both sides and takes their snapshots; [`compare`] is the same on two
//! sessions of the caller, for the gate of the masked copy.

mod compare;
mod details;
mod pair;
mod scan;
mod selection;
mod snapshot;

pub use compare::{Options, Sides, Watch, between, compare};
pub use pair::Pair;
pub use selection::Selection;
pub(in crate::service) use snapshot::BEGIN;
