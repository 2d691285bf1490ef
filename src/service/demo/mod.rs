//! The demo: the three-release change under live traffic, with real processes and real kills, on
//! a private PostgreSQL of its own; then a masked copy for staging, rows for dev, and a drill.

mod chapters;
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

pub use outcome::{
    BackfillFigures, Check, CopyFigures, Demo, DrillFigures, LockFigures, PhaseTime, SeedFigures,
    TrafficFigures,
};
pub use story::{Request, run};
