//! Progress on stderr: bars when it is a terminal, nothing but log lines when it is not.

use std::sync::Arc;

use crate::cli::args::Globals;
use crate::job::{Event, EventSink};

/// The sink for this run.
pub fn progress(_globals: &Globals) -> Arc<dyn EventSink> {
    Arc::new(Log)
}

#[derive(Debug)]
struct Log;

impl EventSink for Log {
    fn emit(&self, event: Event) {
        tracing::info!("{event}");
    }
}
