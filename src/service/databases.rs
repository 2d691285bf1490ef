//! Names of databases, which are bytes: a database whose encoding is not UTF-8 may be called by
//! what is no text here.

use std::fmt;

use crate::error::Result;
use crate::postgres::Session;

/// The database that everybody has.
const USUAL: &str = "postgres";

/// The databases of which `closed` says whether they are left out, the usual one last. The server converts
/// no byte of their names; character 92, the backslash, begins an escape. The templates of every cluster hold
/// nothing of anybody.
const DATABASES: &str = "select pg_catalog.decode(pg_catalog.replace(datname::pg_catalog.text, pg_catalog.chr(92), \
     pg_catalog.repeat(pg_catalog.chr(92), 2)), 'escape') \
     from pg_catalog.pg_database where (not datallowconn or datistemplate) = $2 \
       and not ($2 and datname in ('template0', 'template1')) order by datname = $1, datname";

/// The name of a database.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::service) enum Named {
    /// It can be entered by this name.
    Text(String),
    /// Its name is no text; what of it can be shown.
    Bytes(String),
}

impl fmt::Display for Named {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(name) | Self::Bytes(name) => f.write_str(name),
        }
    }
}

impl Named {
    fn new(name: Vec<u8>) -> Self {
        match String::from_utf8(name) {
            Ok(text) => Self::Text(text),
            Err(error) => Self::Bytes(error.as_bytes().escape_ascii().to_string()),
        }
    }
}

/// The databases that can be connected to, but for templates.
///
/// # Errors
/// Those of the server.
pub(in crate::service) async fn databases(session: &Session) -> Result<Vec<Named>> {
    named(session, false).await
}

/// The others: templates that somebody made, and those that allow no connections.
///
/// # Errors
/// Those of the server.
pub(in crate::service) async fn closed_databases(session: &Session) -> Result<Vec<Named>> {
    named(session, true).await
}

async fn named(session: &Session, closed: bool) -> Result<Vec<Named>> {
    let rows = session.query(DATABASES, &[&USUAL, &closed]).await?;
    rows.iter()
        .map(|row| Ok(Named::new(row.try_get(0)?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_text_or_it_is_shown_byte_by_byte() {
        let text = |name: &str| Named::Text(name.to_owned());
        assert_eq!(Named::new(b"x\xc3\xa9".to_vec()), text("x\u{e9}"));
        let bytes = Named::new(b"x\xe9".to_vec());
        assert_eq!(bytes, Named::Bytes("x\\xe9".to_owned()));
    }
}
