//! The values of the source that are sought.

use futures_util::TryStreamExt as _;
use tokio_util::sync::CancellationToken;

use crate::error::{Error, Kind, Result};
use crate::masking::leak::{Form, forms, identifies, person_forms, unescape_copy};
use crate::masking::{Class, ColumnPlan, MaskPlan};
use crate::postgres::Session;
use crate::sql::QualifiedName;

/// What stands between the elements of an array.
const UNIT: char = '\u{1f}';

/// Takes a form of a value with its class; `false` ends the reading.
pub(super) type Take<'a> = &'a mut (dyn FnMut(Class, Form<'_>) -> bool + Send);

/// How one table is read.
#[derive(Debug)]
struct Reading {
    sql: String,
    columns: Vec<Class>,
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
                    sql: statement(session, &table.name, &wanted).await?,
                    columns: wanted.iter().map(|(_, class)| *class).collect(),
                });
            }
        }
        Ok(Self { readings })
    }

    /// Calls `take` for each form of each value; returns the number of values.
    pub(super) async fn read(
        &self,
        session: &Session,
        cancel: &CancellationToken,
        take: Take<'_>,
    ) -> Result<u64> {
        let mut values = 0;
        let mut fields: Vec<Option<Vec<u8>>> = Vec::new();
        for reading in &self.readings {
            let stream = session.copy_out(&reading.sql).await?;
            let mut stream = std::pin::pin!(stream);
            while let Some(chunk) = stream.try_next().await? {
                // The server sends one row a message.
                let row = chunk.strip_suffix(b"\n").unwrap_or(&chunk);
                split(row, &mut fields);
                values += fields.iter().flatten().count() as u64;
                if !offer(&reading.columns, &fields, take) {
                    return Ok(values);
                }
                if cancel.is_cancelled() {
                    return Err(Error::new(Kind::Interrupted, "the gate was interrupted"));
                }
            }
        }
        Ok(values)
    }
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
fn split(row: &[u8], fields: &mut Vec<Option<Vec<u8>>>) {
    let mut count = 0;
    for raw in row.split(|byte| *byte == b'\t') {
        if fields.len() == count {
            fields.push(None);
        }
        fields[count] = if raw == b"\\N" {
            None
        } else {
            let mut buffer = fields[count].take().unwrap_or_default();
            unescape_copy(raw, &mut buffer);
            Some(buffer)
        };
        count += 1;
    }
    fields.truncate(count);
}

fn offer(columns: &[Class], fields: &[Option<Vec<u8>>], take: Take<'_>) -> bool {
    let mut goes_on = true;
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
            forms(*class, element, &mut |class, form| {
                goes_on = goes_on && take(class, form);
            });
        }
    }
    if let (Some(first), Some(last)) = (first, last) {
        person_forms(first, last, &mut |class, form| {
            goes_on = goes_on && take(class, form);
        });
    }
    goes_on
}
