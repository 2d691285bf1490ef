//! Restore points before the phases of migrations: written into the WAL, and on record in the
//! repository, so that a restore knows which base backup lies before them.

use std::sync::Arc;

use tokio_postgres::error::SqlState;

use crate::clock::Clock;
use crate::engines::identity;
use crate::error::{Kind, Result};
use crate::postgres::Session;
use crate::recovery::{Lsn, RestorePoint};
use crate::service::backup::system_identifier;
use crate::storage::Repository;

/// A phase that is about to begin.
#[derive(Debug, Clone, Copy)]
pub struct Before<'a> {
    /// The release at which it is due.
    pub release: &'a str,
    /// The change.
    pub change: &'a str,
    /// The phase.
    pub phase: &'a str,
}

/// What became of a restore point.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// It is in the WAL and on record.
    Yes(RestorePoint),
    /// It could not be made, for this reason.
    No(String),
    /// The repository holds the backups of another cluster: nobody could restore to it from there.
    Elsewhere,
}

/// Whether nothing of a release is in the database.
const UNTOUCHED: &str =
    "select not exists (select from tidegate.phase where release = $1 and state <> 'undone')";

const CREATE: &str = "select pg_catalog.pg_create_restore_point($1)::pg_catalog.text";

/// Marks the place before a phase. A migration does not depend on it: what the server refuses is a
/// [`Marked::No`].
///
/// # Errors
/// Those of the repository, and of a connection that is lost.
pub async fn mark(
    session: &Session,
    repository: &Repository,
    before: Before<'_>,
    clock: &Arc<dyn Clock>,
) -> Result<Marked> {
    let Some(identity) = identity(repository).await? else {
        let location = repository.location();
        return Ok(Marked::No(format!("{location} holds no backup yet")));
    };
    if identity.system_identifier != system_identifier(session).await? {
        return Ok(Marked::Elsewhere);
    }
    let first = session.query_one(UNTOUCHED, &[&before.release]).await?;
    let at = clock.now();
    let name = RestorePoint::name_at(before.release, before.change, before.phase, at);
    let lsn: Lsn = match session.query_one(CREATE, &[&name]).await {
        Ok(row) => match row.try_get::<_, String>(0)?.parse() {
            Ok(lsn) => lsn,
            Err(why) => return Ok(Marked::No(why)),
        },
        Err(error) if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            return Ok(Marked::No(
                "the role may not: `grant execute on function pg_create_restore_point(text)` lets it"
                    .to_owned(),
            ));
        }
        Err(error) => match error.as_db_error() {
            Some(refused) => return Ok(Marked::No(refused.message().to_owned())),
            None => return Err(error.into()),
        },
    };
    let point = RestorePoint {
        version: 1,
        name,
        release: before.release.to_owned(),
        change: before.change.to_owned(),
        phase: before.phase.to_owned(),
        first: first.try_get(0)?,
        lsn,
        at,
    };
    let text = serde_json::to_vec(&point)
        .map_err(|error| crate::error::Error::new(Kind::Internal, error.to_string()))?;
    repository.put(&point.file(), text).await?;
    Ok(Marked::Yes(point))
}

/// The points of a repository.
#[derive(Debug, Clone, Default)]
pub struct Points {
    /// Those on record.
    pub known: Vec<RestorePoint>,
    /// What is wrong with records that do not open, each with its file.
    pub damaged: Vec<String>,
}

/// All points on record. A record that is damaged takes no other along.
///
/// # Errors
/// Those of the repository.
pub async fn points(repository: &Repository) -> Result<Points> {
    let mut points = Points::default();
    for (file, _) in repository.list(RestorePoint::FOLDER).await? {
        let point = async { RestorePoint::from_bytes(&file, &repository.get(&file).await?) };
        match point.await {
            Ok(point) => points.known.push(point),
            Err(error) if matches!(error.kind(), Kind::SealBroken | Kind::SealKey) => {
                points.damaged.push(error.to_string());
            }
            Err(error) => return Err(error),
        }
    }
    Ok(points)
}
