//! Before the first row: some rows of each table are shown to the server, which knows every type,
//! domain and CHECK, also those that the planner could not read.

use std::io::Cursor;
use std::pin::pin;

use futures_util::SinkExt;
use tokio_postgres::error::SqlState;
use tokio_util::sync::CancellationToken;

use super::asked::{Into, ROUNDS_TRIED, ROWS_TRIED};
use super::derive;
use super::make::Maker;
use super::staging;
use crate::copy::{HEADER, TRAILER};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Session, from_postgres};
use crate::sql::QualifiedName;

/// Rows of each table.
const ROWS: u64 = 200;
/// The temporary table that they are shown to the server in.
const REHEARSAL: &str = "pg_temp.tidegate_rehearsal";

/// Writes some rows of each table into an empty temporary one with its checks, and takes them back.
/// Returns remarks.
pub(super) async fn rehearse(
    session: &mut Session,
    maker: &Maker,
    stop: &CancellationToken,
) -> Result<Vec<String>> {
    let (asked, remarks) = staging::read(session, &maker.plan).await?;
    for (at, table) in maker.plan.tables.iter().enumerate() {
        if table.columns.is_empty() || table.rows == 0 {
            continue;
        }
        let transaction = session.transaction().await?;
        let like = format!(
            "create temporary table tidegate_rehearsal \
             (like {} including constraints including generated including defaults)",
            table.name
        );
        match transaction.batch_execute(&like).await {
            Ok(()) => {}
            Err(error)
                if error.code() == Some(&SqlState::INSUFFICIENT_PRIVILEGE)
                    && !maker.plan.tables.iter().any(|t| !t.derived.is_empty()) =>
            {
                return Ok(vec![
                    "no rows were tried before the run: the role may not make temporary tables"
                        .to_owned(),
                ]);
            }
            Err(error) => return Err(from_postgres(error)),
        }
        if let Some(asked) = asked.get(&at) {
            let into = Into {
                table: at,
                name: REHEARSAL,
                rounds: ROUNDS_TRIED,
                stop,
            };
            let numbers = maker.spread(at, ROWS_TRIED);
            asked.write(&transaction, maker, numbers, &into).await?;
            transaction.rollback().await?;
            continue;
        }
        let batch = maker.sampled(at, ROWS).await?;
        let into = if table.derived.is_empty() {
            REHEARSAL
        } else {
            derive::refuse_rules(&transaction, table).await?;
            derive::wait(&transaction, table, REHEARSAL).await?;
            derive::WAITING
        };
        let sql = maker.copy_in(at, into);
        let failed = |error| refused(&table.name, error);
        let sink = transaction.copy_in::<_, Cursor<Vec<u8>>>(&sql);
        let mut sink = pin!(sink.await.map_err(failed)?);
        let mut bytes = Vec::new();
        if table.is_binary() {
            bytes.extend_from_slice(HEADER);
        }
        bytes.extend_from_slice(&batch.bytes);
        if table.is_binary() {
            bytes.extend_from_slice(TRAILER);
        }
        sink.send(Cursor::new(bytes)).await.map_err(failed)?;
        sink.finish().await.map_err(failed)?;
        if !table.derived.is_empty() {
            let moved = derive::move_on(&transaction, table, REHEARSAL).await;
            moved.map_err(failed)?;
        }
        transaction.rollback().await?;
    }
    Ok(remarks)
}

/// What the server says of a row, without its words: they quote values.
pub(super) fn refused(table: &QualifiedName, error: tokio_postgres::Error) -> Error {
    let Some(server) = error.as_db_error() else {
        return from_postgres(error);
    };
    let class = server.code().code();
    // Beside the classes of data and constraints: what functions in checks raise.
    let of_rows = ["22", "23", "P0", "2F", "38", "39"];
    if !of_rows.iter().any(|of| class.starts_with(of)) {
        return from_postgres(error);
    }
    let mut text = format!("{}: the server refuses a row", table.plain());
    for (word, name) in [
        ("column", server.column()),
        ("constraint", server.constraint()),
        ("type", server.datatype()),
    ] {
        if let Some(name) = name {
            text.push_str(&format!(", {word} \"{name}\""));
        }
    }
    Error::new(Kind::SeedPlan, format!("{text} [{class}]"))
}
