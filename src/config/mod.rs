//! Configuration: layers with the origin of each value, environments, secret references.

mod backup;
mod dsn;
mod environment;
mod file;
mod load;
mod masked;
mod read_rate;
mod schedule;
mod secret;
mod shown;
mod span;
mod surroundings;
mod target;
pub mod vars;

pub use backup::BackupConfig;
pub use dsn::{Tls, TlsMode};
pub use environment::{Environment, Policy, Tier};
pub use load::{Config, FILE_NAME, Overrides, Setting, no_color, schema};
pub use read_rate::{ReadRate, parse_rate};
pub use schedule::{DispatchTo, Schedule};
pub use span::{SecretRef, parse_duration};
pub use surroundings::{dumb_terminal, log_directives, log_json};
pub(crate) use target::KEEPALIVES;
pub use target::Target;
