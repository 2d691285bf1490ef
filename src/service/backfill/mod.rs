//! The backfill engine: workers that lease windows and walk them in stripes, a monitor that looks
//! after the server and the application, and the verification at the end.

mod chunk;
mod engine;
mod monitor;
mod run;
mod trouble;
mod turnstile;
mod verify;
mod worker;

pub use engine::{Engine, Options, Outcome, may_settle};
