//! Profiles: what the rows of a database look like, without any row. A profile is measured
//! (`service/seed/profile`), protected here before it can be written, read back as a spec, and
//! compared with another.

mod compare;
mod model;
mod pairs;
mod plans;
mod protect;
mod shape;
mod to_spec;

pub use compare::{Closeness, Comparison, Measure};
pub use model::{
    Category, ChildrenProfile, ColumnProfile, GapProfile, Profile, Protection, TableProfile, Unit,
    Values,
};
pub use pairs::{CaseProfile, GivenProfile, LEAST, RankProfile, cramers_v, strongest};
pub use plans::{PlanCloseness, PlanProfile, Query};
pub use protect::{Grid, Guard};
pub use shape::{pattern, plain_shape};
