//! A database to connect to.

use tokio_postgres::config::Host;

use super::dsn::{self, Tls, TlsMode};
use super::{Config, Environment, Policy, ReadRate, Tier};
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
    /// How fast it is read, by all sessions together.
    pub read_rate: ReadRate,
}

/// Settings by which the server notices, after 25 s, that a silent client was cut off from the
/// network, and lets its locks go. Without them it would take two hours. Sockets ignore them.
pub(crate) const KEEPALIVES: &[(&str, &str)] = &[
    ("tcp_keepalives_idle", "10"),
    ("tcp_keepalives_interval", "5"),
    ("tcp_keepalives_count", "3"),
];

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
            read_rate: ReadRate::default(),
        })
    }

    /// `database@host`, without user and password.
    #[must_use]
    pub fn label(&self) -> String {
        let database = self.postgres.get_dbname().unwrap_or("postgres");
        match self.postgres.get_hosts().first() {
            Some(Host::Tcp(host)) => format!("{database}@{host}"),
            Some(Host::Unix(_)) | None => database.to_owned(),
        }
    }
}

impl Target {
    /// The same connection for the control plane's driver.
    ///
    /// # Errors
    /// [`Kind::ConfigValue`] when that driver might reach another server than the data plane's:
    /// several hosts, or a `hostaddr` whose certificate is checked for another name.
    pub fn sqlx_options(&self, purpose: &str) -> Result<sqlx::postgres::PgConnectOptions> {
        use sqlx::postgres::PgSslMode;
        self.one_server()?;
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
            .options([("search_path", "pg_catalog"), ("timezone", "UTC")])
            .options(KEEPALIVES.iter().copied());
        match (self.postgres.get_hostaddrs(), self.postgres.get_hosts()) {
            ([address, ..], _) => options = options.host(&address.to_string()),
            ([], [Host::Tcp(host), ..]) => options = options.host(host),
            ([], [Host::Unix(path), ..]) => options = options.socket(path),
            ([], []) => {}
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
        Ok(options)
    }

    /// The ledger must lie in the very database that is changed, so nothing may be left to which
    /// of several servers answers first.
    fn one_server(&self) -> Result<()> {
        let (hosts, addresses) = (self.postgres.get_hosts(), self.postgres.get_hostaddrs());
        if hosts.len().max(addresses.len()) > 1 {
            return Err(Error::new(
                Kind::ConfigValue,
                format!(
                    "{}: the connection names several servers, and the ledger could end up on another one than the data",
                    self.environment
                ),
            )
            .hint("name one host: the primary, or an address that follows it"));
        }
        if let ([address], [Host::Tcp(host)]) = (addresses, hosts)
            && self.tls.mode >= TlsMode::VerifyFull
            && *host != address.to_string()
        {
            return Err(Error::new(
                Kind::ConfigValue,
                format!(
                    "{}: hostaddr {address} cannot be used with a certificate checked for {host}",
                    self.environment
                ),
            )
            .hint("leave hostaddr out and let the name be resolved"));
        }
        Ok(())
    }
}

impl Target {
    /// The same server and role, another database.
    #[must_use]
    pub fn at_database(&self, name: &str) -> Self {
        let mut other = self.clone();
        other.postgres.dbname(name);
        other
    }

    /// Whether both are one database by their addresses; two names of one server are not seen.
    #[must_use]
    pub fn is_at(&self, other: &Self) -> bool {
        let port = |target: &Self| target.postgres.get_ports().first().copied().unwrap_or(5432);
        self.database() == other.database()
            && self.postgres.get_hosts() == other.postgres.get_hosts()
            && self.postgres.get_hostaddrs() == other.postgres.get_hostaddrs()
            && port(self) == port(other)
    }

    /// Name of the database.
    #[must_use]
    pub fn database(&self) -> &str {
        self.postgres.get_dbname().unwrap_or("postgres")
    }

    /// Name of the role that connects.
    #[must_use]
    pub fn role(&self) -> &str {
        self.postgres.get_user().unwrap_or_default()
    }

    /// The same connection as variables for PostgreSQL's own programs, the password among them: a
    /// command line can be read by every user of the machine, an environment cannot.
    ///
    /// # Errors
    /// As [`Target::sqlx_options`]: several servers.
    pub fn libpq_environment(&self, purpose: &str) -> Result<Vec<(&'static str, String)>> {
        self.one_server()?;
        let mode = match self.tls.mode {
            TlsMode::Disable => "disable",
            TlsMode::Prefer => "prefer",
            TlsMode::Require => "require",
            TlsMode::VerifyCa => "verify-ca",
            TlsMode::VerifyFull => "verify-full",
        };
        let mut variables = vec![
            ("PGDATABASE", self.database().to_owned()),
            ("PGUSER", self.role().to_owned()),
            ("PGAPPNAME", format!("tidegate/{purpose}")),
            ("PGSSLMODE", mode.to_owned()),
            ("PGCONNECT_TIMEOUT", "10".to_owned()),
        ];
        let port = self.postgres.get_ports().first().copied();
        variables.push(("PGPORT", port.unwrap_or(5432).to_string()));
        match self.postgres.get_hosts().first() {
            Some(Host::Tcp(host)) => variables.push(("PGHOST", host.clone())),
            Some(Host::Unix(path)) => variables.push(("PGHOST", path.display().to_string())),
            None => {}
        }
        if let Some(address) = self.postgres.get_hostaddrs().first() {
            variables.push(("PGHOSTADDR", address.to_string()));
        }
        if let Some(password) = self.postgres.get_password() {
            variables.push(("PGPASSWORD", String::from_utf8_lossy(password).into_owned()));
        }
        if let Some(root) = &self.tls.root {
            variables.push(("PGSSLROOTCERT", root.display().to_string()));
        }
        if let Some((certificate, key)) = &self.tls.client {
            variables.push(("PGSSLCERT", certificate.display().to_string()));
            variables.push(("PGSSLKEY", key.display().to_string()));
        }
        Ok(variables)
    }
}
