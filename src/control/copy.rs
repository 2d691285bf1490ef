//! The ledger of a copy. It lies in the database that is being built, so that a range and the
//! record of it are one transaction; it is dropped before the database is put to use.

use tokio_postgres::{GenericClient, Row};

use crate::copy::{CopyPlan, Range, RowSum};
use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

/// Makes the ledger's tables. `xid` is the transaction that loaded a range, by which its rows are
/// found again; `instant` the snapshot that its content is of.
const SCHEMA: &str = "
create schema tidegate_copy;
create table tidegate_copy.run (
    run      text primary key,
    plan     text not null,
    phase    text not null default 'loading' check (phase in ('loading', 'loaded', 'complete')),
    instant  text,
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
    xid         text
);
create index on tidegate_copy.chunk (state);";

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
            "insert into tidegate_copy.run (run, plan) values ($1, $2)",
            &[&run, &plan.hash()?],
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
            "select run, plan, phase, manifest from tidegate_copy.run",
            &[],
        )
        .await?;
    Ok(row.map(|row| RunRecord {
        run: row.get(0),
        plan: row.get(1),
        phase: row.get(2),
        manifest: row.get(3),
    }))
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

/// Records a range in the transaction that loaded its rows.
///
/// # Errors
/// Those of the database.
pub async fn done(client: &impl GenericClient, id: i32, instant: &str, sum: &RowSum) -> Result<()> {
    client
        .execute(
            "update tidegate_copy.chunk set state = 'done', instant = $2, rows = $3, bytes = $4, \
             digest = $5, xid = (pg_catalog.pg_current_xact_id()::pg_catalog.xid)::text where id = $1",
            &[&id, &instant, &bigint(sum.rows)?, &bigint(sum.bytes)?, &sum.digest()],
        )
        .await?;
    Ok(())
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
