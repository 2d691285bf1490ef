//! From catalog and spec to a plan that is proven before the first row.

mod attribute;
mod build;
mod check;
mod chosen;
mod cycle;
mod derived;
mod digits;
mod draft;
mod exclusion;
mod fixed;
mod kept;
mod keys;
mod labels;
mod loosen;
mod options;
mod overlap;
mod per;
mod reading;
mod reference;
mod rehearse;
mod room;
mod scene;
mod shared;
#[cfg(test)]
pub(in crate::generate) mod tests;
mod unique;
mod ways;

pub use build::plan;
pub use options::{Options, Standing, StandingTable};
pub use rehearse::rehearse;
