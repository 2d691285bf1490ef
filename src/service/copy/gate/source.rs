//! The values of the source that are sought.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::row_bound::bounded;
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{Form, forms, identifies, person_forms, unescape_copy};
use crate::masking::{Class, ColumnPlan, MaskPlan};
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// Bytes handed to a core at once.
const BATCH: usize = 256 << 10;
/// What stands between the elements of an array.
const UNIT: char = '\u{1f}';

/// How one table is read.
#[derive(Debug)]
struct Reading {
    table: QualifiedName,
    sql: String,
    columns: Arc<[Class]>,
}

/// The masked columns of the source whose values identify somebody.
#[derive(Debug)]
pub(super) struct SourceValues {
    readings: Vec<Reading>,
}

impl SourceValues {
    /// Finds the columns of `plan` in the source.
    pub(super) async fn of(session: &Session, plan: &MaskPlan) -> Result<Self> {
        let mut readings = Vec::new();
        for table in &plan.tables {
            let columns: Vec<(&ColumnPlan, Class)> = table
                .columns
                .iter()
                .filter(|column| !releases_values(column))
                .filter_map(|column| Some((column, column.class?)))
                .collect();
            let both = [Class::FirstName, Class::LastName]
                .iter()
                .all(|half| columns.iter().any(|(_, class)| class == half));
            let wanted: Vec<_> = columns
                .into_iter()
                .filter(|(_, class)| {
                    identifies(*class)
                        || both && matches!(class, Class::FirstName | Class::LastName)
                })
                .collect();
            if !wanted.is_empty() {
                readings.push(Reading {
                    table: table.name.clone(),
                    sql: statement(session, &table.name, &wanted).await?,
                    columns: wanted.iter().map(|(_, class)| *class).collect(),
                });
            }
        }
        Ok(Self { readings })
    }

    /// Hands every form of every value to `make`, on all cores, and what that makes to `put`, in
    /// the order of the rows; `false` from `put` ends the reading.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        session: &Session,
        cancel: &CancellationToken,
        make: impl Fn(Class, &Form<'_>) -> Option<T> + Send + Sync + 'static,
        mut put: impl FnMut(Vec<T>) -> bool,
    ) -> Result<()> {
        let make = Arc::new(make);
        let ahead = rayon::current_num_threads().max(1) * 2;
        for reading in &self.readings {
            let mut waiting = VecDeque::new();
            let stream = session.copy_out(&reading.sql).await?;
            let mut stream = std::pin::pin!(stream);
            let mut batch = Vec::with_capacity(BATCH * 2);
            loop {
                let chunk = stream.try_next().await?;
                session
                    .spend(chunk.as_ref().map_or(0, |chunk| chunk.len()))
                    .await;
                if let Some(row) = &chunk {
                    // The server sends one row a message.
                    bounded(row, &reading.table)?;
                    batch.extend_from_slice(row);
                }
                if batch.len() >= BATCH || chunk.is_none() {
                    if cancel.is_cancelled() {
                        return Err(Error::new(Kind::Interrupted, "the gate was interrupted"));
                    }
                    if waiting.len() >= ahead && !put(oldest(&mut waiting).await?) {
                        return Ok(());
                    }
                    let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH * 2));
                    waiting.push_back(forms_of(full, &reading.columns, &make));
                }
                if chunk.is_none() {
                    break;
                }
            }
            while !waiting.is_empty() {
                if !put(oldest(&mut waiting).await?) {
                    return Ok(());
                }
            }
        }
        Ok(())
    }
}

async fn oldest<T>(waiting: &mut VecDeque<oneshot::Receiver<Vec<T>>>) -> Result<Vec<T>> {
    let died = || Error::new(Kind::Internal, "a thread that reads values has died");
    let first = waiting.pop_front().ok_or_else(died)?;
    first.await.map_err(|_| died())
}

/// Computes a batch of rows beside the stream.
fn forms_of<T: Send + 'static>(
    rows: Vec<u8>,
    columns: &Arc<[Class]>,
    make: &Arc<impl Fn(Class, &Form<'_>) -> Option<T> + Send + Sync + 'static>,
) -> oneshot::Receiver<Vec<T>> {
    let (done, receiver) = oneshot::channel();
    let (columns, make) = (Arc::clone(columns), Arc::clone(make));
    rayon::spawn(move || {
        let mut made = Vec::new();
        let mut fields = Vec::new();
        for row in rows.split(|byte| *byte == b'\n') {
            split(row, &mut fields);
            offer(&columns, &fields, &mut |class, form| {
                made.extend(make(class, &form));
            });
        }
        // Nobody waits when the reading has ended.
        let _ = done.send(made);
    });
    receiver
}

/// Whether raw values stay in the column: it is kept, or its values only change places.
pub(super) fn releases_values(column: &ColumnPlan) -> bool {
    let shuffled = serde_json::to_value(&column.rule.mask)
        .is_ok_and(|mask| mask.get("mask").is_some_and(|name| name == "shuffle"));
    column.rule.is_keep() || shuffled
}

async fn statement(
    session: &Session,
    table: &QualifiedName,
    columns: &[(&ColumnPlan, Class)],
) -> Result<String> {
    let mut expressions = Vec::new();
    for (column, _) in columns {
        let array: bool = session
            .query_one(
                "select coalesce((select t.typcategory = 'A' from pg_catalog.pg_attribute a \
                 join pg_catalog.pg_type t on t.oid = a.atttypid \
                 where a.attrelid = $1::text::regclass and a.attname = $2::text::name), false)",
                &[&table.to_string(), &column.column.as_str()],
            )
            .await?
            .get(0);
        expressions.push(if array {
            format!("pg_catalog.array_to_string({}, chr(31))", column.column)
        } else {
            column.column.to_string()
        });
    }
    Ok(format!(
        "copy (select {} from only {table}) to stdout",
        expressions.join(", ")
    ))
}

/// The fields of a row of COPY's text format.
fn split<'a>(row: &'a [u8], fields: &mut Vec<Option<Cow<'a, [u8]>>>) {
    fields.clear();
    fields.extend(row.split(|byte| *byte == b'\t').map(|raw| {
        if raw == b"\\N" {
            None
        } else if raw.contains(&b'\\') {
            let mut plain = Vec::new();
            unescape_copy(raw, &mut plain);
            Some(Cow::Owned(plain))
        } else {
            Some(Cow::Borrowed(raw))
        }
    }));
}

fn offer(
    columns: &[Class],
    fields: &[Option<Cow<'_, [u8]>>],
    take: &mut dyn FnMut(Class, Form<'_>),
) {
    let (mut first, mut last) = (None, None);
    for (class, field) in columns.iter().zip(fields) {
        let Some(text) = field.as_deref().and_then(|f| std::str::from_utf8(f).ok()) else {
            continue;
        };
        match class {
            Class::FirstName => first = Some(text),
            Class::LastName => last = Some(text),
            _ => {}
        }
        for element in text.split(UNIT) {
            forms(*class, element, take);
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        person_forms(first, last, take);
    }
}
