//! Recovery drills: a primary with load, a real disaster, the recovery from the repository alone,
//! and everything that proves that what came back is what it should be.

mod checks;
mod controls;
mod damage;
mod engine;
mod failure;
mod load;
mod oracle;
mod passive;
mod primary;
mod probe;
pub mod record;
mod run;
mod sandbox;
mod shop;
mod small_disk;
mod stock;
#[cfg(test)]
mod tests;
mod true_archive;

pub use checks::Checks;
pub use run::{Done, Drill, Sandbox, run};
