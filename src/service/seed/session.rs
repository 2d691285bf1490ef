//! Connections of a seeding.

use crate::config::Target;
use crate::error::Result;
use crate::postgres::Session;
use crate::sql::Ident;

/// A session in which the users' functions, in checks, indexes and generated columns, find their
/// objects: it has the project's search path, under which the server also plans plain reads of tables
/// with indexes over functions.
///
/// # Errors
/// Those of the connection.
pub async fn open(target: &Target) -> Result<Session> {
    let session = Session::connect(target, "seed").await?;
    let path = target.search_path.iter();
    let path = path
        .map(|name| Ok(Ident::new(name.clone())?.to_string()))
        .collect::<Result<Vec<_>>>()?;
    let path = if path.is_empty() {
        "pg_catalog".to_owned()
    } else {
        path.join(", ")
    };
    session
        .batch_execute(&format!(
            "set search_path = {path}; set idle_in_transaction_session_timeout = 0; \
             set lock_timeout = '30s'"
        ))
        .await?;
    Ok(session)
}
