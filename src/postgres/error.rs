//! What PostgreSQL says, in Tidegate's words.

use tokio_postgres::error::SqlState;

use crate::error::{Error, Kind};

/// Classifies an error of the driver by its SQLSTATE.
#[must_use]
pub fn from_postgres(error: tokio_postgres::Error) -> Error {
    let Some(server) = error.as_db_error() else {
        let kind = if error.is_closed() {
            Kind::ConnectionLost
        } else {
            Kind::Unreachable
        };
        return Error::new(kind, error.to_string()).because(error);
    };
    let kind = kind_of(server.code(), server.message());
    let mut text = server.message().to_owned();
    if let Some(detail) = server.detail() {
        text = format!("{text} ({detail})");
    }
    let mapped = Error::new(kind, format!("{text} [{}]", server.code().code()));
    match server.hint() {
        Some(hint) => mapped.hint(hint.to_owned()),
        None => mapped,
    }
}

fn kind_of(code: &SqlState, message: &str) -> Kind {
    match code.code() {
        // PostgreSQL knows the parameter `options`; poolers refuse it, or most of what is in it.
        "08P01" if message.contains("unsupported startup parameter") => Kind::Pooler,
        // A statement that this session prepared is not there, or another session's is: names are
        // never used twice on one connection.
        "26000" | "42P05" => Kind::Pooler,
        "55P03" => Kind::LockTimeout,
        "57014" => Kind::Timeout,
        "42501" => Kind::Privilege,
        "25006" => Kind::ReadOnly,
        "53100" => Kind::DiskFull,
        "57P01" | "57P02" | "57P03" | "08000" | "08003" | "08006" => Kind::ConnectionLost,
        "42601" => Kind::SqlSyntax,
        "42P01" | "42703" | "42704" | "42883" | "3F000" => Kind::UnknownObject,
        "42P07" | "42701" | "42710" => Kind::ObjectExists,
        "3D000" => Kind::AuthFailed,
        state if state.starts_with("28") => Kind::AuthFailed,
        _ => Kind::Sql,
    }
}

impl From<tokio_postgres::Error> for Error {
    fn from(error: tokio_postgres::Error) -> Self {
        from_postgres(error)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let kind = match &error {
            sqlx::Error::Database(server) => server.code().map_or(Kind::Sql, |code| {
                kind_of(&SqlState::from_code(&code), server.message())
            }),
            sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Kind::ConnectionLost
            }
            sqlx::Error::Tls(_) => Kind::Tls,
            _ => Kind::Internal,
        };
        Self::new(kind, error.to_string()).because(error)
    }
}
