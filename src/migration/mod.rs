//! Schema changes over several releases: change files, phases, operations, plans.
//!
//! Everything here is pure. A change file becomes a [`Change`]; its operations, looked at with a
//! catalog, become [`Step`]s; the steps that are due become a [`Plan`], which is shown, hashed,
//! approved and only then executed by `service::migrate`.

mod calendar;
mod change;
mod dual_write;
mod file;
mod operation;
mod phase;
mod plan;
mod reference;
mod release;
mod sql_file;
mod step;
mod toml_file;

pub use calendar::{Calendar, CalendarRow};
pub use change::{Change, Definition, SourceFile, in_order, next_number, releases};
pub use file::parse_change;
pub use operation::{
    AddColumn, DropColumn, GateSpec, Guard, NewColumn, Operation, PlainSql, Planning, Probe,
    ReplaceColumn, SetNotNull,
};
pub use phase::{Phase, Schedule};
pub use plan::{Entry, Ledger, LedgerPhase, PhaseState, Plan, Situation, TargetIdentity};
pub use release::{AppSession, Release};
pub use step::{Action, Cost, Step, Undo};
pub use toml_file::schema;
