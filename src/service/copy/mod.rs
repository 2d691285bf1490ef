//! The masked copy of a database.

pub mod gate;
mod gate_report;

pub use gate_report::{Check, GateReport, Leak};
