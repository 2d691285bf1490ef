//! Connections of a seeding.

use std::time::Duration;

use super::engine::Engine;
use crate::config::Target;
use crate::error::{Error, Result};
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

/// Connections that were closed a moment ago still count for a while.
const TRIES: u32 = 50;
const PAUSE: Duration = Duration::from_millis(100);

/// As many sessions as the server gives, up to `count`; with a remark when they are fewer.
///
/// # Errors
/// Those of the connection, when it gives none.
pub(super) async fn several(engine: &Engine, count: usize) -> Result<Vec<Session>> {
    let mut sessions = Vec::new();
    for _ in 0..count.max(1) {
        match one(engine, sessions.is_empty()).await {
            Ok(session) => sessions.push(session),
            Err(error) if !sessions.is_empty() && is_full(&error) => {
                let given = sessions.len();
                engine.note(&format!(
                    "{given} workers instead of {count}: the server has no more connections"
                ));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(sessions)
}

/// A session; the first one is waited for.
async fn one(engine: &Engine, first: bool) -> Result<Session> {
    let mut tries = if first { TRIES } else { 1 };
    loop {
        tries -= 1;
        match engine.session().await {
            Err(error) if tries > 0 && is_full(&error) => tokio::time::sleep(PAUSE).await,
            other => return other,
        }
    }
}

/// Whether the server has no connection left: `too_many_connections`.
fn is_full(error: &Error) -> bool {
    error.to_string().ends_with("[53300]")
}
