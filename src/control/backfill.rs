//! The ledger of backfill jobs. It lies in the database that holds the rows, since a chunk and its
//! entry must be one transaction; so it is read and written through the data plane's driver.

use chrono::{DateTime, Utc};
use tokio_postgres::{GenericClient, Row};

use crate::backfill::{HashKind, JobId, Settings, Spec, Verification, Window};
use crate::error::{Error, Kind, Result};
use crate::job::JobState;
use crate::sql::{Ident, QualifiedName};

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

/// One relation of a job.
#[derive(Debug, Clone)]
pub struct TargetRecord {
    /// Its place in the job.
    pub ordinal: i32,
    /// The relation.
    pub name: QualifiedName,
    /// Blocks at the job's creation; rows beyond were written with the new column known.
    pub blocks: i64,
    /// Rows at the job's creation, estimated.
    pub rows: f64,
    /// Its fillfactor in percent.
    pub fillfactor: i32,
    /// Integer key that decides stripes.
    pub key: Option<Ident>,
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

/// How much a new window may hold; computed by the engine for each target.
pub type Cut<'a> = dyn Fn(&TargetRecord) -> (i64, i32) + Send + Sync + 'a;

const COLUMNS: &str = "id, spec, state, request, settings, hash, held_by, \
    coalesce(rate, 0)::pg_catalog.float8, verification, error";

fn json_error(error: serde_json::Error) -> Error {
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

/// Records the job of `spec`, or gives the one that is there. A job of a column that was dropped
/// since is given up, and a new one is made.
///
/// # Errors
/// [`Kind::UnknownObject`] when a target or the column is not there.
pub async fn create(client: &impl GenericClient, spec: &Spec, settings: &Settings) -> Result<JobId> {
    let identity = identity(client, spec).await?;
    let relation = spec.table.to_string();
    let column = spec.column.as_str();
    client
        .execute(
            "update tidegate.backfill_job set state = 'cancelled', finished_at = pg_catalog.now() \
             where change_id = $1 and relation = $2 and column_name = $3 and identity <> $4 \
               and state <> 'cancelled'",
            &[&spec.change, &relation, &column, &identity],
        )
        .await?;
    let hash = match hash_kind(client, spec).await? {
        HashKind::Record => "record",
        HashKind::Text => "text",
    };
    let spec_json = serde_json::to_value(spec).map_err(json_error)?;
    let settings_json = serde_json::to_value(settings).map_err(json_error)?;
    let inserted = client
        .query_opt(
            "insert into tidegate.backfill_job \
               (change_id, relation, column_name, identity, spec, settings, hash) \
             values ($1, $2, $3, $4, $5, $6, $7) \
             on conflict (change_id, relation, column_name) where state <> 'cancelled' do nothing \
             returning id",
            &[&spec.change, &relation, &column, &identity, &spec_json, &settings_json, &hash],
        )
        .await?;
    let Some(row) = inserted else {
        let row = client
            .query_one(
                "select id from tidegate.backfill_job where change_id = $1 and relation = $2 \
                   and column_name = $3 and state <> 'cancelled'",
                &[&spec.change, &relation, &column],
            )
            .await?;
        return Ok(JobId(row.get(0)));
    };
    let id = JobId(row.get(0));
    for (ordinal, target) in (0i32..).zip(&spec.targets) {
        add_target(client, id, ordinal, target, spec.key_of(target)).await?;
    }
    Ok(id)
}

/// The oid of the table and the number of the column, which no later column shares.
async fn identity(client: &impl GenericClient, spec: &Spec) -> Result<String> {
    let row = client
        .query_opt(
            "select a.attrelid::pg_catalog.int8, a.attnum from pg_catalog.pg_attribute a \
             where a.attrelid = pg_catalog.to_regclass($1) and a.attname = $2 and not a.attisdropped",
            &[&spec.table.to_string(), &spec.column.as_str()],
        )
        .await?;
    let row = row.ok_or_else(|| {
        Error::new(
            Kind::UnknownObject,
            format!("no column {} in {}", spec.column.as_str(), spec.table.plain()),
        )
    })?;
    Ok(format!("{}:{}", row.get::<_, i64>(0), row.get::<_, i16>(1)))
}

/// Enums hash by oid and some types have no hash: these are hashed as text.
async fn hash_kind(client: &impl GenericClient, spec: &Spec) -> Result<HashKind> {
    let row = client
        .query_one(
            "select t.typtype in ('b', 'd') and t.typcategory <> 'A' and exists ( \
               select 1 from pg_catalog.pg_opclass c \
               join pg_catalog.pg_am m on m.oid = c.opcmethod and m.amname = 'hash' \
               where c.opcdefault and c.opcintype in (t.oid, t.typbasetype)) \
             from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid \
             where a.attrelid = pg_catalog.to_regclass($1) and a.attname = $2",
            &[&spec.table.to_string(), &spec.column.as_str()],
        )
        .await?;
    Ok(if row.get(0) {
        HashKind::Record
    } else {
        HashKind::Text
    })
}

async fn add_target(
    client: &impl GenericClient,
    id: JobId,
    ordinal: i32,
    target: &QualifiedName,
    key: Option<&Ident>,
) -> Result<()> {
    let added = client
        .execute(
            "insert into tidegate.backfill_target (job_id, ordinal, schema_name, table_name, oid, \
               blocks, rows_estimate, fillfactor, stripe_key) \
             select $1, $2, $3, $4, c.oid, s.blocks, \
               case when c.reltuples >= 0 and c.relpages > 0 \
                 then c.reltuples::pg_catalog.float8 * s.blocks / c.relpages \
                 else s.blocks * 50.0 end, \
               coalesce((select o.option_value::pg_catalog.int4 \
                 from pg_catalog.pg_options_to_table(c.reloptions) o \
                 where o.option_name = 'fillfactor'), 100), $6 \
             from pg_catalog.pg_class c, lateral (select pg_catalog.pg_relation_size(c.oid) \
               / pg_catalog.current_setting('block_size')::pg_catalog.int8 as blocks) s \
             where c.oid = pg_catalog.to_regclass($5)",
            &[
                &id.0,
                &ordinal,
                &target.schema.as_str(),
                &target.name.as_str(),
                &target.to_string(),
                &key.map(Ident::as_str),
            ],
        )
        .await?;
    if added == 0 {
        return Err(Error::new(
            Kind::UnknownObject,
            format!("no table {}", target.plain()),
        ));
    }
    Ok(())
}

/// The relations of a job.
///
/// # Errors
/// The ledger cannot be read.
pub async fn targets(client: &impl GenericClient, id: JobId) -> Result<Vec<TargetRecord>> {
    let rows = client
        .query(
            "select ordinal, schema_name, table_name, blocks, rows_estimate, fillfactor, stripe_key \
             from tidegate.backfill_target where job_id = $1 order by ordinal",
            &[&id.0],
        )
        .await?;
    rows.iter().map(read_target).collect()
}

fn read_target(row: &Row) -> Result<TargetRecord> {
    Ok(TargetRecord {
        ordinal: row.get(0),
        name: QualifiedName::new(
            Ident::new(row.get::<_, String>(1))?,
            Ident::new(row.get::<_, String>(2))?,
        ),
        blocks: row.get(3),
        rows: row.get(4),
        fillfactor: row.get(5),
        key: row.get::<_, Option<String>>(6).map(Ident::new).transpose()?,
    })
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
               request = case when $2 in ('paused', 'cancelled') then null else request end, \
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
               state = case when $2 = 'cancel' and state <> 'running' then 'cancelled' \
                            when $2 = 'pause' and state = 'pending' then 'paused' else state end \
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
        return Err(Error::new(Kind::JobUnknown, format!("there is no job {id}")));
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

/// What asking for a window gave.
#[derive(Debug)]
pub enum Lease {
    /// A window to walk.
    Taken(Window),
    /// All windows are cut; others still walk theirs.
    OthersWork,
    /// Nothing is left.
    Finished,
}

const WINDOW: &str = "w.id, w.ordinal, w.from_block, w.to_block, w.stripes, w.next_stripe, \
    w.position, w.fence";

fn read_window(row: &Row) -> Window {
    Window {
        id: row.get(0),
        ordinal: row.get(1),
        from_block: row.get(2),
        to_block: row.get(3),
        stripes: row.get(4),
        next_stripe: row.get(5),
        position: row.get(6),
        fence: row.get(7),
    }
}

/// Takes over a window whose owner is gone or late, else cuts a new one. The session becomes its
/// owner for `seconds`.
///
/// # Errors
/// The ledger cannot be written.
pub async fn lease(
    client: &mut tokio_postgres::Client,
    id: JobId,
    seconds: f64,
    cut: &Cut<'_>,
) -> Result<Lease> {
    // A backend whose start may not be seen (another role's) counts as alive: its lease runs out.
    let sql = format!(
        "update tidegate.backfill_window as w set fence = w.fence + 1, \
           owner_pid = pg_catalog.pg_backend_pid(), owner_started = me.backend_start, \
           lease_until = pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $2) \
         from pg_catalog.pg_stat_activity me where me.pid = pg_catalog.pg_backend_pid() \
           and w.id = (select o.id from tidegate.backfill_window o \
             where o.job_id = $1 and not o.finished \
               and (o.lease_until < pg_catalog.clock_timestamp() or o.owner_pid is null \
                 or not exists (select 1 from pg_catalog.pg_stat_activity a where a.pid = o.owner_pid \
                   and (a.backend_start is null or a.backend_start = o.owner_started))) \
             order by o.id limit 1 for update skip locked) \
         returning {WINDOW}"
    );
    if let Some(row) = client.query_opt(&sql, &[&id.0, &seconds]).await? {
        return Ok(Lease::Taken(read_window(&row)));
    }
    if let Some(window) = cut_window(client, id, seconds, cut).await? {
        return Ok(Lease::Taken(window));
    }
    let row = client
        .query_one(
            "select exists (select 1 from tidegate.backfill_window \
               where job_id = $1 and not finished)",
            &[&id.0],
        )
        .await?;
    Ok(if row.get(0) {
        Lease::OthersWork
    } else {
        Lease::Finished
    })
}

async fn cut_window(
    client: &mut tokio_postgres::Client,
    id: JobId,
    seconds: f64,
    cut: &Cut<'_>,
) -> Result<Option<Window>> {
    let transaction = client.transaction().await?;
    let row = transaction
        .query_opt(
            "select ordinal, schema_name, table_name, blocks, rows_estimate, fillfactor, stripe_key, \
               next_block \
             from tidegate.backfill_target where job_id = $1 and next_block < blocks \
             order by ordinal limit 1 for update",
            &[&id.0],
        )
        .await?;
    let Some(row) = row else {
        // A row locked by another cutter may have been used up meanwhile; ask again only if some
        // other target is left.
        transaction.commit().await?;
        let left = client
            .query_one(
                "select exists (select 1 from tidegate.backfill_target \
                   where job_id = $1 and next_block < blocks)",
                &[&id.0],
            )
            .await?;
        return if left.get(0) {
            Box::pin(cut_window(client, id, seconds, cut)).await
        } else {
            Ok(None)
        };
    };
    let target = read_target(&row)?;
    let from: i64 = row.get(7);
    let (blocks, stripes) = cut(&target);
    let to = from.saturating_add(blocks.max(1)).min(target.blocks);
    transaction
        .execute(
            "update tidegate.backfill_target set next_block = $3 where job_id = $1 and ordinal = $2",
            &[&id.0, &target.ordinal, &to],
        )
        .await?;
    let sql = format!(
        "insert into tidegate.backfill_window as w (job_id, ordinal, from_block, to_block, stripes, \
           position, owner_pid, owner_started, lease_until) \
         select $1, $2, $3, $4, $5, $3, me.pid, me.backend_start, \
           pg_catalog.clock_timestamp() + pg_catalog.make_interval(secs => $6) \
         from pg_catalog.pg_stat_activity me where me.pid = pg_catalog.pg_backend_pid() \
         returning {WINDOW}"
    );
    let row = transaction
        .query_one(
            &sql,
            &[&id.0, &target.ordinal, &from, &to, &stripes, &seconds],
        )
        .await?;
    transaction.commit().await?;
    Ok(Some(read_window(&row)))
}

/// Gives a window back before its end.
///
/// # Errors
/// The ledger cannot be written.
pub async fn release(client: &impl GenericClient, window: &Window) -> Result<()> {
    client
        .execute(
            "update tidegate.backfill_window set owner_pid = null \
             where id = $1 and fence = $2 and not finished",
            &[&window.id, &window.fence],
        )
        .await?;
    Ok(())
}

/// Moves a window past a chunk whose rows were dealt with one by one.
///
/// # Errors
/// [`Kind::LeaseLost`].
pub async fn move_on(
    client: &impl GenericClient,
    window: &Window,
    next: (i32, i64),
    rows: i64,
) -> Result<()> {
    let moved = client
        .execute(
            "update tidegate.backfill_window set next_stripe = $3, position = $4, \
               finished = $3 >= stripes, rows = rows + $5, chunks = chunks + 1 \
             where id = $1 and fence = $2",
            &[&window.id, &window.fence, &next.0, &next.1, &rows],
        )
        .await?;
    if moved == 0 {
        return Err(Error::new(
            Kind::LeaseLost,
            format!("the lease of window {} was taken over", window.id),
        ));
    }
    Ok(())
}

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
