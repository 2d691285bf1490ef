//! Rows whose value could not be computed.

use tokio_postgres::GenericClient;

use crate::backfill::JobId;
use crate::error::Result;
use crate::sql::QualifiedName;

/// Sets a row aside.
///
/// # Errors
/// The ledger cannot be written.
pub async fn quarantine(
    client: &impl GenericClient,
    id: JobId,
    relation: &QualifiedName,
    (tid, key): (&str, Option<&str>),
    error: &str,
) -> Result<i64> {
    client
        .execute(
            "insert into tidegate.backfill_quarantine (job_id, relation, row_tid, row_key, error) \
             values ($1, $2, $3, $4, $5) on conflict (job_id, relation, row_tid) \
             do update set error = excluded.error",
            &[&id.0, &relation.to_string(), &tid, &key, &error],
        )
        .await?;
    let row = client
        .query_one(
            "select pg_catalog.count(*) from tidegate.backfill_quarantine where job_id = $1",
            &[&id.0],
        )
        .await?;
    Ok(row.get(0))
}

/// The addresses set aside in one relation.
///
/// # Errors
/// The ledger cannot be read.
pub async fn quarantined(
    client: &impl GenericClient,
    id: JobId,
    relation: &QualifiedName,
) -> Result<Vec<String>> {
    let rows = client
        .query(
            "select row_tid from tidegate.backfill_quarantine where job_id = $1 and relation = $2",
            &[&id.0, &relation.to_string()],
        )
        .await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Takes a row out of quarantine.
///
/// # Errors
/// The ledger cannot be written.
pub async fn acquit(
    client: &impl GenericClient,
    id: JobId,
    relation: &QualifiedName,
    tid: &str,
) -> Result<()> {
    client
        .execute(
            "delete from tidegate.backfill_quarantine \
             where job_id = $1 and relation = $2 and row_tid = $3",
            &[&id.0, &relation.to_string(), &tid],
        )
        .await?;
    Ok(())
}
