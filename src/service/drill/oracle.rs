//! Reads an oracle: a digest of every row of a database, in one snapshot.

use crate::error::{Error, Result};
use crate::postgres::{Session, introspect_in_transaction};
use crate::recovery::{DrillCheck, Oracle, TableSum};
use crate::sql::{Ident, QualifiedName};

/// Tables with rows of their own, in a steady order, and whether WAL is written for them.
const TABLES: &str = "select n.nspname, c.relname, c.relpersistence = 'u' \
     from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
     where c.relkind in ('r', 'm') and c.relpersistence <> 't' \
     and (n.nspname not in ('pg_catalog', 'information_schema') \
          or n.nspname = 'pg_catalog' and c.relname in ('pg_largeobject', 'pg_largeobject_metadata')) \
     and n.nspname !~ '^pg_(toast|temp)' order by 1, 2";

/// With what each call adds to them.
const SEQUENCES: &str = "select n.nspname, c.relname, s.seqincrement \
     from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
     join pg_catalog.pg_sequence as s on s.seqrelid = c.oid \
     where c.relkind = 'S' and c.relpersistence = 'p' order by 1, 2";

const PREPARED: &str = "select gid from pg_catalog.pg_prepared_xacts order by 1";

const TABLESPACES: &str = "select n.nspname, c.relname, s.spcname::text \
     from pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace \
     join pg_catalog.pg_tablespace as s on s.oid = c.reltablespace \
     where c.relkind in ('r', 'm', 'i') and c.relpersistence <> 't' and s.spcname !~ '^pg_' \
     and n.nspname !~ '^pg_(toast|temp)' order by 1, 2";

/// A name that no column is likely to have: a column of the alias' name would hide the row.
const ROW: &str = "tidegate_oracle_row";

/// Reads all of an oracle, of a database that nobody writes to.
///
/// # Errors
/// Those of the server.
pub(super) async fn read(session: &Session) -> Result<Oracle> {
    let mut oracle = still(session).await?;
    rows(session, &mut oracle).await?;
    Ok(oracle)
}

/// What no snapshot holds still: sequences and prepared transactions. Nobody may write meanwhile.
///
/// # Errors
/// Those of the server.
pub(super) async fn still(session: &Session) -> Result<Oracle> {
    let mut oracle = Oracle::default();
    for row in session.query(SEQUENCES, &[]).await? {
        let name = name(&row)?;
        let value = session
            .query_one(&format!("select last_value from {name}"), &[])
            .await?;
        oracle.sequences.insert(full(&name), value.try_get(0)?);
        oracle.steps.insert(full(&name), row.try_get(2)?);
    }
    let prepared = session.query(PREPARED, &[]).await?;
    oracle.prepared = prepared
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    Ok(oracle)
}

/// The rest: every row, as the transaction that `session` has open sees it.
///
/// # Errors
/// Those of the server.
pub(super) async fn rows(session: &Session, oracle: &mut Oracle) -> Result<()> {
    for row in session.query(TABLES, &[]).await? {
        let (name, unlogged) = (name(&row)?, row.try_get(2)?);
        if unlogged {
            oracle.unlogged.push(full(&name));
        } else {
            let sum = table(session, &name).await?;
            oracle.tables.insert(full(&name), sum);
        }
    }
    for row in session.query(TABLESPACES, &[]).await? {
        oracle
            .tablespaces
            .insert(full(&name(&row)?), row.try_get(2)?);
    }
    let catalog = introspect_in_transaction(session).await?;
    oracle.schema = catalog.fingerprint().as_str().to_owned();
    Ok(())
}

/// Rows and sums of one table. The digest is of what the row prints, in the settings that every
/// session of ours has.
pub(super) async fn table(session: &Session, table: &QualifiedName) -> Result<TableSum> {
    let word = |from: u32| {
        format!(
            "coalesce(pg_catalog.sum(('x' || pg_catalog.encode(pg_catalog.substr(d.h, {from}, 8), 'hex'))::bit(64)::pg_catalog.int8), 0)::pg_catalog.text"
        )
    };
    let sql = format!(
        "select pg_catalog.count(*), {}, {} from (select pg_catalog.sha256(pg_catalog.textsend({ROW}::pg_catalog.text)) as h \
         from only {table} as {ROW} offset '0') as d",
        word(1),
        word(9)
    );
    let row = session.query_one(&sql, &[]).await?;
    Ok(TableSum {
        rows: row.try_get::<_, i64>(0)?.unsigned_abs(),
        sums: [row.try_get(1)?, row.try_get(2)?],
    })
}

/// The unlogged tables that hold rows although they were restored.
pub(super) async fn filled_unlogged(session: &Session, oracle: &Oracle) -> Result<Vec<String>> {
    let mut filled = Vec::new();
    for row in session.query(TABLES, &[]).await? {
        let name = name(&row)?;
        if oracle.unlogged.contains(&full(&name)) && table(session, &name).await?.rows > 0 {
            filled.push(full(&name));
        }
    }
    Ok(filled)
}

/// Commits the prepared transactions that came back, and looks whether the rows that they wrote are
/// there now and were not before: a transaction that is listed but holds nothing is lost.
pub(super) async fn finish_prepared(session: &Session, oracle: &Oracle) -> Result<DrillCheck> {
    let written = "select pg_catalog.count(*) from public.orders where note = $1";
    let mut wrong = Vec::new();
    for gid in &oracle.prepared {
        let rows = async || {
            let row = session.query_one(written, &[gid]).await?;
            Ok::<i64, Error>(row.try_get(0)?)
        };
        let before = rows().await?;
        let commit = format!("commit prepared {}", crate::sql::literal(gid));
        if let Err(error) = session.batch_execute(&commit).await {
            wrong.push(format!("{gid}: {}", Error::from(error)));
            continue;
        }
        let after = rows().await?;
        if (before, after) != (0, 1) {
            wrong.push(format!(
                "{gid}: {before} rows before its commit, {after} after"
            ));
        }
    }
    let count = oracle.prepared.len();
    Ok(DrillCheck {
        name: "prepared transactions".to_owned(),
        passed: Some(wrong.is_empty() && count > 0),
        found: if wrong.is_empty() {
            format!("{count} came back and could be committed")
        } else {
            wrong.join("; ")
        },
    })
}

fn name(row: &tokio_postgres::Row) -> Result<QualifiedName> {
    Ok(QualifiedName::new(
        Ident::new(row.try_get::<_, String>(0)?)?,
        Ident::new(row.try_get::<_, String>(1)?)?,
    ))
}

/// Schema and table, without quotes.
fn full(name: &QualifiedName) -> String {
    format!("{}.{}", name.schema.as_str(), name.name.as_str())
}
