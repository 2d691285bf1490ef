//! Making a job, with the relations it walks.

use tokio_postgres::{GenericClient, Row};

use super::jobs::json_error;
use crate::backfill::{HashKind, JobId, Settings, Spec};
use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

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

/// Records the job of `spec`, or gives the one that is there. A job of a column that was dropped
/// since is given up, and a new one is made.
///
/// # Errors
/// [`Kind::UnknownObject`] when a target or the column is not there.
pub async fn create(
    client: &impl GenericClient,
    spec: &Spec,
    settings: &Settings,
) -> Result<JobId> {
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
            &[
                &spec.change,
                &relation,
                &column,
                &identity,
                &spec_json,
                &settings_json,
                &hash,
            ],
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
            format!(
                "no column {} in {}",
                spec.column.as_str(),
                spec.table.plain()
            ),
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

pub(super) fn read_target(row: &Row) -> Result<TargetRecord> {
    Ok(TargetRecord {
        ordinal: row.get(0),
        name: QualifiedName::new(
            Ident::new(row.get::<_, String>(1))?,
            Ident::new(row.get::<_, String>(2))?,
        ),
        blocks: row.get(3),
        rows: row.get(4),
        fillfactor: row.get(5),
        key: row
            .get::<_, Option<String>>(6)
            .map(Ident::new)
            .transpose()?,
    })
}
