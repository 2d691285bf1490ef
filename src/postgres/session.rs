//! One connection to PostgreSQL with its settings pinned.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use crate::config::Target;
use crate::error::{Error, Kind, Result};

/// How long a connection may take to be ready, when its string says nothing.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// `server_version_num` of the oldest server that Tidegate works with.
const OLDEST: i32 = 140_000;

/// One connection, pinned: `search_path` is `pg_catalog`, times are UTC, floats print exactly.
#[derive(Debug)]
pub struct Session {
    client: tokio_postgres::Client,
    pid: i32,
    version: i32,
}

/// Settings of every session. The lock timeout is set by whoever takes locks.
const PINS: &str = "set search_path = pg_catalog; set timezone = 'UTC'; \
    set datestyle = 'ISO, YMD'; set intervalstyle = 'postgres'; set extra_float_digits = 1; \
    set bytea_output = 'hex'; set statement_timeout = 0; set lock_timeout = '5s'; \
    set idle_in_transaction_session_timeout = '1min'; \
    set client_connection_check_interval = '1s'";

impl Session {
    /// Connects; `purpose` becomes part of `application_name` (`tidegate/apply`).
    ///
    /// # Errors
    /// The server is out of reach, refuses the login, or is older than PostgreSQL 14.
    pub async fn connect(target: &Target, purpose: &str) -> Result<Self> {
        // The driver's own limit ends with the TCP connection; a server may be silent after it.
        let limit = target
            .postgres
            .get_connect_timeout()
            .copied()
            .unwrap_or(CONNECT_LIMIT)
            .saturating_mul(u32::try_from(target.postgres.get_hosts().len().max(1)).unwrap_or(1));
        tokio::time::timeout(limit, Self::connect_without_limit(target, purpose))
            .await
            .map_err(|_| {
                let seconds = limit.as_secs_f64();
                let label = target.label();
                Error::new(
                    Kind::Unreachable,
                    format!("{label}: no answer in {seconds:.0} s"),
                )
            })?
    }

    async fn connect_without_limit(target: &Target, purpose: &str) -> Result<Self> {
        let mut config = target.postgres.clone();
        config.application_name(format!("tidegate/{purpose}"));
        let (client, connection) = config
            .connect(super::tls::connector(&target.tls)?)
            .await
            .map_err(|error| unreachable(target, error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        client.batch_execute(PINS).await?;
        let row = client
            .query_one(
                "select pg_backend_pid(), current_setting('server_version_num')::int",
                &[],
            )
            .await?;
        let version: i32 = row.get(1);
        if version < OLDEST {
            return Err(Error::new(
                Kind::ServerTooOld,
                format!("{} runs PostgreSQL {}", target.label(), version / 10_000),
            ));
        }
        Ok(Self {
            pid: row.get(0),
            version,
            client,
        })
    }

    /// Process id of the server's backend.
    #[must_use]
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// `server_version_num`, for example 150018.
    #[must_use]
    pub fn version(&self) -> i32 {
        self.version
    }
}

impl Deref for Session {
    type Target = tokio_postgres::Client;

    fn deref(&self) -> &Self::Target {
        &self.client
    }
}

impl DerefMut for Session {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.client
    }
}

/// A connection that was not made: who was asked for, and why not.
fn unreachable(target: &Target, error: tokio_postgres::Error) -> Error {
    let mapped = Error::from(error);
    let kind = match mapped.kind() {
        Kind::ConnectionLost => Kind::Unreachable,
        other => other,
    };
    let cause = mapped
        .cause()
        .and_then(std::error::Error::source)
        .map_or_else(String::new, |cause| format!(": {cause}"));
    let hint = mapped.hint_text().to_owned();
    let hint = if kind == mapped.kind() {
        hint
    } else {
        kind.policy().hint.to_owned()
    };
    Error::new(kind, format!("{}: {mapped}{cause}", target.label())).hint(hint)
}
