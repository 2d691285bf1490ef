//! The ledger of a copy. It lies in the database that is being built, so that a range and the
//! record of it are one transaction; it is dropped before the database is put to use.

pub mod objects;

use std::collections::BTreeMap;

use tokio_postgres::{GenericClient, Row};

use crate::copy::{CopyPlan, Range, RowSum};
use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

/// Makes the ledger's tables. `xid` is the transaction that loaded a range, by which its rows are
/// found again; `instant` the snapshot that its content is of. In `run` they are those that ranges
/// are loaded from now, for everybody who takes part.
const SCHEMA: &str = "
create schema tidegate_copy;
create table tidegate_copy.run (
    run      text primary key,
    plan     text not null,
    key      text not null,
    phase    text not null default 'loading' check (phase in ('loading', 'loaded', 'complete')),
    instant  text,
    snapshot text,
    lsn      text,
    manifest text
);
create table tidegate_copy.chunk (
    id          int primary key,
    schema_name text not null,
    table_name  text not null,
    from_block  bigint not null,
    to_block    bigint,
    state       text not null default 'pending' check (state in ('pending', 'done', 'stale')),
    instant     text,
    rows        bigint,
    bytes       bigint,
    digest      text,
    xid         text,
    worker      text
);
create index on tidegate_copy.chunk (state);
create table tidegate_copy.large_object (
    id      oid primary key,
    instant text not null,
    digest  text not null
);";

/// A range of a table, as the ledger has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Its number.
    pub id: i32,
    /// The table.
    pub table: QualifiedName,
    /// Its blocks at the source.
    pub range: Range,
    /// What the source held when it was loaded.
    pub sum: Option<RowSum>,
}

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunRecord {
    /// The run.
    pub run: String,
    /// Hash of its plan.
    pub plan: String,
    /// What tells the masking key of the plan from others.
    pub key: String,
    /// The instant that ranges are loaded from now, and the exported snapshot of it.
    pub instant: Option<(String, String)>,
    /// `loading`, `loaded` or `complete`.
    pub phase: String,
    /// The signed manifest, once complete.
    pub manifest: Option<String>,
}

fn bigint(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::new(Kind::Internal, "a count exceeds 2^63"))
}

fn count(row: &Row, column: &str) -> u64 {
    row.get::<_, Option<i64>>(column)
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or_default()
}

/// Makes the ledger with one row a range, all of them pending. Ranges are worked on in this order.
///
/// # Errors
/// Those of the database.
pub async fn create(
    client: &impl GenericClient,
    run: &str,
    plan: &CopyPlan,
    chunks: &[(QualifiedName, Range)],
) -> Result<()> {
    client.batch_execute(SCHEMA).await?;
    client
        .execute(
            "insert into tidegate_copy.run (run, plan, key) values ($1, $2, $3)",
            &[&run, &plan.hash()?, &plan.key],
        )
        .await?;
    let insert = client
        .prepare(
            "insert into tidegate_copy.chunk (id, schema_name, table_name, from_block, to_block) \
             values ($1, $2, $3, $4, $5)",
        )
        .await?;
    for (id, (table, range)) in chunks.iter().enumerate() {
        let id = i32::try_from(id).map_err(|_| Error::new(Kind::Internal, "too many ranges"))?;
        let (from, to) = (bigint(range.from)?, range.to.map(bigint).transpose()?);
        client
            .execute(
                &insert,
                &[
                    &id,
                    &table.schema.as_str(),
                    &table.name.as_str(),
                    &from,
                    &to,
                ],
            )
            .await?;
    }
    Ok(())
}

/// The run; `None` when the database has no ledger.
///
/// # Errors
/// Those of the database.
pub async fn record(client: &impl GenericClient) -> Result<Option<RunRecord>> {
    let there = client
        .query_one(
            "select pg_catalog.to_regclass('tidegate_copy.run') is not null",
            &[],
        )
        .await?;
    if !there.get::<_, bool>(0) {
        return Ok(None);
    }
    let row = client
        .query_opt(
            "select run, plan, key, instant, snapshot, phase, manifest from tidegate_copy.run",
            &[],
        )
        .await?;
    Ok(row.map(|row| RunRecord {
        run: row.get("run"),
        plan: row.get("plan"),
        key: row.get("key"),
        instant: row
            .get::<_, Option<String>>("instant")
            .zip(row.get("snapshot")),
        phase: row.get("phase"),
        manifest: row.get("manifest"),
    }))
}

/// Names the instant that ranges are loaded from, from now on. Whoever still loads as of another one
/// cannot record it any more: see [`done`].
///
/// # Errors
/// Those of the database.
pub async fn announce(client: &impl GenericClient, instant: &str, snapshot: &str) -> Result<()> {
    client
        .execute(
            "update tidegate_copy.run set instant = $1, snapshot = $2",
            &[&instant, &snapshot],
        )
        .await?;
    Ok(())
}

/// Takes one range that is `pending`, or one that is `done` as of another instant. Its row stays
/// locked until the caller's transaction ends: that lock is the lease. It ends with the session
/// that holds it, and no two sessions can commit the same range.
///
/// # Errors
/// Those of the database.
pub async fn lease(
    client: &impl GenericClient,
    state: &str,
    instant: &str,
) -> Result<Option<Chunk>> {
    let row = client
        .query_opt(
            "select id, schema_name, table_name, from_block, to_block, rows, bytes, digest \
             from tidegate_copy.chunk where state = $1 \
             and (state <> 'done' or instant is distinct from $2) \
             order by id limit 1 for update skip locked",
            &[&state, &instant],
        )
        .await?;
    row.as_ref().map(chunk).transpose()
}

fn chunk(row: &Row) -> Result<Chunk> {
    let digest: Option<String> = row.get("digest");
    let table = QualifiedName::new(
        Ident::new(row.get::<_, String>("schema_name"))?,
        Ident::new(row.get::<_, String>("table_name"))?,
    );
    let to: Option<i64> = row.get("to_block");
    Ok(Chunk {
        id: row.get("id"),
        table,
        range: Range {
            from: count(row, "from_block"),
            to: to.and_then(|block| u64::try_from(block).ok()),
        },
        sum: digest
            .and_then(|digest| RowSum::recorded(count(row, "rows"), count(row, "bytes"), &digest)),
    })
}

/// Records a range in the transaction that loaded its rows. The run's row is locked until that
/// transaction ends, so that no other instant can be announced in between: this is the fence.
///
/// # Errors
/// [`Kind::LeaseLost`] when the run has gone over to another instant; those of the database.
pub async fn done(
    client: &impl GenericClient,
    id: i32,
    instant: &str,
    sum: &RowSum,
    worker: &str,
) -> Result<()> {
    let recorded = client
        .execute(
            "with live as (select 1 from tidegate_copy.run where instant = $2 for share) \
             update tidegate_copy.chunk set state = 'done', instant = $2, rows = $3, bytes = $4, \
             digest = $5, xid = (pg_catalog.pg_current_xact_id()::pg_catalog.xid)::text, worker = $6 \
             where id = $1 and exists (select from live)",
            &[
                &id,
                &instant,
                &bigint(sum.rows)?,
                &bigint(sum.bytes)?,
                &sum.digest(),
                &worker,
            ],
        )
        .await?;
    if recorded == 1 {
        return Ok(());
    }
    Err(Error::new(
        Kind::LeaseLost,
        "the copy has gone over to another snapshot",
    ))
}

/// The number of ranges that each worker has loaded, by its name.
///
/// # Errors
/// Those of the database.
pub async fn shares(client: &impl GenericClient) -> Result<BTreeMap<String, u64>> {
    let rows = client
        .query(
            "select worker, count(*) as ranges from tidegate_copy.chunk \
             where state = 'done' and worker is not null group by worker",
            &[],
        )
        .await?;
    Ok(rows
        .iter()
        .map(|row| (row.get("worker"), count(row, "ranges")))
        .collect())
}

/// Records that a range that was loaded is the same at another instant, or that it is not.
///
/// # Errors
/// Those of the database.
pub async fn compared(
    client: &impl GenericClient,
    id: i32,
    instant: &str,
    same: bool,
) -> Result<()> {
    let sql = if same {
        "update tidegate_copy.chunk set instant = $2 where id = $1"
    } else {
        "update tidegate_copy.chunk set state = 'stale', instant = $2 where id = $1"
    };
    client.execute(sql, &[&id, &instant]).await?;
    Ok(())
}

/// Deletes the rows of all stale ranges, each table read once, and makes the ranges pending.
/// Returns the number of ranges.
///
/// # Errors
/// Those of the database.
pub async fn clear_stale(client: &mut tokio_postgres::Client) -> Result<u64> {
    let tables = client
        .query(
            "select schema_name, table_name, pg_catalog.array_agg(xid) from tidegate_copy.chunk \
             where state = 'stale' group by schema_name, table_name",
            &[],
        )
        .await?;
    let mut cleared = 0;
    for row in tables {
        let (schema, name): (String, String) = (row.get(0), row.get(1));
        let table = QualifiedName::new(Ident::new(schema.clone())?, Ident::new(name.clone())?);
        let xids: Vec<String> = row.get(2);
        let transaction = client.transaction().await?;
        let delete = format!("delete from only {table} where xmin = any ($1::text[]::xid[])");
        transaction.execute(&delete, &[&xids]).await?;
        cleared += transaction
            .execute(
                "update tidegate_copy.chunk set state = 'pending', xid = null, digest = null \
                 where state = 'stale' and schema_name = $1 and table_name = $2",
                &[&schema, &name],
            )
            .await?;
        transaction.commit().await?;
    }
    Ok(cleared)
}

/// Ranges that are not loaded as of `instant`.
///
/// # Errors
/// Those of the database.
pub async fn left(client: &impl GenericClient, instant: &str) -> Result<i64> {
    let row = client
        .query_one(
            "select count(*) from tidegate_copy.chunk \
             where state <> 'done' or instant is distinct from $1",
            &[&instant],
        )
        .await?;
    Ok(row.get(0))
}

/// Bytes and rows that are loaded, and the share of the ranges, 0 to 1.
///
/// # Errors
/// Those of the database.
pub async fn progress(client: &impl GenericClient) -> Result<(u64, u64, f64)> {
    let row = client
        .query_one(
            "select coalesce(sum(rows) filter (where state = 'done'), 0)::bigint as rows, \
             coalesce(sum(bytes) filter (where state = 'done'), 0)::bigint as bytes, \
             coalesce(avg((state = 'done')::int), 1)::float8 as share from tidegate_copy.chunk",
            &[],
        )
        .await?;
    Ok((count(&row, "rows"), count(&row, "bytes"), row.get("share")))
}

/// The sum of each table, sorted by name.
///
/// # Errors
/// Those of the database.
pub async fn sums(client: &impl GenericClient) -> Result<Vec<(QualifiedName, RowSum)>> {
    let rows = client
        .query(
            "select id, schema_name, table_name, from_block, to_block, rows, bytes, digest \
             from tidegate_copy.chunk order by schema_name collate \"C\", table_name collate \"C\", id",
            &[],
        )
        .await?;
    let mut sums: Vec<(QualifiedName, RowSum)> = Vec::new();
    for row in &rows {
        let Chunk { table, sum, .. } = chunk(row)?;
        let sum = sum.unwrap_or_default();
        match sums.last_mut() {
            Some((last, total)) if *last == table => total.merge(&sum),
            _ => sums.push((table, sum)),
        }
    }
    Ok(sums)
}

/// Records how far the run is.
///
/// # Errors
/// Those of the database.
pub async fn phase(
    client: &impl GenericClient,
    phase: &str,
    instant: &str,
    lsn: &str,
) -> Result<()> {
    client
        .execute(
            "update tidegate_copy.run set phase = $1, instant = $2, lsn = $3",
            &[&phase, &instant, &lsn],
        )
        .await?;
    Ok(())
}

/// Records the signed manifest.
///
/// # Errors
/// Those of the database.
pub async fn manifest(client: &impl GenericClient, text: &str) -> Result<()> {
    client
        .execute("update tidegate_copy.run set manifest = $1", &[&text])
        .await?;
    Ok(())
}

/// Drops the ledger.
///
/// # Errors
/// Those of the database.
pub async fn drop_ledger(client: &impl GenericClient) -> Result<()> {
    Ok(client
        .batch_execute("drop schema if exists tidegate_copy cascade")
        .await?)
}

/// Ranges that are loaded as of `instant`.
///
/// # Errors
/// Those of the database.
pub async fn kept(client: &impl GenericClient, instant: &str) -> Result<u64> {
    let row = client
        .query_one(
            "select count(*) as kept from tidegate_copy.chunk where state = 'done' and instant = $1",
            &[&instant],
        )
        .await?;
    Ok(count(&row, "kept"))
}
