//! Sets up the log.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config;

/// Starts logging to stderr: warnings by default, nothing but errors with `quiet`, more with each
/// `verbose`. `TIDEGATE_LOG` takes the directives of [`EnvFilter`] and rules over both;
/// `TIDEGATE_LOG_FORMAT=json` writes one JSON object a line. See `docs/LOGGING.md`.
pub fn init(verbose: u8, quiet: bool) {
    let asked = config::log_directives();
    let parsed = asked.as_deref().map(EnvFilter::try_new);
    let (filter, refused) = match parsed {
        Some(Ok(filter)) => (filter, None),
        Some(Err(error)) => (EnvFilter::new(level(verbose, quiet)), Some(error)),
        None => (EnvFilter::new(level(verbose, quiet)), None),
    };
    let log = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second call in one process (a test) finds the log set up already.
    let _ = if config::log_json() {
        log.json().try_init()
    } else {
        let colour =
            std::io::stderr().is_terminal() && !config::no_color() && !config::dumb_terminal();
        log.with_ansi(colour).with_target(false).try_init()
    };
    if let Some(error) = refused {
        tracing::warn!(%error, "TIDEGATE_LOG is not understood and has no effect");
    }
}

fn level(verbose: u8, quiet: bool) -> &'static str {
    match (quiet, verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "tidegate=info,warn",
        (false, 2) => "tidegate=debug,info",
        (false, _) => "trace",
    }
}
