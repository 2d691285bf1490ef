//! Puts a finished copy in the target's place, and takes it back.

use std::time::Duration;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::carry;
use super::databases::{Databases, Listed};
use super::settings::like;
use crate::control::copy as ledger;
use crate::copy::{Mark, Stage, before_name, working_name};
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::sql::{Ident, literal};

/// Time between two rounds of asking the target's sessions to go.
const ROUND: Duration = Duration::from_millis(50);

/// What was swapped.
#[derive(Debug, Clone, Serialize)]
pub struct Swapped {
    /// The run that is in use now; none when the database in use is not a copy.
    pub run: Option<String>,
    /// The name under which the database is kept that was in use before.
    pub kept: Option<Ident>,
    /// Databases that were dropped, since one is kept.
    pub dropped: Vec<Ident>,
}

/// Promotes the newest copy that passed its gate.
///
/// The names change in one transaction. `ALTER DATABASE ... RENAME` takes the lock that new
/// connections need and then waits, for up to 5 s, until nobody is connected; meanwhile another
/// session asks those who are to go. So there is no moment at which a process that dies would
/// leave the target closed, and a connection that comes meanwhile waits.
///
/// # Errors
/// [`Kind::CopyRefused`] when no copy is ready; those of the server, then nothing has changed.
pub async fn promote(databases: &Databases) -> Result<Swapped> {
    let ready = databases.newest(&[Stage::Ready]).await?.ok_or_else(|| {
        Error::new(
            Kind::CopyRefused,
            format!("no copy to {} is ready", databases.target.environment),
        )
        .hint("tidegate copy run makes one; tidegate copy status lists them")
    })?;
    let replaces = databases.exists(&databases.name).await?;
    let kept = before_name(databases.name.as_str(), &ready.mark.run)?;
    hand_over(databases, &ready, replaces).await?;
    let mut statements = vec![format!("alter database {} reset all", ready.name)];
    let mut mark = Mark {
        stage: Stage::Promoted,
        ..ready.mark.clone()
    };
    if replaces {
        statements.extend(like(databases, &databases.name, &ready.name).await?);
        let before = before_mark(databases, &ready.mark).await?;
        mark.comment.clone_from(&before.comment);
        statements.push(comment(&databases.name, &before)?);
    } else {
        let name = &ready.name;
        statements.push(format!(
            "grant connect, temporary on database {name} to public"
        ));
    }
    statements.push(comment(&ready.name, &mark)?);
    let mut renames = Vec::new();
    if replaces {
        renames.push((databases.name.clone(), kept.clone()));
    }
    renames.push((ready.name.clone(), databases.name.clone()));
    swap(databases, &renames, &statements).await?;
    let dropped = drop_older(databases, &kept).await?;
    Ok(Swapped {
        run: Some(ready.mark.run),
        kept: replaces.then_some(kept),
        dropped,
    })
}

/// Brings the database back that was in use before the last promotion. What is in use now is kept
/// under its working name.
///
/// # Errors
/// [`Kind::CopyRefused`] when none is kept; those of the server, then nothing has changed.
pub async fn rollback(databases: &Databases) -> Result<Swapped> {
    let before = databases.newest(&[Stage::Before]).await?.ok_or_else(|| {
        Error::new(
            Kind::CopyRefused,
            format!(
                "no earlier database of {} is kept",
                databases.target.environment
            ),
        )
    })?;
    let away = working_name(databases.name.as_str(), &before.mark.run)?;
    let mut statements = Vec::new();
    let current = databases.newest(&[Stage::Promoted]).await?;
    if let Some(current) = current.filter(|one| one.name == databases.name) {
        let mark = Mark {
            stage: Stage::RolledBack,
            ..current.mark
        };
        statements.push(comment(&databases.name, &mark)?);
    }
    let own = before
        .mark
        .comment
        .as_deref()
        .map_or("null".to_owned(), literal);
    statements.push(format!("comment on database {} is {own}", before.name));
    let renames = [
        (databases.name.clone(), away.clone()),
        (before.name.clone(), databases.name.clone()),
    ];
    swap(databases, &renames, &statements).await?;
    Ok(Swapped {
        run: None,
        kept: Some(away),
        dropped: Vec::new(),
    })
}

/// Continues the target's audit log in the copy and drops the copy's ledger; done already when an
/// earlier promotion got so far and failed after it.
async fn hand_over(databases: &Databases, ready: &Listed, replaces: bool) -> Result<()> {
    let copy = databases.target.at_database(ready.name.as_str());
    let session = Session::connect(&copy, "copy").await?;
    let Some(record) = ledger::record(&*session).await? else {
        return Ok(());
    };
    let manifest = record.manifest.ok_or_else(|| {
        Error::new(
            Kind::CopyGate,
            format!("the copy {} has no manifest", ready.mark.run),
        )
    })?;
    drop(session);
    let before = replaces.then_some(&databases.target);
    carry::audit(before, &copy, &ready.mark, &manifest).await
}

/// What is noted on the database that goes: it may be a copy itself.
async fn before_mark(databases: &Databases, ready: &Mark) -> Result<Mark> {
    let row = databases
        .session
        .query_one(
            "select pg_catalog.shobj_description(oid, 'pg_database') from pg_catalog.pg_database where datname = $1",
            &[&databases.name.as_str()],
        )
        .await?;
    let text: Option<String> = row.get(0);
    Ok(Mark {
        stage: Stage::Before,
        comment: match text.as_deref().map(Mark::read) {
            Some(Some(mark)) => mark.comment,
            _ => text,
        },
        ..ready.clone()
    })
}

fn comment(name: &Ident, mark: &Mark) -> Result<String> {
    Ok(format!(
        "comment on database {name} is {}",
        literal(&mark.comment()?)
    ))
}

/// Runs the statements and changes the names in one transaction, while everybody who is connected
/// to one of the databases is sent away.
pub(in crate::service) async fn swap(
    databases: &Databases,
    renames: &[(Ident, Ident)],
    statements: &[String],
) -> Result<()> {
    let mut sql = vec!["begin".to_owned()];
    sql.extend(statements.iter().cloned());
    sql.extend(
        renames
            .iter()
            .map(|(from, to)| format!("alter database {from} rename to {to}")),
    );
    sql.push("commit".to_owned());
    let names: Vec<&str> = renames.iter().map(|(from, _)| from.as_str()).collect();
    let text = sql.join("; ");
    let renaming = databases.session.batch_execute(&text);
    if let Err(error) = alone(databases, &names, renaming).await? {
        databases.session.batch_execute("rollback").await?;
        return Err(error.into());
    }
    Ok(())
}

/// Does what needs these databases for itself, while everybody who is connected is sent away.
pub(in crate::service) async fn alone<T>(
    databases: &Databases,
    names: &[&str],
    work: impl Future<Output = T>,
) -> Result<T> {
    let sender = Databases::open(&databases.target).await?;
    let done = CancellationToken::new();
    let mut sending = std::pin::pin!(send_away(&sender, names, &done));
    tokio::select! {
        result = work => {
            // The round that is under way knows the names as they were, and would still end sessions
            // that come after this returns.
            done.cancel();
            let _ = sending.await;
            Ok(result)
        }
        Err(error) = &mut sending => Err(error),
    }
}

/// Ends the sessions of these databases, again and again, until it is `done`. Each is told by its number and its name at
/// once: after the names have changed nobody is sent away any more.
async fn send_away(databases: &Databases, names: &[&str], done: &CancellationToken) -> Result<()> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let known = "select oid, datname::text from pg_catalog.pg_database \
                 where datname = any ($1::text[]::name[])";
    let rows = databases.session.query(known, &[&names]).await?;
    let numbers: Vec<u32> = rows.iter().map(|row| row.get(0)).collect();
    let names: Vec<String> = rows.iter().map(|row| row.get(1)).collect();
    loop {
        databases
            .session
            .execute(
                "select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity \
                 where (datid, datname) in ( \
                     select * from rows from (pg_catalog.unnest($1::oid[]), pg_catalog.unnest($2::text[]::name[]))) \
                   and pid <> pg_catalog.pg_backend_pid()",
                &[&numbers, &names],
            )
            .await?;
        tokio::select! {
            () = done.cancelled() => return Ok(()),
            () = tokio::time::sleep(ROUND) => {}
        }
    }
}

/// Drops what was kept by earlier promotions, copies that were rolled back or did not pass, and those
/// that waited for a promotion that a newer one has got.
async fn drop_older(databases: &Databases, kept: &Ident) -> Result<Vec<Ident>> {
    let mut dropped = Vec::new();
    for Listed { name, mark } in databases.list().await? {
        let old = matches!(
            mark.stage,
            Stage::Before | Stage::RolledBack | Stage::Failed | Stage::Ready
        );
        if old && name != *kept && name != databases.name {
            databases.discard(&name).await?;
            dropped.push(name);
        }
    }
    Ok(dropped)
}
