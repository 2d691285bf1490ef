//! The ledger of seedings. It lies in the database that is seeded, so that a range of rows and the
//! record of it, a dropped object and the means to make it again, are one transaction each.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{GenericClient, Row};

use crate::copy::RowSum;
use crate::error::{Error, Kind, Result};
use crate::generate::SeedPlan;
use crate::sql::{Ident, QualifiedName};

/// Where a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunState {
    /// Rows are being written.
    Loading,
    /// All rows are in; what was taken off the tables is being put back.
    Loaded,
    /// Its rows are being taken out again.
    Abandoning,
}

/// A run that is not finished.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRecord {
    /// Its number.
    pub id: i64,
    /// What was asked for, as text.
    pub request: String,
    /// What it writes.
    pub plan: SeedPlan,
    /// Where it stands.
    pub state: RunState,
}

impl RunRecord {
    /// Whether it added to the rows of earlier runs.
    #[must_use]
    pub fn adds(&self) -> bool {
        self.plan.tables.iter().any(|table| table.first > 0)
    }
}

/// A table at the start of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// Whether it held no rows.
    pub was_empty: bool,
    /// Rows of one range.
    pub chunk_rows: u64,
}

/// Rows that are written in one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// Its number.
    pub id: i32,
    /// Index of the table in the plan.
    pub table: usize,
    /// The first row.
    pub from: u64,
    /// The row after the last.
    pub to: u64,
}

/// What kind of object was taken off a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HookKind {
    /// A primary key, unique or exclusion constraint; its definition is the constraint's.
    Key,
    /// An index that no constraint owns; its definition is the whole statement.
    Index,
    /// A foreign key; its definition is the constraint's.
    ForeignKey,
    /// A trigger; its definition is the word that enables it again.
    Trigger,
}

/// An object that was taken off a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unhooked {
    /// Its number; they are put back by kind, then in this order.
    pub id: i32,
    /// The table.
    pub table: QualifiedName,
    /// What it is.
    pub kind: HookKind,
    /// Its name.
    pub name: Ident,
    /// What makes it again; see [`HookKind`].
    pub definition: String,
    /// Its comment.
    pub comment: Option<String>,
    /// Whether a foreign key is there again and not validated yet.
    pub added: bool,
}

impl HookKind {
    const ALL: [Self; 4] = [Self::Key, Self::Index, Self::ForeignKey, Self::Trigger];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Index => "index",
            Self::ForeignKey => "foreign_key",
            Self::Trigger => "trigger",
        }
    }
}

impl RunState {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Loading => "loading",
            Self::Loaded => "loaded",
            Self::Abandoning => "abandoning",
        }
    }
}

fn bigint(value: u64) -> Result<i64> {
    i64::try_from(value).map_err(|_| Error::new(Kind::SeedPlan, "more rows than 2^63"))
}

fn count(row: &Row, column: &str) -> u64 {
    row.get::<_, Option<i64>>(column)
        .and_then(|value| u64::try_from(value).ok())
        .unwrap_or_default()
}

fn damaged(what: &str) -> Error {
    Error::new(
        Kind::Internal,
        format!("the ledger of seedings holds a {what} that cannot be read"),
    )
}

fn name(row: &Row) -> Result<QualifiedName> {
    Ok(QualifiedName::new(
        Ident::new(row.get::<_, String>("schema_name"))?,
        Ident::new(row.get::<_, String>("table_name"))?,
    ))
}

/// The run that is not finished.
///
/// # Errors
/// Those of the database; [`Kind::Internal`] when another version of Tidegate wrote its plan.
pub async fn unfinished(client: &impl GenericClient) -> Result<Option<RunRecord>> {
    let row = client
        .query_opt(
            "select id, request, plan, state from tidegate.seed_run \
             where state in ('loading', 'loaded', 'abandoning')",
            &[],
        )
        .await?;
    row.map(|row| record(&row)).transpose()
}

/// Number of the run that is not finished, in a database that may never have been seeded.
///
/// # Errors
/// Those of the database.
pub async fn unfinished_number(client: &impl GenericClient) -> Result<Option<i64>> {
    let there = "select pg_catalog.to_regclass('tidegate.seed_run') is not null";
    if !client.query_one(there, &[]).await?.get::<_, bool>(0) {
        return Ok(None);
    }
    let sql = "select id from tidegate.seed_run where state in ('loading', 'loaded', 'abandoning')";
    Ok(client.query_opt(sql, &[]).await?.map(|row| row.get(0)))
}

/// The latest run of this request that has ended with its rows in place.
///
/// # Errors
/// Those of the database; [`Kind::Internal`] when its plan cannot be read.
pub async fn ended(client: &impl GenericClient, request: &str) -> Result<Option<RunRecord>> {
    let row = client
        .query_opt(
            "select id, request, plan, state from tidegate.seed_run \
             where state = 'done' and request = $1 order by id desc limit 1",
            &[&request],
        )
        .await?;
    row.map(|row| record(&row)).transpose()
}

/// The plan of the latest run that has ended and wrote rows of `table` with this seed.
///
/// # Errors
/// Those of the database; [`Kind::Internal`] when it cannot be read.
pub async fn plan_of(
    client: &impl GenericClient,
    seed: u64,
    table: &QualifiedName,
) -> Result<Option<SeedPlan>> {
    let row = client
        .query_opt(
            "select r.id, r.request, r.plan, r.state from tidegate.seed_run r \
             join tidegate.seed_table t on t.run_id = r.id and t.rows > 0 \
             where r.state = 'done' and r.seed = $1 and t.schema_name = $2 and t.table_name = $3 \
             order by r.id desc limit 1",
            &[
                &seed.to_string(),
                &table.schema.as_str(),
                &table.name.as_str(),
            ],
        )
        .await?;
    Ok(row.map(|row| record(&row)).transpose()?.map(|run| run.plan))
}

/// The run that has ended last, when nothing in the audit log says that it was answered.
///
/// # Errors
/// Those of the database; [`Kind::Internal`] when its plan cannot be read.
pub async fn unanswered(client: &impl GenericClient) -> Result<Option<RunRecord>> {
    // After a reset to a template the numbers of later runs come again: their entries are older.
    let row = client
        .query_opt(
            "select r.id, r.request, r.plan, r.state from tidegate.seed_run r \
             where r.id = (select pg_catalog.max(id) from tidegate.seed_run where state = 'done') \
             and not exists (select from tidegate.audit a where a.action = 'seed.run' \
               and a.at >= r.finished_at and a.detail->>'run' = r.id::pg_catalog.text)",
            &[],
        )
        .await?;
    row.map(|row| record(&row)).transpose()
}

fn record(row: &Row) -> Result<RunRecord> {
    let plan = serde_json::from_str(row.get("plan")).map_err(|_| damaged("plan"))?;
    let state = match row.get("state") {
        "loading" => RunState::Loading,
        "abandoning" => RunState::Abandoning,
        _ => RunState::Loaded,
    };
    Ok(RunRecord {
        id: row.get("id"),
        request: row.get("request"),
        plan,
        state,
    })
}

/// Records a run with all its ranges; `starts` are the tables of the plan, in their order.
///
/// # Errors
/// Those of the database.
pub async fn create(
    client: &impl GenericClient,
    request: &str,
    plan: &SeedPlan,
    starts: &[Start],
) -> Result<i64> {
    let text = serde_json::to_string(plan)
        .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
    let row = client
        .query_one(
            "insert into tidegate.seed_run (request, seed, plan_hash, plan) \
             values ($1, $2, $3, $4) returning id",
            &[&request, &plan.seed.to_string(), &plan.hash()?, &text],
        )
        .await?;
    let id: i64 = row.get(0);
    let mut next = 0_i64;
    for ((ordinal, table), start) in (0_i32..).zip(&plan.tables).zip(starts) {
        let (first, rows) = (bigint(table.first)?, bigint(table.rows)?);
        let step = bigint(start.chunk_rows.max(1))?;
        client
            .execute(
                "insert into tidegate.seed_table \
                   (run_id, ordinal, schema_name, table_name, first_row, rows, was_empty) \
                 values ($1, $2, $3, $4, $5, $6, $7)",
                &[
                    &id,
                    &ordinal,
                    &table.name.schema.as_str(),
                    &table.name.name.as_str(),
                    &first,
                    &rows,
                    &start.was_empty,
                ],
            )
            .await?;
        let made = client
            .execute(
                "insert into tidegate.seed_chunk (run_id, id, ordinal, from_row, to_row) \
                 select $1, ($6::int8 + pg_catalog.row_number() over (order by f) - 1)::int4, $2, f, \
                   least(f + $5, $3::int8 + $4::int8) \
                 from pg_catalog.generate_series($3::int8, $3::int8 + $4::int8 - 1, $5::int8) as f",
                &[&id, &ordinal, &first, &rows, &step, &next],
            )
            .await?;
        next += bigint(made)?;
    }
    Ok(id)
}

/// Takes the next range that nobody works on, for the caller's transaction.
///
/// # Errors
/// Those of the database.
pub async fn lease(client: &impl GenericClient, run: i64) -> Result<Option<Chunk>> {
    let row = client
        .query_opt(
            "select id, ordinal, from_row, to_row from tidegate.seed_chunk \
             where run_id = $1 and not done order by id limit 1 for update skip locked",
            &[&run],
        )
        .await?;
    row.map(|row| {
        Ok(Chunk {
            id: row.get("id"),
            table: usize::try_from(row.get::<_, i32>("ordinal")).map_err(|_| damaged("range"))?,
            from: count(&row, "from_row"),
            to: count(&row, "to_row"),
        })
    })
    .transpose()
}

/// Marks a range as written by the caller's transaction.
///
/// # Errors
/// Those of the database.
pub async fn chunk_done(
    client: &impl GenericClient,
    run: i64,
    chunk: &Chunk,
    sum: &RowSum,
) -> Result<()> {
    client
        .execute(
            "update tidegate.seed_chunk set done = true, rows = $3, bytes = $4, digest = $5, \
             xid = pg_catalog.pg_current_xact_id()::pg_catalog.xid::text \
             where run_id = $1 and id = $2",
            &[
                &run,
                &chunk.id,
                &bigint(sum.rows)?,
                &bigint(sum.bytes)?,
                &sum.digest(),
            ],
        )
        .await?;
    Ok(())
}

/// Ranges that are not written.
///
/// # Errors
/// Those of the database.
pub async fn left(client: &impl GenericClient, run: i64) -> Result<u64> {
    let row = client
        .query_one(
            "select pg_catalog.count(*) as left from tidegate.seed_chunk where run_id = $1 and not done",
            &[&run],
        )
        .await?;
    Ok(count(&row, "left"))
}

/// What is written of each table, by its index in the plan.
///
/// # Errors
/// Those of the database.
pub async fn sums(client: &impl GenericClient, run: i64) -> Result<BTreeMap<usize, RowSum>> {
    let rows = client
        .query(
            "select ordinal, rows, bytes, digest from tidegate.seed_chunk where run_id = $1 and done",
            &[&run],
        )
        .await?;
    let mut sums: BTreeMap<usize, RowSum> = BTreeMap::new();
    for row in rows {
        let table = usize::try_from(row.get::<_, i32>("ordinal")).map_err(|_| damaged("range"))?;
        let sum = RowSum::recorded(count(&row, "rows"), count(&row, "bytes"), row.get("digest"));
        sums.entry(table)
            .or_default()
            .merge(&sum.ok_or_else(|| damaged("digest"))?);
    }
    Ok(sums)
}

/// A table that a run has written to: its name, whether it was empty before, and the transactions
/// whose rows in it are the run's.
pub type Written = (QualifiedName, bool, Vec<String>);

/// The tables of a run and what it wrote.
///
/// # Errors
/// Those of the database.
pub async fn written(client: &impl GenericClient, run: i64) -> Result<Vec<Written>> {
    let rows = client
        .query(
            "select t.schema_name, t.table_name, t.was_empty, \
               array(select c.xid from tidegate.seed_chunk c \
                 where c.run_id = t.run_id and c.ordinal = t.ordinal and c.done) as xids \
             from tidegate.seed_table t where t.run_id = $1 order by t.ordinal",
            &[&run],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((name(row)?, row.get("was_empty"), row.get("xids"))))
        .collect()
}

/// Moves a run on.
///
/// # Errors
/// Those of the database.
pub async fn set_state(client: &impl GenericClient, run: i64, state: RunState) -> Result<()> {
    client
        .execute(
            "update tidegate.seed_run set state = $2 where id = $1",
            &[&run, &state.as_str()],
        )
        .await?;
    Ok(())
}

/// Ends a run; `done` when its rows stay.
///
/// # Errors
/// Those of the database.
pub async fn end(client: &impl GenericClient, run: i64, done: bool) -> Result<()> {
    let state = if done { "done" } else { "abandoned" };
    client
        .execute(
            "update tidegate.seed_run set state = $2, finished_at = pg_catalog.now() where id = $1",
            &[&run, &state],
        )
        .await?;
    Ok(())
}

/// Rows that finished runs with this seed wrote, by table: the number that the next one begins with.
///
/// # Errors
/// Those of the database.
pub async fn seeded(
    client: &impl GenericClient,
    seed: u64,
) -> Result<BTreeMap<QualifiedName, u64>> {
    let rows = client
        .query(
            "select t.schema_name, t.table_name, pg_catalog.max(t.first_row + t.rows) as rows \
             from tidegate.seed_table t join tidegate.seed_run r on r.id = t.run_id \
             where r.state = 'done' and r.seed = $1 group by 1, 2",
            &[&seed.to_string()],
        )
        .await?;
    rows.iter()
        .map(|row| Ok((name(row)?, count(row, "rows"))))
        .collect()
}

/// Tables that runs which have ended wrote rows into, with whatever seed.
///
/// # Errors
/// Those of the database.
pub async fn touched(client: &impl GenericClient) -> Result<BTreeSet<QualifiedName>> {
    let rows = client
        .query(
            "select distinct t.schema_name, t.table_name \
             from tidegate.seed_table t join tidegate.seed_run r on r.id = t.run_id \
             where r.state = 'done' and t.rows > 0",
            &[],
        )
        .await?;
    rows.iter().map(name).collect()
}

/// Records an object in the transaction that drops it.
///
/// # Errors
/// Those of the database.
pub async fn unhook(client: &impl GenericClient, run: i64, object: &Unhooked) -> Result<()> {
    client
        .execute(
            "insert into tidegate.seed_unhooked \
               (run_id, id, schema_name, table_name, kind, name, definition, remark) \
             values ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                &run,
                &object.id,
                &object.table.schema.as_str(),
                &object.table.name.as_str(),
                &object.kind.as_str(),
                &object.name.as_str(),
                &object.definition,
                &object.comment,
            ],
        )
        .await?;
    Ok(())
}

/// What is still to be put back.
///
/// # Errors
/// Those of the database.
pub async fn unhooked(client: &impl GenericClient, run: i64) -> Result<Vec<Unhooked>> {
    let rows = client
        .query(
            "select id, schema_name, table_name, kind, name, definition, remark, added \
             from tidegate.seed_unhooked where run_id = $1 order by id",
            &[&run],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let kind = HookKind::ALL.into_iter();
            let kind = kind
                .filter(|kind| kind.as_str() == row.get::<_, &str>("kind"))
                .last();
            Ok(Unhooked {
                id: row.get("id"),
                table: name(row)?,
                kind: kind.ok_or_else(|| damaged("kind"))?,
                name: Ident::new(row.get::<_, String>("name"))?,
                definition: row.get("definition"),
                comment: row.get("remark"),
                added: row.get("added"),
            })
        })
        .collect()
}

/// Notes that a foreign key is there again, and not validated yet.
///
/// # Errors
/// Those of the database.
pub async fn added(client: &impl GenericClient, run: i64, object: i32) -> Result<()> {
    client
        .execute(
            "update tidegate.seed_unhooked set added = true where run_id = $1 and id = $2",
            &[&run, &object],
        )
        .await?;
    Ok(())
}

/// Forgets an object in the transaction that made it again.
///
/// # Errors
/// Those of the database.
pub async fn put_back(client: &impl GenericClient, run: i64, object: i32) -> Result<()> {
    client
        .execute(
            "delete from tidegate.seed_unhooked where run_id = $1 and id = $2",
            &[&run, &object],
        )
        .await?;
    Ok(())
}
