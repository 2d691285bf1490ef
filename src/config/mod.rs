//! Configuration: layers with the origin of each value, environments, secret references.

mod environment;
mod load;
mod target;
pub mod vars;

pub use environment::{Environment, Policy, Tier};
pub use load::{Config, Overrides, no_color};
pub use target::Target;
