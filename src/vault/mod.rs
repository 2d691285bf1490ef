//! Where secrets come from. They are read anew at each use, so that a password can rotate without
//! a restart, and they never appear in an error.

mod provider;

pub use provider::{Command, EnvironmentVariable, File, SecretProvider};
