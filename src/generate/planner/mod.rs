//! From catalog and spec to a plan that is proven before the first row.

mod asked;
mod attribute;
mod build;
mod check;
mod chosen;
mod correlated;
mod cycle;
mod derived;
mod digits;
mod draft;
mod element;
mod exclusion;
mod fixed;
mod given;
mod kept;
mod keys;
mod labels;
mod ladder;
mod leaves;
mod left_out;
mod loosen;
mod matching;
mod options;
mod overlap;
mod partial;
mod per;
mod place;
mod reading;
mod reference;
mod rehearse;
mod room;
mod scene;
mod shared;
mod siblings;
mod slots;
mod taken;
mod tenancy;
#[cfg(test)]
pub(in crate::generate) mod tests;
mod tree;
mod unique;
mod ways;
mod written;

pub use build::plan;
pub use options::{Options, Standing, StandingTable};
pub use rehearse::rehearse;
