//! Sets up the log.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Starts logging to stderr: warnings by default, nothing but errors with `quiet`, more with each
/// `verbose`. `TIDEGATE_LOG` takes the directives of `tracing_subscriber::EnvFilter`.
pub fn init(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "tidegate=info,warn",
        (false, 2) => "tidegate=debug,info",
        (false, _) => "trace",
    };
    let filter = EnvFilter::try_from_env("TIDEGATE_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false)
        .try_init();
}
