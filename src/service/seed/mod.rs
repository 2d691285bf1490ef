//! Seeding: a plan's rows are made and written on many connections, with the tables' indexes,
//! constraints and triggers out of the way, and everything that was taken off is put back.
//!
//! A process that dies at any moment loses nothing: ranges and taken objects are in the ledger
//! (`control::seed`), and the next run goes on.

mod abandon;
mod already;
mod derive;
mod engine;
mod finish;
mod hooks;
mod keys;
mod load;
mod make;
pub mod profile;
mod put_back;
mod refuse;
mod rehearse;
mod request;
mod standing;
mod templates;
mod unhook;

pub use engine::{Engine, Options, Outcome, TableOutcome, session};
pub use refuse::{refuse, refuse_unfinished};
pub use request::Request;
pub use standing::{refuse_renumbered, standing};
pub use templates::{Reset, Template, Templates};
