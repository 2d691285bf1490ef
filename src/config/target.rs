//! A database to connect to.

use super::dsn::{self, Tls, TlsMode};
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
    /// How the connection is encrypted.
    pub tls: Tls,
}

impl Target {
    pub(super) fn parse(url: &str, environment: &Environment, config: &Config) -> Result<Self> {
        let (postgres, tls) = dsn::parse(url)?;
        let plain = tls.mode < TlsMode::Require && !dsn::only_sockets(&postgres);
        if environment.tier == Tier::Production && plain && !environment.allow_plaintext {
            return Err(Error::new(
                Kind::InsecureProduction,
                format!("{} would be reached over plain TCP", environment.name),
            ));
        }
        Ok(Self {
            environment: environment.name.clone(),
            tier: environment.tier,
            policy: environment.policy.clone(),
            project: config.project.clone(),
            search_path: config.search_path.clone(),
            pool: environment.pool,
            postgres,
            tls,
        })
    }

    /// `database@host`, without user and password.
    #[must_use]
    pub fn label(&self) -> String {
        use tokio_postgres::config::Host;
        let database = self.postgres.get_dbname().unwrap_or("postgres");
        match self.postgres.get_hosts().first() {
            Some(Host::Tcp(host)) => format!("{database}@{host}"),
            Some(Host::Unix(_)) | None => database.to_owned(),
        }
    }
}

impl Target {
    /// The same connection for the control plane's driver.
    #[must_use]
    pub fn sqlx_options(&self, purpose: &str) -> sqlx::postgres::PgConnectOptions {
        use sqlx::postgres::PgSslMode;
        use tokio_postgres::config::Host;
        let mut options = sqlx::postgres::PgConnectOptions::new_without_pgpass()
            .application_name(&format!("tidegate/{purpose}"))
            .port(self.postgres.get_ports().first().copied().unwrap_or(5432))
            .ssl_mode(match self.tls.mode {
                TlsMode::Disable => PgSslMode::Disable,
                TlsMode::Prefer => PgSslMode::Prefer,
                TlsMode::Require => PgSslMode::Require,
                TlsMode::VerifyCa => PgSslMode::VerifyCa,
                TlsMode::VerifyFull => PgSslMode::VerifyFull,
            })
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
        if let Some(root) = &self.tls.root {
            options = options.ssl_root_cert(root);
        }
        if let Some((certificate, key)) = &self.tls.client {
            options = options.ssl_client_cert(certificate).ssl_client_key(key);
        }
        options
    }
}
