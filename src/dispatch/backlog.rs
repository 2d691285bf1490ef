//! What lies in the queue of the workers.

use serde::Serialize;
use sqlx::Row;
use sqlx::postgres::PgPool;

use super::Order;
use super::queue::SCHEMA;
use crate::error::Result;

/// Failed orders that are told by name; more are only counted.
const TOLD: i64 = 20;

/// What lies in the queue.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Backlog {
    /// Orders that wait or will be tried again.
    pub waiting: i64,
    /// Orders in work.
    pub running: i64,
    /// Orders that failed for good. They stay until they are given again.
    pub failed: i64,
    /// The newest of those.
    pub failures: Vec<FailedOrder>,
}

/// An order that failed for good.
#[derive(Debug, Clone, Serialize)]
pub struct FailedOrder {
    /// The environment.
    pub environment: String,
    /// The work, in words.
    pub unit: String,
    /// Why it failed.
    pub error: String,
}

impl Backlog {
    /// Reads the queue; an empty one when the control database has none.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn read(pool: &PgPool) -> Result<Self> {
        let there: bool =
            sqlx::query_scalar("select pg_catalog.to_regclass($1 || '._private_jobs') is not null")
                .bind(SCHEMA)
                .fetch_one(pool)
                .await?;
        if !there {
            return Ok(Self::default());
        }
        let sql = format!(
            "select count(*) filter (where locked_at is null and attempts < max_attempts) as waiting, \
             count(*) filter (where locked_at is not null) as running, \
             count(*) filter (where locked_at is null and attempts >= max_attempts) as failed \
             from {SCHEMA}._private_jobs"
        );
        let row = sqlx::query(sqlx::AssertSqlSafe(sql))
            .fetch_one(pool)
            .await?;
        Ok(Self {
            waiting: row.try_get("waiting")?,
            running: row.try_get("running")?,
            failed: row.try_get("failed")?,
            failures: failures(pool).await?,
        })
    }
}

async fn failures(pool: &PgPool) -> Result<Vec<FailedOrder>> {
    let sql = format!(
        "select payload::text as payload, last_error from {SCHEMA}._private_jobs \
         where locked_at is null and attempts >= max_attempts order by updated_at desc limit $1"
    );
    let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
        .bind(TOLD)
        .fetch_all(pool)
        .await?;
    let mut found = Vec::new();
    for row in rows {
        let payload: String = row.try_get("payload")?;
        // An order of another version may have another shape; it is told as it is.
        let (environment, unit) = match serde_json::from_str::<Order>(&payload) {
            Ok(order) => (order.environment, order.unit.to_string()),
            Err(_) => (String::new(), payload),
        };
        found.push(FailedOrder {
            environment,
            unit,
            error: row
                .try_get::<Option<String>, _>("last_error")?
                .unwrap_or_default(),
        });
    }
    Ok(found)
}
