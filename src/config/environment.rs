//! Environments and what their tier implies.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Config, Target};
use crate::error::Result;

/// What kind of environment it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// Synthetic data, reset at any time.
    Dev,
    /// Production-like data.
    Staging,
    /// Real data.
    Production,
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Dev => "dev",
            Self::Staging => "staging",
            Self::Production => "production",
        })
    }
}

/// What must hold before something dangerous runs in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Time that must pass between enforce and contract.
    pub soak: Duration,
    /// Grants that a plan needs before it runs.
    pub approvals: u32,
    /// How long a statement waits for a table lock before it gives up and tries again.
    pub lock_timeout: Duration,
    /// How often a statement that got no lock is tried.
    pub lock_attempts: u32,
}

impl Policy {
    /// The defaults of a tier.
    #[must_use]
    pub fn of(tier: Tier) -> Self {
        Self {
            soak: match tier {
                Tier::Dev => Duration::ZERO,
                Tier::Staging => Duration::from_secs(3600),
                Tier::Production => Duration::from_secs(24 * 3600),
            },
            approvals: 0,
            lock_timeout: Duration::from_secs(1),
            lock_attempts: 30,
        }
    }
}

/// One environment of the project.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Its name.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// Where its data lives; two environments may exchange personal data only in one region.
    pub region: Option<String>,
    /// Connections that Tidegate may hold at most.
    pub pool: u32,
    /// Its policy.
    pub policy: Policy,
    pub(super) url: String,
}

impl Environment {
    /// The database, with its secrets resolved.
    ///
    /// # Errors
    /// Unavailable secret, bad connection string, plain-text production connection.
    #[expect(clippy::unused_async, reason = "secrets come from commands")]
    pub async fn target(&self, config: &Config) -> Result<Target> {
        Target::parse(&self.url, self, config)
    }
}
