//! What every command is handed.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::args::{Format, Globals};
use crate::clock::Clock;
use crate::config::{Config, Target};
use crate::error::Result;
use crate::job::EventSink;

/// Everything a command may use besides its own arguments.
#[derive(Debug, Clone)]
pub struct App {
    /// The shared options.
    pub globals: Globals,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Set by Ctrl-C and SIGTERM; long work stops at its next safe point.
    pub cancel: CancellationToken,
    /// Where progress goes.
    pub events: Arc<dyn EventSink>,
}

impl App {
    /// Reads the configuration: files, variables, flags.
    ///
    /// # Errors
    /// Those of [`Config::load`].
    pub fn config(&self) -> Result<Config> {
        Config::load(&self.globals.overrides())
    }

    /// The database that the command works on: the environment's, with its secret resolved. The
    /// private server is started first when the environment is `local`.
    ///
    /// # Errors
    /// Unknown environment, unavailable secret, a refused plain-text production connection.
    pub async fn target(&self, config: &Config) -> Result<Target> {
        let environment = config.environment(self.globals.env.as_deref())?;
        environment.target(config).await
    }

    /// Whether stdout is to carry JSON.
    #[must_use]
    pub fn json(&self) -> bool {
        self.globals.format == Format::Json
    }
}
