//! A database to connect to.

use super::{Config, Environment, Policy, Tier};
use crate::error::{Error, Kind, Result};

/// A database to connect to, with everything that a connection to it must obey.
#[derive(Debug, Clone)]
pub struct Target {
    /// Name of the environment.
    pub environment: String,
    /// Its tier.
    pub tier: Tier,
    /// Its policy.
    pub policy: Policy,
    /// The project.
    pub project: String,
    /// Schemas that user SQL and unqualified names are resolved in, in order.
    pub search_path: Vec<String>,
    /// Connections that Tidegate may hold at most.
    pub pool: u32,
    pub(crate) postgres: tokio_postgres::Config,
}

impl Target {
    pub(super) fn parse(url: &str, environment: &Environment, config: &Config) -> Result<Self> {
        let postgres = url
            .parse()
            .map_err(|_| Error::new(Kind::ConnectionString, "not a connection string"))?;
        Ok(Self {
            environment: environment.name.clone(),
            tier: environment.tier,
            policy: environment.policy.clone(),
            project: config.project.clone(),
            search_path: config.search_path.clone(),
            pool: environment.pool,
            postgres,
        })
    }

    /// `database@host`, without user and password.
    #[must_use]
    pub fn label(&self) -> String {
        self.postgres.get_dbname().unwrap_or("postgres").to_owned()
    }
}

impl Target {
    /// The same connection for the control plane's driver.
    #[must_use]
    pub fn sqlx_options(&self, purpose: &str) -> sqlx::postgres::PgConnectOptions {
        use tokio_postgres::config::Host;
        let mut options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .application_name(&format!("tidegate/{purpose}"))
            .port(self.postgres.get_ports().first().copied().unwrap_or(5432))
            .options([("search_path", "pg_catalog"), ("timezone", "UTC")]);
        match self.postgres.get_hosts().first() {
            Some(Host::Tcp(host)) => options = options.host(host),
            Some(Host::Unix(path)) => options = options.socket(path),
            None => {}
        }
        if let Some(user) = self.postgres.get_user() {
            options = options.username(user);
        }
        if let Some(database) = self.postgres.get_dbname() {
            options = options.database(database);
        }
        if let Some(password) = self.postgres.get_password() {
            options = options.password(&String::from_utf8_lossy(password));
        }
        options
    }
}
