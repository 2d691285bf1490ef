//! Connection strings and databases of a private server.

use std::fmt::Write;
use std::path::Path;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

use crate::error::{Error, Result};
use crate::sql::Ident;

/// The role that owns everything in a private server.
pub(super) const USER: &str = "postgres";

/// The connection string for `database` on the server whose socket is in `socket`. The host
/// stands in the query, because many URL parsers refuse a path as a host.
#[must_use]
pub fn url(socket: &Path, database: &str) -> String {
    url_as(socket, USER, database)
}

/// The same for another role.
pub(super) fn url_as(socket: &Path, role: &str, database: &str) -> String {
    format!(
        "postgresql:///{}?host={}&user={}",
        encoded(database.as_bytes(), b""),
        encoded(socket.as_os_str().as_encoded_bytes(), b"/"),
        encoded(role.as_bytes(), b"")
    )
}

fn encoded(bytes: &[u8], keep: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(byte) || keep.contains(byte);
        if plain {
            text.push(char::from(*byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
        text
    })
}

/// Connects to `database`, for Tidegate's own house-keeping.
pub(super) async fn connect(socket: &Path, database: &str) -> Result<Client> {
    let (client, connection) = tokio_postgres::Config::new()
        .host_path(socket)
        .user(USER)
        .dbname(database)
        .application_name("tidegate/server")
        .connect(NoTls)
        .await?;
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection ended");
        }
    });
    client.batch_execute("set search_path = pg_catalog").await?;
    Ok(client)
}

/// Creates the database when it is missing; true when it was.
pub(super) async fn ensure(socket: &Path, name: &str) -> Result<bool> {
    let ident = Ident::new(name)?;
    let client = connect(socket, USER).await?;
    let found = client
        .query_opt(
            "select 1 from pg_catalog.pg_database where datname = $1",
            &[&name],
        )
        .await?;
    if found.is_some() {
        return Ok(false);
    }
    let statement = format!("create database {ident}");
    for attempt in 0_u64.. {
        match client.batch_execute(&statement).await {
            Ok(()) => return Ok(true),
            Err(error) if made_by_another(&error) => return Ok(false),
            // Another session copies or looks at template1 just now.
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) && attempt < 50 => {
                tokio::time::sleep(std::time::Duration::from_millis(10 * (attempt + 1))).await;
            }
            Err(error) => return Err(Error::from(error)),
        }
    }
    Ok(false)
}

fn made_by_another(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::DUPLICATE_DATABASE)
        || error.code() == Some(&SqlState::UNIQUE_VIOLATION)
}

/// Drops the database with everything in it, ending its sessions.
pub(super) async fn drop_database(socket: &Path, name: &str) -> Result<()> {
    let ident = Ident::new(name)?;
    let client = connect(socket, USER).await?;
    let statement = format!("drop database if exists {ident} with (force)");
    Ok(client.batch_execute(&statement).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_names_survive_the_url() {
        let text = url(Path::new("/tmp/a b/ü&c"), "my/db?x=%");
        assert_eq!(
            text,
            "postgresql:///my%2Fdb%3Fx%3D%25?host=/tmp/a%20b/%C3%BC%26c&user=postgres"
        );
        let config: tokio_postgres::Config = text.parse().unwrap();
        assert_eq!(config.get_dbname(), Some("my/db?x=%"));
        assert_eq!(config.get_user(), Some("postgres"));
        assert_eq!(
            config.get_hosts(),
            [tokio_postgres::config::Host::Unix("/tmp/a b/ü&c".into())]
        );
    }
}
