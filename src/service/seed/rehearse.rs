//! Before the first row: some rows of each table are shown to the server, which knows every type,
//! domain, CHECK and index, also those that the planner could not read.

use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt;
use tokio_postgres::Transaction;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

use super::asked::{AllAsked, Asked, Into, ROUNDS_TRIED, ROWS_TRIED};
use super::blame::blame;
use super::derive;
use super::make::Maker;
use super::staging;
use crate::copy::{HEADER, TRAILER};
use crate::error::{Error, Kind, Result};
use crate::generate::{Source, TablePlan};
use crate::postgres::{Session, from_postgres};
use crate::sql::QualifiedName;

/// Rows of each table.
const ROWS: u64 = 200;
/// The temporary table that they are shown to the server in.
const NAME: &str = "tidegate_rehearsal";
const REHEARSAL: &str = "pg_temp.tidegate_rehearsal";

/// The rows of one table that are tried.
pub(super) struct Trial<'t> {
    pub(super) maker: &'t Maker,
    /// The table.
    pub(super) at: usize,
    pub(super) plan: &'t TablePlan,
    asked: Option<&'t Asked>,
    stop: &'t CancellationToken,
}

/// Rows from which on it is told that a column is null in all of them, and the greatest share of nulls that
/// it may be meant to have then.
const TELLING: usize = 40;
const SELDOM: f64 = 0.5;

/// How rows of a table were tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tried {
    /// With remarks.
    Fine(Vec<String>),
    /// The role makes no temporary tables.
    Not,
}

/// Writes some rows of each table into an empty temporary one with its checks and indexes, and takes
/// them back. Returns remarks.
pub(super) async fn rehearse(
    session: &mut Session,
    maker: &Maker,
    stop: &CancellationToken,
) -> Result<Vec<String>> {
    let (asked, mut remarks): (AllAsked, Vec<String>) = staging::read(session, &maker.plan).await?;
    for (at, plan) in maker.plan.tables.iter().enumerate() {
        if plan.columns.is_empty() || plan.rows == 0 {
            continue;
        }
        let trial = Trial {
            maker,
            at,
            plan,
            asked: asked.get(&at),
            stop,
        };
        let rows = if trial.asked.is_some() {
            ROWS_TRIED
        } else {
            ROWS
        };
        match trial.run(session, maker.spread(at, rows), true).await {
            Ok(Tried::Fine(more)) => remarks.extend(more),
            Ok(Tried::Not) => {
                return Ok(vec![
                    "no rows were tried before the run: the role may not make temporary tables"
                        .to_owned(),
                ]);
            }
            Err(error) => return Err(blame(session, &trial, error).await),
        }
    }
    Ok(remarks)
}

impl Trial<'_> {
    /// Tries the rows of these numbers, with the table's indexes or without.
    pub(super) async fn run(
        &self,
        session: &mut Session,
        numbers: Vec<u64>,
        indexes: bool,
    ) -> Result<Tried> {
        let (transaction, count) = (session.transaction().await?, numbers.len());
        if self.create(&transaction, indexes).await? == Tried::Not {
            return Ok(Tried::Not);
        }
        if let Some(asked) = self.asked {
            let into = Into {
                table: self.at,
                name: REHEARSAL,
                rounds: ROUNDS_TRIED,
                stop: self.stop,
            };
            asked
                .write(&transaction, self.maker, numbers, &into)
                .await?;
            let remarks = self.only_nulls(&transaction, count).await?;
            transaction.rollback().await?;
            return Ok(Tried::Fine(remarks));
        }
        let into = if self.plan.derived.is_empty() {
            REHEARSAL
        } else {
            derive::refuse_rules(&transaction, self.plan).await?;
            derive::wait(&transaction, self.plan, REHEARSAL).await?;
            derive::WAITING
        };
        let failed = |error| refused(&self.plan.name, error);
        self.copy(&transaction, numbers, into)
            .await?
            .map_err(failed)?;
        if !self.plan.derived.is_empty() {
            let moved = derive::move_on(&transaction, self.plan, REHEARSAL).await;
            moved.map_err(failed)?;
        }
        let remarks = self.only_nulls(&transaction, count).await?;
        transaction.rollback().await?;
        Ok(Tried::Fine(remarks))
    }

    /// Columns that are null in all rows though most were to have a value: no value is allowed that was tried.
    async fn only_nulls(&self, transaction: &Transaction<'_>, rows: usize) -> Result<Vec<String>> {
        let columns = self.plan.columns.iter();
        let meant = columns.filter(|column| {
            let own = !matches!(column.source, Source::Null | Source::Reference { .. });
            own && column.nulls <= SELDOM
        });
        let meant: Vec<_> = meant.map(|column| &column.name).collect();
        if rows < TELLING || meant.is_empty() {
            return Ok(Vec::new());
        }
        let counts: Vec<String> = (meant.iter())
            .map(|name| format!("pg_catalog.count({name}) = 0"))
            .collect();
        let sql = format!("select array[{}] from {REHEARSAL}", counts.join(", "));
        let empty: Vec<bool> = transaction.query_one(&sql, &[]).await?.get(0);
        let empty = meant.iter().zip(empty).filter(|(_, empty)| *empty);
        let table = self.plan.name.plain();
        let told = empty.map(|(name, _)| {
            format!(
                "{table}.{}: is null in all rows that were tried, since the constraints allow no other value that was; say in the spec what it may be",
                name.as_str()
            )
        });
        Ok(told.collect())
    }

    /// Sends rows into a relation; inside, what the server says of them.
    pub(super) async fn copy(
        &self,
        transaction: &Transaction<'_>,
        numbers: Vec<u64>,
        into: &str,
    ) -> Result<std::result::Result<(), tokio_postgres::Error>> {
        let batch = self.maker.some(self.at, numbers).await?;
        let sql = self.maker.copy_in(self.at, into);
        let mut bytes = Vec::new();
        if self.plan.is_binary() {
            bytes.extend_from_slice(HEADER);
        }
        bytes.extend_from_slice(&batch.bytes);
        if self.plan.is_binary() {
            bytes.extend_from_slice(TRAILER);
        }
        let send = async {
            let sink = transaction.copy_in::<_, Cursor<Vec<u8>>>(&sql).await?;
            let mut sink = pin!(sink);
            sink.send(Cursor::new(bytes)).await?;
            sink.finish().await.map(|_| ())
        };
        Ok(send.await)
    }

    async fn create(&self, transaction: &Transaction<'_>, indexes: bool) -> Result<Tried> {
        let like = |more: &str| {
            format!(
                "create temporary table {NAME} \
                 (like {} including constraints including generated including defaults{more})",
                self.plan.name
            )
        };
        if indexes {
            transaction.batch_execute("savepoint tidegate_like").await?;
            let with = like(" including indexes");
            if transaction.batch_execute(&with).await.is_ok() {
                return Ok(Tried::Fine(Vec::new()));
            }
            // An index may need what a temporary table does not have.
            transaction
                .batch_execute("rollback to savepoint tidegate_like")
                .await?;
        }
        match transaction.batch_execute(&like("")).await {
            Ok(()) => Ok(Tried::Fine(Vec::new())),
            Err(error)
                if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
                    && !self.maker.plan.tables.iter().any(|t| !t.derived.is_empty()) =>
            {
                Ok(Tried::Not)
            }
            Err(error) => Err(from_postgres(error)),
        }
    }
}

/// Whether a state says that the server refuses a row: the classes of data and constraints, and what
/// functions in checks raise.
pub(super) fn is_of_rows(code: &str) -> bool {
    let classes = ["21", "22", "23", "P0", "2F", "38", "39"];
    classes.iter().any(|class| code.starts_with(class))
}

/// What the server says of a row, without its words: they quote values.
pub(super) fn refused(table: &QualifiedName, error: tokio_postgres::Error) -> Error {
    let Some(server) = error.as_db_error() else {
        return from_postgres(error);
    };
    let class = server.code().code();
    if !is_of_rows(class) {
        return from_postgres(error);
    }
    let mut text = format!("{}: the server refuses a row", table.plain());
    for (word, name) in [
        ("column", server.column()),
        ("constraint", server.constraint()),
        ("type", server.datatype()),
    ] {
        if let Some(name) = name {
            // Indexes of the temporary table are named after it.
            let name = name.replace(NAME, table.name.as_str());
            text.push_str(&format!(", {word} \"{name}\""));
        }
    }
    let error = Error::new(Kind::SeedPlan, format!("{text} [{class}]"));
    if server.code() == &SqlState::UNTRANSLATABLE_CHARACTER {
        return error
            .detail("the encoding of the database lacks a character of it")
            .hint("seed a database of the encoding UTF8, or give its texts a choice, pattern or template in the spec");
    }
    error
}
