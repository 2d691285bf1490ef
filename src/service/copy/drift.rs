//! Measures how far the rows of a subset are distributed like those of the source. Of each table at
//! most [`SAMPLE`] rows are read on each side, from pages spread over the table.

use std::pin::pin;

use futures_util::TryStreamExt;

use super::gate::Subject;
use super::snapshot::{join, patient};
use crate::catalog::{Catalog, Column, Table, TypeKind};
use crate::copy::Take;
use crate::error::Result;
use crate::postgres::Session;
use crate::subset::{Drift, RowSet, Sketch};

/// Rows of a table that are read on each side.
const SAMPLE: u32 = 20_000;

/// Measures every kept column of the tables that were carried in part, keys left out; the largest
/// difference comes first.
pub(super) async fn measure(subject: &Subject<'_>) -> Result<Vec<Drift>> {
    let Some(selection) = subject.selection else {
        return Ok(Vec::new());
    };
    let source = Session::connect(subject.source, "copy").await?;
    patient(&source).await?;
    join(&source, subject.snapshot).await?;
    let target = Session::connect(subject.copy, "copy").await?;
    let mut found = Vec::new();
    for copied in &subject.plan.tables {
        let picked = selection.rows(&copied.name).map_or(0, RowSet::len);
        let Some(table) = subject.catalog.table(&copied.name).filter(|_| picked > 0) else {
            continue;
        };
        let kept = copied.columns.iter().filter(|c| c.take == Take::Kept);
        let columns: Vec<&Column> = kept
            .filter_map(|column| table.column(column.name.as_str()))
            .filter(|column| is_measured(subject.catalog, table, column))
            .collect();
        if columns.is_empty() {
            continue;
        }
        #[allow(clippy::cast_precision_loss, reason = "an estimate")]
        let rows = (table.reltuples, picked as f64);
        let (left, right) = tokio::try_join!(
            sketches(&source, table, &columns, rows.0),
            sketches(&target, table, &columns, rows.1)
        )?;
        for (column, (left, right)) in columns.iter().zip(left.iter().zip(&right)) {
            found.extend(Drift::of(
                &table.name.plain(),
                column.name.as_str(),
                left,
                right,
            ));
        }
    }
    found.sort_by(|a, b| b.distance.total_cmp(&a.distance));
    Ok(found)
}

/// Whether a distribution means something: numbers, times, short texts, and no key, every value of
/// which is another one.
fn is_measured(catalog: &Catalog, table: &Table, column: &Column) -> bool {
    if table
        .primary_key()
        .is_some_and(|key| key.columns == [column.name.clone()])
    {
        return false;
    }
    let base = column.data_type.split('(').next().unwrap_or_default();
    is_time(column)
        || matches!(
            base,
            "boolean"
                | "smallint"
                | "integer"
                | "bigint"
                | "numeric"
                | "real"
                | "double precision"
                | "text"
                | "character varying"
                | "character"
        )
        || catalog
            .types
            .values()
            .any(|kind| kind.oid == column.type_oid && matches!(kind.kind, TypeKind::Enum { .. }))
}

fn is_time(column: &Column) -> bool {
    column.data_type == "date" || column.data_type.starts_with("timestamp")
}

async fn sketches(
    session: &Session,
    table: &Table,
    columns: &[&Column],
    rows: f64,
) -> Result<Vec<Sketch>> {
    let list: Vec<String> = columns
        .iter()
        .map(|column| {
            let name = &column.name;
            if is_time(column) {
                return format!("extract(epoch from {name})::pg_catalog.text");
            }
            // A long text is not fetched from where it is stored.
            format!(
                "case when pg_catalog.pg_column_size({name}) > 200 then '(long)' else {name}::pg_catalog.text end"
            )
        })
        .collect();
    let percent = 100.0 * f64::from(SAMPLE) / rows.max(1.0);
    let sampled = if percent < 100.0 {
        format!(" tablesample system ({percent}) repeatable (7)")
    } else {
        String::new()
    };
    let sql = format!(
        "select {} from only {}{sampled} limit {SAMPLE}",
        list.join(", "),
        table.name
    );
    let parameters: [&str; 0] = [];
    let mut stream = pin!(session.query_raw(&sql, parameters).await?);
    let mut sketches = vec![Sketch::default(); columns.len()];
    while let Some(row) = stream.try_next().await? {
        for (at, sketch) in sketches.iter_mut().enumerate() {
            sketch.add(row.try_get::<_, Option<&str>>(at)?);
        }
    }
    Ok(sketches)
}
