//! Configuration: layers with the origin of each value, environments, secret references.

mod environment;
mod load;
mod surroundings;
mod target;
pub mod vars;

pub use environment::{Environment, Policy, Tier};
pub use load::{Config, Overrides, no_color};
pub use surroundings::{dumb_terminal, log_directives, log_json};
pub use target::Target;
