//! Rescue of single tables: what a restored cluster holds of them and the living database does not,
//! as a patch that a person reads before it runs.

mod compare;
mod file;
mod run;

pub use run::{Rescue, Rescued, Side, TableRescued};
