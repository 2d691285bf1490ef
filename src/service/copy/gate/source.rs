//! The values of the source that are sought.

use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use futures_util::TryStreamExt as _;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use super::canary::Canaries;
use super::row_bound::bounded;
use crate::error::{Error, Kind, Result};
use crate::masking::leak::{Form, forms, guessable, identifies, person_forms, unescape_copy};
use crate::masking::{Class, ColumnPlan, MaskPlan, TablePlan};
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// Bytes handed to a core at once.
const BATCH: usize = 256 << 10;
/// What stands between the elements of an array.
const UNIT: char = '\u{1f}';

/// How one table is read.
#[derive(Debug, Clone)]
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
        Self::picked_by(wanted, session, plan).await
    }

    /// Those whose values can be guessed from a digest.
    pub(super) async fn guessable(session: &Session, plan: &MaskPlan) -> Result<Self> {
        Self::picked_by(guessable_columns, session, plan).await
    }

    async fn picked_by(
        pick: fn(&TablePlan) -> Vec<(usize, Class)>,
        session: &Session,
        plan: &MaskPlan,
    ) -> Result<Self> {
        let mut readings = Vec::new();
        for table in &plan.tables {
            let wanted: Vec<_> = pick(table)
                .into_iter()
                .map(|(i, class)| (&table.columns[i], class))
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

    /// The row in which the source sends the canaries.
    pub(super) fn canaries(canaries: &Canaries) -> Result<Self> {
        let (table, fields, classes) = canaries.row()?;
        let reading = Reading {
            table,
            sql: format!("copy (select {fields}) to stdout"),
            columns: classes.into(),
        };
        Ok(Self {
            readings: vec![reading],
        })
    }

    /// Those of the other tables.
    pub(super) fn beyond(&self, tables: &BTreeSet<QualifiedName>) -> Self {
        let others = self.readings.iter();
        let others = others.filter(|reading| !tables.contains(&reading.table));
        Self {
            readings: others.cloned().collect(),
        }
    }

    /// Hands every form of every value to `make`, on all cores, and what that makes to `put`, in
    /// the order of the rows; `false` from `put` ends the reading.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        session: &Session,
        cancel: &CancellationToken,
        make: impl Fn(Class, &Form<'_>) -> Option<T> + Send + Sync + 'static,
        put: impl FnMut(Vec<T>) -> bool,
    ) -> Result<()> {
        let row = move |columns: &[Class], fields: &Fields<'_>, made: &mut Vec<T>| {
            let values = fields.iter().map(Option::as_deref);
            offer(columns.iter().copied().zip(values), &mut |class, form| {
                made.extend(make(class, &form));
            });
        };
        self.rows((session, cancel), row, put).await
    }

    /// Hands every value to `make`, in the same way.
    pub(super) async fn values<T: Send + 'static>(
        &self,
        session: &Session,
        cancel: &CancellationToken,
        make: impl Fn(Class, &str, &mut Vec<T>) + Send + Sync + 'static,
        put: impl FnMut(Vec<T>) -> bool,
    ) -> Result<()> {
        let row = move |columns: &[Class], fields: &Fields<'_>, made: &mut Vec<T>| {
            for (class, field) in columns.iter().zip(fields) {
                let text = field
                    .as_deref()
                    .and_then(|field| std::str::from_utf8(field).ok());
                for value in text.iter().flat_map(|text| text.split(UNIT)) {
                    make(*class, value, made);
                }
            }
        };
        self.rows((session, cancel), row, put).await
    }

    async fn rows<T: Send + 'static>(
        &self,
        (session, cancel): (&Session, &CancellationToken),
        row: impl Fn(&[Class], &Fields<'_>, &mut Vec<T>) + Send + Sync + 'static,
        mut put: impl FnMut(Vec<T>) -> bool,
    ) -> Result<()> {
        let row = Arc::new(row);
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
                    waiting.push_back(made_of(full, &reading.columns, &row));
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

/// The fields of a row.
type Fields<'a> = Vec<Option<Cow<'a, [u8]>>>;

/// Computes a batch of rows beside the stream.
fn made_of<T: Send + 'static>(
    rows: Vec<u8>,
    columns: &Arc<[Class]>,
    make: &Arc<impl Fn(&[Class], &Fields<'_>, &mut Vec<T>) + Send + Sync + 'static>,
) -> oneshot::Receiver<Vec<T>> {
    let (done, receiver) = oneshot::channel();
    let (columns, make) = (Arc::clone(columns), Arc::clone(make));
    rayon::spawn(move || {
        let mut made = Vec::new();
        let mut fields = Vec::new();
        for row in rows.split(|byte| *byte == b'\n') {
            split(row, &mut fields);
            make(&columns, &fields, &mut made);
        }
        // Nobody waits when the reading has ended.
        let _ = done.send(made);
    });
    receiver
}

/// The masked columns of a table whose values can be guessed from a digest.
fn guessable_columns(table: &TablePlan) -> Vec<(usize, Class)> {
    let columns = table.columns.iter().enumerate();
    columns
        .filter(|(_, column)| !releases_values(column))
        .filter_map(|(i, column)| Some((i, column.class?)))
        .filter(|(_, class)| guessable(*class))
        .collect()
}

/// The columns of a table whose values are sought: masked ones of classes that identify somebody,
/// and both halves of a name.
pub(super) fn wanted(table: &TablePlan) -> Vec<(usize, Class)> {
    let columns: Vec<(usize, Class)> = table
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| !releases_values(column))
        .filter_map(|(i, column)| Some((i, column.class?)))
        .collect();
    let half = |class| matches!(class, Class::FirstName | Class::LastName);
    let both = [Class::FirstName, Class::LastName]
        .iter()
        .all(|half| columns.iter().any(|(_, class)| class == half));
    let mut columns = columns;
    columns.retain(|(_, class)| identifies(*class) || both && half(*class));
    columns
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
fn split<'a>(row: &'a [u8], fields: &mut Fields<'a>) {
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

/// Calls `take` with every form of the values of a row.
pub(super) fn offer<'a>(
    values: impl Iterator<Item = (Class, Option<&'a [u8]>)>,
    take: &mut dyn FnMut(Class, Form<'_>),
) {
    let (mut first, mut last) = (None, None);
    for (class, value) in values {
        let Some(text) = value.and_then(|value| std::str::from_utf8(value).ok()) else {
            continue;
        };
        match class {
            Class::FirstName => first = Some(text),
            Class::LastName => last = Some(text),
            _ => {}
        }
        for element in text.split(UNIT) {
            forms(class, element, take);
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        person_forms(first, last, take);
    }
}
