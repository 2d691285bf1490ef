//! Logging. Logs go to stderr, results to stdout.

mod logging;

pub use logging::init;
