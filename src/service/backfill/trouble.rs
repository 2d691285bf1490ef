//! What a failed statement means for a worker.

use crate::error::{Error, Kind};

/// Why a chunk did not happen. None of these leaves a trace in the table.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Somebody else holds the window now.
    Lease,
    /// It took too long.
    Timeout,
    /// Another transaction was in the way.
    Contention(String),
    /// A row of it cannot be converted.
    Data(String),
    /// Anything else; a lost connection too.
    Other(Error),
}

impl From<tokio_postgres::Error> for Trouble {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(server) = error.as_db_error() else {
            return Self::Other(error.into());
        };
        let code = server.code().code();
        match code {
            "TGF01" => Self::Lease,
            "57014" => Self::Timeout,
            "55P03" | "40P01" | "40001" => Self::Contention(server.message().to_owned()),
            _ if ["21", "22", "23"].contains(&&code[..2]) || code == "P0001" => {
                Self::Data(format!("{} [{code}]", server.message()))
            }
            _ => Self::Other(error.into()),
        }
    }
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Whether a new connection may help.
pub(super) fn connection_lost(error: &Error) -> bool {
    matches!(error.kind(), Kind::ConnectionLost | Kind::Unreachable)
}
