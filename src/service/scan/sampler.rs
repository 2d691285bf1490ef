//! Reads some rows of a table and counts what their values look like.

use std::hash::{BuildHasher, RandomState};

use futures_util::{TryStreamExt, pin_mut};
use tokio_postgres::error::SqlState;

use crate::catalog::Table;
use crate::error::Result;
use crate::masking::classifier::{Family, Profile};
use crate::postgres::Session;
use crate::sql::{Ident, QualifiedName};

/// A transaction that only reads, waits for no lock and ends by itself.
const BEGIN: &str = "begin transaction read only; set local statement_timeout = '15s'; set local lock_timeout = '300ms'; \
    set local jit = off";

/// Bytes that the rows of one table may have together, about.
const BUDGET: usize = 32 << 20;

/// Bytes above which a stored value is not read: it would have to be fetched and unpacked whole.
const LARGEST: u32 = 256 << 10;

/// Heaps up to this many pages are read from their beginning.
const SMALL_PAGES: u64 = 64;

/// A column that is sampled: its name, how its type reads, and the place of its profile.
#[derive(Debug, Clone)]
pub(super) struct Column {
    pub(super) name: Ident,
    pub(super) family: Family,
    pub(super) place: usize,
}

/// Why a table was not sampled, in words without any value.
pub(super) type Refusal = String;

/// Samples tables over one session under one key.
#[derive(Debug)]
pub(super) struct Sampler<'a> {
    pub(super) session: &'a Session,
    /// The key of the hashes; it ends with the run.
    pub(super) key: RandomState,
}

impl Sampler<'_> {
    /// Adds up to `limit` rows of one relation to `profiles`; the inner result says why none could
    /// be read. Returns the number of rows.
    ///
    /// # Errors
    /// The connection is lost.
    pub(super) async fn sample(
        &self,
        table: &Table,
        columns: &[Column],
        limit: usize,
        profiles: &mut [Profile],
    ) -> Result<std::result::Result<u64, Refusal>> {
        let limit = limit
            .min(
                BUDGET
                    / columns
                        .iter()
                        .map(|c| width(c.family))
                        .sum::<usize>()
                        .max(1),
            )
            .max(10);
        let mut outcome = Ok(0);
        for clause in clauses(table, limit) {
            let sql = query(&table.name, table.is_partitioned(), columns, &clause, limit);
            outcome = self.read(&sql, columns, profiles).await?;
            if !matches!(outcome, Ok(0)) {
                break;
            }
        }
        Ok(outcome)
    }

    async fn read(
        &self,
        sql: &str,
        columns: &[Column],
        profiles: &mut [Profile],
    ) -> Result<std::result::Result<u64, Refusal>> {
        self.session.batch_execute(BEGIN).await?;
        let read = self.stream(sql, columns, profiles).await;
        // A lost connection shows here as well.
        self.session.batch_execute("rollback").await?;
        Ok(read.map_err(|error| words(&error)))
    }

    async fn stream(
        &self,
        sql: &str,
        columns: &[Column],
        profiles: &mut [Profile],
    ) -> std::result::Result<u64, tokio_postgres::Error> {
        let rows = self
            .session
            .query_raw(sql, std::iter::empty::<&str>())
            .await?;
        pin_mut!(rows);
        let mut count = 0;
        while let Some(row) = rows.try_next().await? {
            count += 1;
            for (at, column) in columns.iter().enumerate() {
                let value: Option<&str> = row.try_get(at)?;
                let hash = value.map_or(0, |value| self.key.hash_one(value.trim().to_lowercase()));
                profiles[column.place].add(value, column.family, hash);
            }
        }
        Ok(count)
    }
}

/// Characters that are read of one value.
fn letters(family: Family) -> usize {
    match family {
        Family::Document => 8_192,
        Family::Text | Family::TextArray | Family::Other => 1_024,
        _ => 64,
    }
}

fn width(family: Family) -> usize {
    letters(family) + 16
}

/// How rows are picked: pages at random in large heaps, then from the beginning when none was hit.
fn clauses(table: &Table, limit: usize) -> Vec<String> {
    // The size is known without ANALYZE, but holds TOAST as well; the pages are those of the heap.
    let pages = if table.relpages > 0 {
        table.relpages
    } else {
        table.table_bytes / 8192
    };
    if pages <= SMALL_PAGES || !table.stores_rows() {
        return vec![String::new()];
    }
    let known = table.reltuples > 0.0 && table.relpages > 0;
    let rows_a_page = if known {
        table.reltuples / table.relpages as f64
    } else {
        10.0
    };
    let wanted = (limit as f64 / rows_a_page.max(0.1) * 1.3 + 16.0).min(pages as f64);
    let percent = (100.0 * wanted / pages as f64).clamp(0.0001, 100.0);
    vec![format!(" tablesample system ({percent:.4})"), String::new()]
}

fn query(
    name: &QualifiedName,
    partitioned: bool,
    columns: &[Column],
    clause: &str,
    limit: usize,
) -> String {
    let values: Vec<String> = columns
        .iter()
        .map(|column| {
            let (name, letters) = (&column.name, letters(column.family));
            format!(
                "case when pg_catalog.pg_column_size({name}) <= {LARGEST} \
                 then pg_catalog.left({name}::pg_catalog.text, {letters}) end"
            )
        })
        .collect();
    // Children by inheritance are tables of their own here.
    let only = if partitioned { "" } else { "only " };
    format!(
        "select {} from {only}{name}{clause} limit {limit}",
        values.join(", ")
    )
}

fn words(error: &tokio_postgres::Error) -> Refusal {
    match error.code() {
        Some(code) if *code == SqlState::INSUFFICIENT_PRIVILEGE => {
            "no privilege to read it".to_owned()
        }
        Some(code) if *code == SqlState::LOCK_NOT_AVAILABLE => {
            "somebody holds a lock on it".to_owned()
        }
        Some(code) if *code == SqlState::QUERY_CANCELED => {
            "reading a sample took too long".to_owned()
        }
        Some(code) if *code == SqlState::UNDEFINED_TABLE || *code == SqlState::UNDEFINED_COLUMN => {
            "it changed during the scan".to_owned()
        }
        Some(code) => format!("the server answered with SQLSTATE {}", code.code()),
        None => "its values could not be read".to_owned(),
    }
}
