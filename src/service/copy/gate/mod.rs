//! The gate: what must hold before anybody sees a copy.

mod constraints;
mod counts;
mod run;

pub use run::{Subject, run};
