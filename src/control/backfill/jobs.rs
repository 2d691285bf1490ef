//! Jobs: state, requests, limits, progress, results.

use chrono::{DateTime, Utc};
use tokio_postgres::{GenericClient, Row};

use crate::backfill::{HashKind, JobId, Settings, Spec, Verification};
use crate::error::{Error, Kind, Result};
use crate::job::JobState;

/// One job as the ledger has it.
#[derive(Debug, Clone)]
pub struct JobRecord {
    /// Its id.
    pub id: JobId,
    /// What is filled.
    pub spec: Spec,
    /// Where it stands.
    pub state: JobState,
    /// `pause` or `cancel`, until it is honoured.
    pub request: Option<String>,
    /// Its limits.
    pub settings: Settings,
    /// How values are hashed.
    pub hash: HashKind,
    /// The throttle signal that held it back last.
    pub held_by: Option<String>,
    /// Rows a second, over the last seconds of the last run.
    pub rate: f64,
    /// The last verification.
    pub verification: Option<Verification>,
    /// Why it failed.
    pub error: Option<String>,
}

/// Sums over a job's windows.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Totals {
    /// Rows walked, estimated from blocks and stripes.
    pub rows_walked: f64,
    /// Rows that there were at creation, estimated.
    pub rows_total: f64,
    /// Rows changed.
    pub rows_changed: i64,
    /// Of these, with a HOT update.
    pub rows_hot: i64,
    /// Chunks done.
    pub chunks: i64,
    /// Rows in quarantine.
    pub quarantined: i64,
}

impl Totals {
    /// Share of HOT updates, 0 to 100; 0 before the first row.
    #[must_use]
    pub fn hot_percent(&self) -> f64 {
        if self.rows_changed == 0 {
            0.0
        } else {
            100.0 * self.rows_hot as f64 / self.rows_changed as f64
        }
    }
}

const COLUMNS: &str = "id, spec, state, request, settings, hash, held_by, \
    coalesce(rate, 0)::pg_catalog.float8, verification, error";

pub(super) fn json_error(error: serde_json::Error) -> Error {
    Error::new(Kind::Internal, format!("the job ledger: {error}")).because(error)
}

impl JobRecord {
    fn read(row: &Row) -> Result<Self> {
        let verification: Option<serde_json::Value> = row.get(8);
        Ok(Self {
            id: JobId(row.get(0)),
            spec: serde_json::from_value(row.get(1)).map_err(json_error)?,
            state: row.get::<_, &str>(2).parse()?,
            request: row.get(3),
            settings: serde_json::from_value(row.get(4)).map_err(json_error)?,
            hash: if row.get::<_, &str>(5) == "record" {
                HashKind::Record
            } else {
                HashKind::Text
            },
            held_by: row.get(6),
            rate: row.get(7),
            verification: verification
                .map(serde_json::from_value)
                .transpose()
                .map_err(json_error)?,
            error: row.get(9),
        })
    }
}

/// All jobs, oldest first.
///
/// # Errors
/// The ledger cannot be read.
pub async fn jobs(client: &impl GenericClient) -> Result<Vec<JobRecord>> {
    let sql = format!("select {COLUMNS} from tidegate.backfill_job order by id");
    let rows = client.query(&sql, &[]).await?;
    rows.iter().map(JobRecord::read).collect()
}

/// One job.
///
/// # Errors
/// [`Kind::JobUnknown`].
pub async fn job(client: &impl GenericClient, id: JobId) -> Result<JobRecord> {
    let sql = format!("select {COLUMNS} from tidegate.backfill_job where id = $1");
    let row = client.query_opt(&sql, &[&id.0]).await?;
    let row = row.ok_or_else(|| Error::new(Kind::JobUnknown, format!("there is no job {id}")))?;
    JobRecord::read(&row)
}

/// Marks the job as running; a pause or cancellation asked for earlier is forgotten.
///
/// # Errors
/// [`Kind::JobUnknown`] when it was cancelled.
pub async fn start(client: &impl GenericClient, id: JobId) -> Result<()> {
    let started = client
        .execute(
            "update tidegate.backfill_job set state = 'running', request = null, error = null, \
               started_at = coalesce(started_at, pg_catalog.now()) \
             where id = $1 and state <> 'cancelled'",
            &[&id.0],
        )
        .await?;
    if started == 0 {
        return Err(Error::new(
            Kind::JobUnknown,
            format!("job {id} was cancelled"),
        ));
    }
    Ok(())
}

/// Writes the state, with the error that led to it.
///
/// # Errors
/// The ledger cannot be written.
pub async fn set_state(
    client: &impl GenericClient,
    id: JobId,
    state: JobState,
    error: Option<&str>,
) -> Result<()> {
    client
        .execute(
            "update tidegate.backfill_job set state = $2, error = $3, held_by = null, \
               finished_at = case when $2 in ('done', 'failed', 'cancelled') then pg_catalog.now() end \
             where id = $1 and state <> 'cancelled'",
            &[&id.0, &state.as_str(), &error],
        )
        .await?;
    Ok(())
}

/// Asks the engines of a job to `pause` or `cancel`; null takes it back.
///
/// # Errors
/// [`Kind::JobUnknown`] when the job is not there or ended already.
pub async fn request(client: &impl GenericClient, id: JobId, what: Option<&str>) -> Result<()> {
    let changed = client
        .execute(
            "update tidegate.backfill_job set request = $2, \
               state = case $2 when 'cancel' then 'cancelled' when 'pause' then 'paused' else state end \
             where id = $1 and state in ('pending', 'running', 'paused', 'failed')",
            &[&id.0, &what],
        )
        .await?;
    if changed == 0 {
        let state = job(client, id).await?.state;
        return Err(Error::new(
            Kind::JobUnknown,
            format!("job {id} is {state} already"),
        ));
    }
    Ok(())
}

/// Takes a pause back, also one that no engine has honoured yet.
///
/// # Errors
/// [`Kind::JobUnknown`] when the job is not there or ended already.
pub async fn resume(client: &impl GenericClient, id: JobId) -> Result<()> {
    request(client, id, None).await?;
    client
        .execute(
            "update tidegate.backfill_job set state = 'pending' where id = $1 and state = 'paused'",
            &[&id.0],
        )
        .await?;
    Ok(())
}

/// Writes new limits; running engines see them within a second.
///
/// # Errors
/// [`Kind::JobUnknown`].
pub async fn tune(client: &impl GenericClient, id: JobId, settings: &Settings) -> Result<()> {
    let json = serde_json::to_value(settings).map_err(json_error)?;
    let changed = client
        .execute(
            "update tidegate.backfill_job set settings = $2 where id = $1",
            &[&id.0, &json],
        )
        .await?;
    if changed == 0 {
        return Err(Error::new(
            Kind::JobUnknown,
            format!("there is no job {id}"),
        ));
    }
    Ok(())
}

/// Writes what a person wants to know of a running job.
///
/// # Errors
/// The ledger cannot be written.
pub async fn note_progress(
    client: &impl GenericClient,
    id: JobId,
    rate: f64,
    held_by: Option<&str>,
) -> Result<()> {
    client
        .execute(
            "update tidegate.backfill_job set rate = $2, held_by = $3 \
             where id = $1 and (held_by is distinct from $3 or rate is distinct from $2)",
            &[&id.0, &rate, &held_by],
        )
        .await?;
    Ok(())
}

/// Writes the result of a verification.
///
/// # Errors
/// The ledger cannot be written.
pub async fn note_verification(
    client: &impl GenericClient,
    id: JobId,
    verification: &Verification,
) -> Result<()> {
    let json = serde_json::to_value(verification).map_err(json_error)?;
    let at: Option<DateTime<Utc>> = verification.at;
    client
        .execute(
            "update tidegate.backfill_job set verification = $2, verified_at = $3 where id = $1",
            &[&id.0, &json, &at],
        )
        .await?;
    Ok(())
}

/// Where a job stands.
///
/// # Errors
/// The ledger cannot be read.
pub async fn totals(client: &impl GenericClient, id: JobId) -> Result<Totals> {
    let row = client
        .query_one(
            "select coalesce(pg_catalog.sum(t.rows_estimate), 0)::pg_catalog.float8, \
               coalesce(pg_catalog.sum(t.rows_estimate * w.walked / greatest(t.blocks, 1)), 0)::pg_catalog.float8, \
               coalesce(pg_catalog.sum(w.rows), 0)::pg_catalog.int8, \
               coalesce(pg_catalog.sum(w.hot_rows), 0)::pg_catalog.int8, \
               coalesce(pg_catalog.sum(w.chunks), 0)::pg_catalog.int8, \
               (select pg_catalog.count(*) from tidegate.backfill_quarantine q where q.job_id = $1) \
             from tidegate.backfill_target t left join ( \
               select ordinal, pg_catalog.sum(rows) as rows, pg_catalog.sum(hot_rows) as hot_rows, \
                 pg_catalog.sum(chunks) as chunks, \
                 pg_catalog.sum((to_block - from_block)::pg_catalog.float8 \
                   * least(next_stripe, stripes) / stripes \
                   + (position - from_block)::pg_catalog.float8 / stripes) as walked \
               from tidegate.backfill_window where job_id = $1 group by ordinal \
             ) w on w.ordinal = t.ordinal where t.job_id = $1",
            &[&id.0],
        )
        .await?;
    Ok(Totals {
        rows_total: row.get(0),
        rows_walked: row.get(1),
        rows_changed: row.get(2),
        rows_hot: row.get(3),
        chunks: row.get(4),
        quarantined: row.get(5),
    })
}
