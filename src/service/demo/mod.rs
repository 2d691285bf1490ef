//! The demo: the three-release change under live traffic, with real processes and real kills, on
//! a private PostgreSQL of its own.

mod checks;
mod child;
mod interruption;
mod locks;
mod outcome;
mod record;
mod shop;
mod story;
mod traffic;
mod verdict;

pub use outcome::{BackfillFigures, Check, Demo, LockFigures, PhaseTime, TrafficFigures};
pub use story::{Request, run};
