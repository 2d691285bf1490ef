//! What the planner makes of joins by foreign keys and of ranges of indexed columns. Nothing is
//! executed: `EXPLAIN` alone.

use chrono::{Days, NaiveDate, TimeDelta};

use super::measure::is_measured;
use crate::catalog::{Catalog, IndexKey, Table};
use crate::error::Result;
use crate::generate::profile::{PlanProfile, Profile, Query, Unit, Values};
use crate::generate::{ColumnType, PgType};
use crate::postgres::{Session, introspect};
use crate::service::seed::standing::only;
use crate::sql::literal;

/// Queries at most, and ranges of one table.
const QUERIES: usize = 400;
const RANGES: usize = 8;

/// Plans of the queries that a profile calls for.
pub(super) async fn learn(
    session: &Session,
    catalog: &Catalog,
    profile: &Profile,
) -> Result<Vec<PlanProfile>> {
    let mut queries = Vec::new();
    for table in catalog.tables.values().filter(|table| is_measured(table)) {
        let name = table.name.plain();
        let keys = table.foreign_keys().map(|key| Query::Join {
            table: name.clone(),
            key: key.name.as_str().to_owned(),
        });
        queries.extend(keys);
        queries.extend(ranges(catalog, table, profile));
    }
    queries.truncate(QUERIES);
    let mut plans = Vec::with_capacity(queries.len());
    for query in queries {
        plans.extend(explain(session, catalog, query).await?);
    }
    Ok(plans)
}

/// What this database makes of the queries of a profile, in their order; `None` where it lacks a table,
/// a key or a column.
///
/// # Errors
/// Those of the database.
pub async fn plans_of(session: &Session, wanted: &Profile) -> Result<Vec<Option<PlanProfile>>> {
    let catalog = introspect(session).await?;
    let mut found = Vec::with_capacity(wanted.plans.len());
    for plan in &wanted.plans {
        found.push(explain(session, &catalog, plan.query.clone()).await?);
    }
    Ok(found)
}

/// From the first quarter of each indexed column's histogram to its middle.
fn ranges(catalog: &Catalog, table: &Table, profile: &Profile) -> Vec<Query> {
    let name = table.name.plain();
    let mut columns: Vec<&str> = Vec::new();
    for index in table
        .indexes
        .iter()
        .filter(|i| i.valid && i.predicate.is_none())
    {
        if let Some(IndexKey::Column(column)) = index.columns.first().map(|column| &column.key)
            && index.method == "btree"
            && !columns.contains(&column.as_str())
        {
            columns.push(column.as_str());
        }
    }
    let measured = profile.tables.get(&name);
    let range = |column: &str| {
        let values = measured?.columns.get(column)?.values.as_ref()?;
        let Values::Histogram {
            unit,
            decimals,
            buckets,
        } = values
        else {
            return None;
        };
        let kind = ColumnType::of(catalog, &table.column(column)?.data_type).base;
        let low = buckets.get(buckets.len() / 4)?.min;
        let high = buckets.get(buckets.len() / 2)?.max;
        let text = |bound: f64| bound_text(bound, *unit, (*decimals, &kind));
        Some(Query::Range {
            table: name.clone(),
            column: column.to_owned(),
            from: text(low)?,
            to: text(high)?,
        })
    };
    columns.into_iter().filter_map(range).take(RANGES).collect()
}

/// A bound of a histogram as text of the column's type.
fn bound_text(bound: f64, unit: Unit, (decimals, kind): (u16, &PgType)) -> Option<String> {
    let seconds = TimeDelta::try_seconds((bound * 86_400.0).round() as i64);
    match (unit, kind) {
        (Unit::Number, _) => Some(format!("{bound:.*}", usize::from(decimals))),
        (Unit::Days, PgType::Date) => {
            let first = NaiveDate::from_ymd_opt(2000, 1, 1)?;
            let days = bound.round() as i64;
            let date = if days < 0 {
                first.checked_sub_days(Days::new(days.unsigned_abs()))
            } else {
                first.checked_add_days(Days::new(days.unsigned_abs()))
            };
            date.map(|date| date.to_string())
        }
        (Unit::Days, PgType::Timestamp(zone)) => {
            let first = NaiveDate::from_ymd_opt(2000, 1, 1)?.and_hms_opt(0, 0, 0)?;
            let at = first.checked_add_signed(seconds?)?;
            Some(format!("{at}{}", if *zone { "+00" } else { "" }))
        }
        _ => None,
    }
}

async fn explain(
    session: &Session,
    catalog: &Catalog,
    query: Query,
) -> Result<Option<PlanProfile>> {
    let Some(sql) = sql(catalog, &query) else {
        return Ok(None);
    };
    let sql = format!("explain (format json) {sql}");
    let row = session.query_one(&sql, &[]).await?;
    let explained: serde_json::Value = row.get(0);
    Ok(PlanProfile::read(query, &explained))
}

fn find<'c>(catalog: &'c Catalog, name: &str) -> Option<&'c Table> {
    catalog
        .tables
        .values()
        .find(|table| table.name.plain() == name)
}

fn sql(catalog: &Catalog, query: &Query) -> Option<String> {
    match query {
        Query::Join { table, key } => {
            let table = find(catalog, table)?;
            let constraint = table.foreign_keys().find(|k| k.name.as_str() == key)?;
            let to = constraint.foreign_key()?;
            let parent = catalog.table(&to.table)?;
            let pairs = constraint.columns.iter().zip(&to.columns);
            let pairs = pairs.map(|(own, its)| format!("c.{own} operator(pg_catalog.=) p.{its}"));
            Some(format!(
                "select * from {}{} c join {}{} p on {}",
                only(table),
                table.name,
                only(parent),
                parent.name,
                pairs.collect::<Vec<_>>().join(" and ")
            ))
        }
        Query::Range {
            table,
            column,
            from,
            to,
        } => {
            let table = find(catalog, table)?;
            let column = table.column(column)?;
            let (name, kind) = (&column.name, &column.data_type);
            Some(format!(
                "select * from {}{} where {name} >= {}::{kind} and {name} < {}::{kind}",
                only(table),
                table.name,
                literal(from),
                literal(to)
            ))
        }
    }
}
