//! What the environment says of the terminal and of logging.

/// Whether the terminal cannot move its cursor (`TERM=dumb`), so that nothing may be redrawn.
#[must_use]
pub fn dumb_terminal() -> bool {
    std::env::var_os("TERM").is_none_or(|value| value == "dumb")
}

/// The directives in `TIDEGATE_LOG`, in the syntax of `tracing_subscriber::EnvFilter`.
#[must_use]
pub fn log_directives() -> Option<String> {
    std::env::var("TIDEGATE_LOG")
        .ok()
        .filter(|text| !text.is_empty())
}

/// Whether `TIDEGATE_LOG_FORMAT` asks for JSON lines.
#[must_use]
pub fn log_json() -> bool {
    std::env::var_os("TIDEGATE_LOG_FORMAT").is_some_and(|value| value == "json")
}
