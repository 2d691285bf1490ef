//! Seeding: a plan's rows are made and written on many connections, with the tables' indexes,
//! constraints and triggers out of the way, and everything that was taken off is put back.
//!
//! A process that dies at any moment loses nothing: ranges and taken objects are in the ledger
//! (`control::seed`), and the next run goes on.

mod abandon;
mod already;
mod asked;
mod blame;
mod derive;
mod engine;
mod finish;
mod forecast;
mod give_up;
mod hooks;
mod keys;
mod load;
mod make;
pub mod profile;
mod put_back;
mod refuse;
mod rehearse;
mod request;
mod session;
mod staging;
mod standing;
mod stored;
mod templates;
mod unhook;

pub use engine::{Engine, Options, Outcome, TableOutcome};
pub use forecast::{Forecast, TableForecast, forecast};
pub use refuse::refuse;
pub use request::Request;
pub use session::open;
pub use standing::{refuse_renumbered, standing, templates};
pub use templates::{Reset, Template, Templates};
