//! The conversation with the server.

use serde::de::DeserializeOwned;
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;

use super::assemble::assemble;
use super::query::{ANSWERS, batch};
use crate::catalog::Catalog;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Attempts when objects vanish while their definitions are being printed, or are locked. Their
/// number times [`super::query::LOCK_TIMEOUT`] is about the longest wait.
const ATTEMPTS: u32 = 20;

/// Time between two attempts.
const PAUSE: std::time::Duration = std::time::Duration::from_millis(10);

/// Reads the catalog of the database that `session` is connected to, as of one snapshot.
///
/// Must not be called inside a transaction; see [`introspect_in_transaction`] for that. Needs no
/// privilege beyond `CONNECT`. May wait for a lock of a concurrent DDL command, for about 6 s, and
/// gives way to it: a deadlock, if there is one, is this side's loss.
///
/// # Errors
/// The connection breaks, a lock is not given in time, the session is in a transaction already.
pub async fn introspect(session: &Session) -> Result<Catalog> {
    let text = batch(session.version(), true);
    let mut attempt = 1;
    loop {
        let retry = attempt < ATTEMPTS;
        match session.simple_query(&text).await {
            Ok(messages) => match finish(session, messages, true).await {
                Err(error) if retry && error.kind() == Kind::Internal => {}
                result => return result,
            },
            Err(error) if retry && passes(&error) => {}
            Err(error) => return Err(error.into()),
        }
        attempt += 1;
        tokio::time::sleep(PAUSE).await;
    }
}

/// Reads the catalog as the current transaction of `session` sees it, its own uncommitted changes
/// included.
///
/// # Errors
/// The connection breaks; a lock is not given in time; the transaction has failed before.
pub async fn introspect_in_transaction(session: &Session) -> Result<Catalog> {
    let messages = session
        .simple_query(&batch(session.version(), false))
        .await?;
    finish(session, messages, false).await
}

/// Definitions are printed with the newest state, not with the snapshot's: a concurrent `DROP`
/// makes that fail with an internal error of the server, or give nothing where a definition is due.
/// Printing a view takes locks, which a concurrent command may hold.
fn passes(error: &tokio_postgres::Error) -> bool {
    error.code().is_some_and(|code| {
        [
            SqlState::INTERNAL_ERROR,
            SqlState::LOCK_NOT_AVAILABLE,
            SqlState::T_R_DEADLOCK_DETECTED,
        ]
        .contains(code)
    })
}

async fn finish(
    session: &Session,
    messages: Vec<SimpleQueryMessage>,
    with_snapshot: bool,
) -> Result<Catalog> {
    let answers = Answers::new(messages, with_snapshot)?;
    let (mut catalog, may_read_control) = assemble(answers)?;
    if may_read_control {
        catalog.system_identifier = system_identifier(session).await?;
    }
    Ok(catalog)
}

async fn system_identifier(session: &Session) -> Result<Option<String>> {
    let messages = session
        .simple_query("select system_identifier::text from pg_catalog.pg_control_system()")
        .await?;
    Ok(messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

/// The rows of each query, handed out in the order of the queries.
pub(super) struct Answers(std::vec::IntoIter<Vec<String>>);

impl Answers {
    fn new(messages: Vec<SimpleQueryMessage>, with_snapshot: bool) -> Result<Self> {
        let mut answers = Vec::with_capacity(ANSWERS + 1);
        let mut rows = Vec::new();
        for message in messages {
            match message {
                SimpleQueryMessage::Row(row) => rows.extend(row.get(0).map(str::to_owned)),
                SimpleQueryMessage::CommandComplete(_) => answers.push(std::mem::take(&mut rows)),
                _ => {}
            }
        }
        // The settings before the queries answer too, without rows.
        let settings = 1 + 2 * usize::from(with_snapshot);
        answers.drain(..settings.min(answers.len()));
        if answers.len() != ANSWERS {
            return Err(Error::new(
                Kind::Internal,
                format!(
                    "the server gave {} of {ANSWERS} answers about its catalog",
                    answers.len()
                ),
            ));
        }
        Ok(Self(answers.into_iter()))
    }

    /// The rows of the next query.
    pub(super) fn next<T: DeserializeOwned>(&mut self) -> Result<Vec<T>> {
        let rows = self.0.next().unwrap_or_default();
        rows.iter().map(|row| parse(row)).collect()
    }

    /// The rows of the next query, each with the identifier of the relation it belongs to.
    pub(super) fn next_attached<T: DeserializeOwned>(&mut self) -> Result<Vec<(u32, T)>> {
        let rows = self.0.next().unwrap_or_default();
        rows.iter()
            .map(|row| Ok((relation_of(row)?, parse(row)?)))
            .collect()
    }
}

/// The first field of an attached row; reading the row twice as JSON would cost more than the rest.
fn relation_of(row: &str) -> Result<u32> {
    row.strip_prefix("{\"relation\":")
        .and_then(|rest| rest.split_once(','))
        .and_then(|(number, _)| number.parse().ok())
        .ok_or_else(|| {
            Error::new(
                Kind::Internal,
                format!("an answer about the catalog belongs to no relation: {row}"),
            )
        })
}

fn parse<T: DeserializeOwned>(row: &str) -> Result<T> {
    serde_json::from_str(row).map_err(|error| {
        Error::new(
            Kind::Internal,
            format!("an answer about the catalog is not as expected: {error}: {row}"),
        )
        .because(error)
    })
}
