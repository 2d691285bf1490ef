//! The audit log's rows.

use chrono::{DateTime, Utc};
use futures_util::TryStreamExt;
use sqlx::Row;
use sqlx::postgres::PgRow;

use super::Control;
use crate::error::{Error, Kind, Result};
use crate::governance::{AuditEntry, AuditEvent, Chain, Hash};

/// One statement for both drivers; the function takes the lock that keeps the chain linear.
const APPEND: &str = "select seq, at, actor, os_user, host, environment, action, \
    detail::text as detail, prev_hash, hash \
    from tidegate.audit_append($1, $2, $3, $4, $5, $6)";

const ALL: &str = "select seq, at, actor, os_user, host, environment, action, \
    detail::text as detail, prev_hash, hash from tidegate.audit order by seq";

const TAIL: &str = "select seq, at, actor, os_user, host, environment, action, \
    detail::text as detail, prev_hash, hash from tidegate.audit \
    where ($1::timestamptz is null or at >= $1) \
      and ($2::text is null or action = $2 or pg_catalog.starts_with(action, $2 || '.')) \
    order by seq desc limit $3";

/// Which entries are wanted.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    /// Not older than this.
    pub since: Option<DateTime<Utc>>,
    /// This action, or the actions below it: `migrate` finds `migrate.apply`.
    pub action: Option<String>,
    /// At most so many, the newest; none stands for all.
    pub limit: Option<u32>,
}

/// A log that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditHead {
    /// Number of entries.
    pub entries: i64,
    /// Hash of the newest.
    pub hash: Hash,
}

impl Control {
    /// Appends one event in a transaction of its own.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn append_audit(&self, event: &AuditEvent) -> Result<AuditEntry> {
        let mut connection = self.pool().acquire().await?;
        append_audit_on(&mut connection, event).await
    }

    /// The newest entries that fit, oldest first.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn audit_entries(&self, filter: &AuditFilter) -> Result<Vec<AuditEntry>> {
        let rows = sqlx::query(TAIL)
            .bind(filter.since)
            .bind(filter.action.as_deref())
            .bind(filter.limit.map(i64::from))
            .fetch_all(self.pool())
            .await?;
        rows.iter().rev().map(entry).collect()
    }

    /// Hands every entry to `take`, the oldest first, one row in memory at a time. Returns the head
    /// of the same snapshot: entries that are appended meanwhile belong to neither.
    ///
    /// # Errors
    /// [`Kind::AuditBroken`] when there is no head; those of the database and of `take`.
    pub async fn each_audit_entry(
        &self,
        mut take: impl FnMut(AuditEntry) -> Result<()>,
    ) -> Result<AuditHead> {
        let mut tx = self
            .pool()
            .begin_with("begin isolation level repeatable read read only")
            .await?;
        let head = sqlx::query("select seq, hash from tidegate.audit_head")
            .fetch_optional(&mut *tx)
            .await?
            .ok_or_else(|| Error::new(Kind::AuditBroken, "the head of the audit log is missing"))?;
        let mut rows = sqlx::query(ALL).fetch(&mut *tx);
        while let Some(row) = rows.try_next().await? {
            take(entry(&row)?)?;
        }
        Ok(AuditHead {
            entries: head.try_get("seq")?,
            hash: hash(&head, "hash")?,
        })
    }

    /// Walks the whole log. `expected` is a hash noted down earlier, which must still be in the
    /// chain: it finds a log that was rewritten as a whole.
    ///
    /// # Errors
    /// [`Kind::AuditBroken`] naming the first entry that does not hold.
    pub async fn verify_audit(&self, expected: Option<Hash>) -> Result<AuditHead> {
        let mut chain = Chain::expecting(expected);
        let head = self
            .each_audit_entry(|entry| Ok(chain.push(&entry)?))
            .await?;
        chain.finish(head.entries, head.hash)?;
        Ok(head)
    }
}

/// Appends one event inside a transaction of the control plane, so that it is recorded exactly when
/// the work is. The head of the log stays locked until that transaction ends: append last.
///
/// # Errors
/// Those of the database.
pub async fn append_audit_on(
    connection: &mut sqlx::PgConnection,
    event: &AuditEvent,
) -> Result<AuditEntry> {
    let row = sqlx::query(APPEND)
        .bind(&event.actor)
        .bind(&event.os_user)
        .bind(&event.host)
        .bind(&event.environment)
        .bind(&event.action)
        .bind(event.detail.to_string())
        .fetch_one(connection)
        .await?;
    entry(&row)
}

/// Appends one event inside a transaction of the data plane, so that it is recorded exactly when
/// the work is. The head of the log stays locked until that transaction ends: append last.
///
/// # Errors
/// Those of the database.
pub async fn append_audit_in(
    client: &impl tokio_postgres::GenericClient,
    event: &AuditEvent,
) -> Result<AuditEntry> {
    let row = client
        .query_one(
            APPEND,
            &[
                &event.actor,
                &event.os_user,
                &event.host,
                &event.environment,
                &event.action,
                &event.detail.to_string(),
            ],
        )
        .await?;
    Ok(AuditEntry {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        os_user: row.try_get("os_user")?,
        host: row.try_get("host")?,
        environment: row.try_get("environment")?,
        action: row.try_get("action")?,
        detail: row.try_get("detail")?,
        prev_hash: Hash::from_bytes(row.try_get("prev_hash")?)?,
        hash: Hash::from_bytes(row.try_get("hash")?)?,
    })
}

fn entry(row: &PgRow) -> Result<AuditEntry> {
    Ok(AuditEntry {
        seq: row.try_get("seq")?,
        at: row.try_get("at")?,
        actor: row.try_get("actor")?,
        os_user: row.try_get("os_user")?,
        host: row.try_get("host")?,
        environment: row.try_get("environment")?,
        action: row.try_get("action")?,
        detail: row.try_get("detail")?,
        prev_hash: hash(row, "prev_hash")?,
        hash: hash(row, "hash")?,
    })
}

fn hash(row: &PgRow, column: &str) -> Result<Hash> {
    Hash::from_bytes(row.try_get::<&[u8], _>(column)?)
}
