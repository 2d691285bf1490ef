//! One connection to PostgreSQL with its settings pinned.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use crate::config::{KEEPALIVES, ReadRate, Target};
use crate::error::{Error, Kind, Result};

/// How long a connection may take to be ready, when its string says nothing.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);

/// The driver's time before it asks whether a silent server is there.
const DRIVERS_IDLE: Duration = Duration::from_secs(2 * 60 * 60);

/// `server_version_num` of the oldest server that Tidegate works with.
const OLDEST: i32 = 140_000;

/// One connection, pinned: `search_path` is `pg_catalog`, times are UTC, floats print exactly.
#[derive(Debug)]
pub struct Session {
    rate: ReadRate,
    client: tokio_postgres::Client,
    pid: i32,
    version: i32,
}

/// Settings of every session, asked for with the connection. They are not set by statements: behind
/// a pooler in transaction mode those would reach the sessions of an application.
pub(crate) const PINS: &[(&str, &str)] = &[
    ("search_path", "pg_catalog"),
    ("timezone", "UTC"),
    ("datestyle", "ISO, YMD"),
    ("intervalstyle", "postgres"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    // Policies must not hide rows from a backfill or from its proof: an error is better.
    ("row_security", "off"),
    ("statement_timeout", "0"),
    ("lock_timeout", "5s"),
    ("idle_in_transaction_session_timeout", "1min"),
];

/// Who we are, and whether the settings hold. The last one is set here because servers before
/// PostgreSQL 14 do not know it, and they are to be refused by name.
const GREETING: &str = "select pg_catalog.pg_backend_pid(), pg_catalog.current_setting('server_version_num')::int, \
    pg_catalog.current_setting('search_path') = 'pg_catalog' and pg_catalog.current_setting('lock_timeout') = '5s', \
    case when pg_catalog.current_setting('server_version_num')::int >= 140000 \
    then pg_catalog.set_config('client_connection_check_interval', '1s', false) end";

/// Refuses a server that is too old, and one that the settings did not reach; `version` is its
/// `server_version_num`.
pub(crate) fn admit(label: &str, version: i32, pinned: bool) -> Result<()> {
    if version < OLDEST {
        return Err(Error::new(
            Kind::ServerTooOld,
            format!("{label} runs PostgreSQL {}", version / 10_000),
        ));
    }
    if !pinned {
        return Err(Error::new(
            Kind::Pooler,
            format!("{label}: the settings asked for did not reach the server"),
        ));
    }
    Ok(())
}

/// What the server's command line would say: `-c name=value`, blanks escaped
/// (<https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS>).
/// The user's own options come first, so that the pins win.
fn options(own: Option<&str>) -> String {
    use std::fmt::Write as _;
    let mut text = own.unwrap_or_default().to_owned();
    for (name, value) in PINS.iter().chain(KEEPALIVES) {
        let value = value.replace('\\', "\\\\").replace(' ', "\\ ");
        // Writing into a String cannot fail.
        let _ = write!(text, " -c {name}={value}");
    }
    text.trim_start().to_owned()
}

impl Session {
    /// Accounts for bytes of rows that were read: waits when the target is read faster than it may.
    pub async fn spend(&self, bytes: usize) {
        self.rate.spend(bytes).await;
    }

    /// Connects; `purpose` becomes part of `application_name` (`tidegate/apply`).
    ///
    /// # Errors
    /// The server is out of reach, refuses the login, or is older than PostgreSQL 14;
    /// [`Kind::Pooler`] when something in between keeps the settings from it.
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
        config.options(options(target.postgres.get_options()));
        notice_silence(&mut config);
        let (client, connection) = config
            .connect(super::tls::connector(&target.tls)?)
            .await
            .map_err(|error| unreachable(target, error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(%error, "connection ended");
            }
        });
        let row = client.query_one(GREETING, &[]).await?;
        let version: i32 = row.get(1);
        admit(&target.label(), version, row.get(2))?;
        Ok(Self {
            pid: row.get(0),
            version,
            rate: target.read_rate.clone(),
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

/// Notices a server that was cut off from the network, unless the user's own connection string says
/// when: after 2 minutes. Not sooner, since Linux counts a server that rightly takes nothing for a
/// while (a stall of its disk in the middle of COPY) as one that is not there (tcp(7), `TCP_USER_TIMEOUT`).
fn notice_silence(config: &mut tokio_postgres::Config) {
    if config.get_keepalives_idle() == DRIVERS_IDLE && config.get_keepalives_interval().is_none() {
        config
            .keepalives_idle(Duration::from_secs(10))
            .keepalives_interval(Duration::from_secs(5))
            .keepalives_retries(3);
    }
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(Duration::from_secs(120));
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn old_servers_and_unpinned_sessions_are_refused() {
        let kind = |version, pinned| admit("shop", version, pinned).map_err(|error| error.kind());
        assert_eq!(kind(140_000, true), Ok(()));
        assert_eq!(kind(130_023, false), Err(Kind::ServerTooOld));
        assert_eq!(kind(180_001, false), Err(Kind::Pooler));
    }

    #[test]
    fn the_pins_follow_the_users_options() {
        let text = options(Some("-c work_mem=64MB"));
        assert!(
            text.starts_with("-c work_mem=64MB -c search_path=pg_catalog "),
            "{text}"
        );
        assert!(text.contains(" -c datestyle=ISO,\\ YMD "), "{text}");
        assert!(options(None).starts_with("-c search_path="));
    }
}
