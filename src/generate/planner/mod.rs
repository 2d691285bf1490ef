//! From catalog and spec to a plan that is proven before the first row.

mod attribute;
mod build;
mod digits;
mod draft;
mod options;
mod reference;
mod scene;
mod unique;

pub use build::plan;
pub use options::{Options, Standing, StandingTable};
