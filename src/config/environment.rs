//! Environments and what their tier implies.

use std::fmt;
use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::span::SecretRef;
use super::{Config, Target};
use crate::error::{Error, Kind, Result};
use crate::postgres::private::{Options, PrivateServer};

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

impl Tier {
    /// Connections at most, unless the environment says otherwise.
    #[must_use]
    pub const fn pool(self) -> u32 {
        match self {
            Self::Dev => 5,
            Self::Staging => 20,
            Self::Production => 50,
        }
    }

    /// Level of the log, unless the environment says otherwise.
    #[must_use]
    pub const fn log_level(self) -> &'static str {
        match self {
            Self::Dev => "debug",
            Self::Staging => "info",
            Self::Production => "warn",
        }
    }
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

/// How an environment's database is found.
#[derive(Debug, Clone)]
pub(super) enum Source {
    /// A connection string, or where it is kept; and where the password is kept.
    Url(SecretRef, Option<SecretRef>),
    /// A connection string from a flag or a variable; it may hold a password.
    AdHoc(SecretString),
    /// The private server.
    Private,
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
    /// Level of the log.
    pub log_level: String,
    /// Whether a production tier may be reached over plain TCP.
    pub allow_plaintext: bool,
    /// Its policy.
    pub policy: Policy,
    pub(super) source: Source,
}

impl Environment {
    /// The database, with its secrets resolved. The private server is started when it does not run.
    ///
    /// # Errors
    /// Unavailable secret, bad connection string, plain-text production connection.
    pub async fn target(&self, config: &Config) -> Result<Target> {
        match &self.source {
            Source::AdHoc(url) => Target::parse(url.expose_secret(), self, config),
            Source::Private => {
                let running = PrivateServer::local()?.start(&Options::default()).await?;
                running.ensure_database(&config.project).await?;
                Target::parse(&running.url(&config.project), self, config)
            }
            Source::Url(url, password) => {
                let url = self.secret(url, "url", config).await?;
                let mut target = Target::parse(url.expose_secret(), self, config)?;
                if let Some(password) = password {
                    let password = self.secret(password, "password", config).await?;
                    target.postgres.password(password.expose_secret());
                }
                Ok(target)
            }
        }
    }

    /// Where the database is found, without any secret.
    #[must_use]
    pub fn source(&self) -> String {
        match &self.source {
            Source::Url(reference, _) => reference.to_string(),
            Source::AdHoc(_) => "given on the command line".to_owned(),
            Source::Private => "the private server".to_owned(),
        }
    }

    async fn secret(
        &self,
        reference: &SecretRef,
        key: &str,
        config: &Config,
    ) -> Result<SecretString> {
        config.secret(reference).await.map_err(|error| {
            Error::new(
                Kind::SecretUnavailable,
                format!("{key} of environment {}: {error}", self.name),
            )
        })
    }
}
