//! Picks the rows of a subset on a real database, under the snapshot of the copy.

mod coverage;
mod lookup;
mod seeds;
mod select;

pub use lookup::relation;
pub use select::{Selection, TableShare, select};
