//! What the tables hold before a run.

use crate::catalog::{Catalog, Table, TableKind};
use crate::control::seed as ledger;
use crate::error::Result;
use crate::generate::{ColumnType, PgType, SeedPlan, Source, Standing, StandingTable};
use crate::postgres::Session;
use crate::sql::Ident;

/// `only` where a table has rows of its own beside those of its children.
pub(super) fn only(table: &Table) -> &'static str {
    if table.is_partitioned() { "" } else { "only " }
}

/// Whether all rows of a table are in this database: those on other servers are never asked for.
fn is_here(catalog: &Catalog, table: &Table) -> bool {
    table.kind != TableKind::Foreign && catalog.foreign_partition(table).is_none()
}

/// Whether a table holds no row.
pub(super) async fn is_empty(session: &Session, table: &Table) -> Result<bool> {
    let sql = format!("select exists (select from {}{})", only(table), table.name);
    let row = session.query_one(&sql, &[]).await?;
    Ok(!row.get::<_, bool>(0))
}

/// Counts the rows of all tables; those that earlier runs with `seed` wrote are known from the
/// ledger. A table whose rows became fewer since is one that nobody seeded.
///
/// # Errors
/// Those of the database.
pub async fn standing(session: &Session, catalog: &Catalog, seed: u64) -> Result<Standing> {
    let there = session
        .query_one(
            "select pg_catalog.to_regclass('tidegate.seed_run') is not null",
            &[],
        )
        .await?;
    let (seeded, touched) = if there.try_get(0)? {
        (
            ledger::seeded(&**session, seed).await?,
            ledger::touched(&**session).await?,
        )
    } else {
        Default::default()
    };
    let mut standing = Standing::default();
    for table in catalog.tables.values() {
        if table.partition_of.is_some()
            || !is_here(catalog, table)
            || is_empty(session, table).await?
        {
            continue;
        }
        let found = read(session, catalog, table).await?;
        let earlier = seeded.get(&table.name).copied().unwrap_or_default();
        standing.tables.insert(
            table.name.clone(),
            StandingTable {
                seeded: if earlier <= found.rows { earlier } else { 0 },
                written: earlier,
                ours: touched.contains(&table.name),
                ..found
            },
        );
    }
    Ok(standing)
}

/// Reads from what templates earlier runs with `seed` made the tables' columns, for a run that adds
/// rows.
///
/// # Errors
/// Those of the database; [`crate::error::Kind::Internal`] when an earlier plan cannot be read.
pub async fn templates(session: &Session, standing: &mut Standing, seed: u64) -> Result<()> {
    for (name, table) in &mut standing.tables {
        if table.seeded == 0 {
            continue;
        }
        let Some(before) = ledger::plan_of(&**session, seed, name).await? else {
            continue;
        };
        let before = before.tables.into_iter().find(|t| t.name == *name);
        let columns = before.into_iter().flat_map(|table| table.columns);
        table.templates = columns
            .filter(|column| matches!(column.source, Source::Template { .. }))
            .map(|column| (column.name, column.source))
            .collect();
    }
    Ok(())
}

/// Refuses a plan that adds rows whose keys would come again.
///
/// # Errors
/// [`crate::error::Kind::SeedPlan`] with the constraint; those of the database.
pub async fn refuse_renumbered(session: &Session, plan: &SeedPlan) -> Result<()> {
    for table in plan.tables.iter().filter(|table| table.first > 0) {
        if let Some(before) = ledger::plan_of(&**session, plan.seed, &table.name).await? {
            plan.refuse_renumbered(&before)?;
        }
    }
    Ok(())
}

/// The columns that foreign keys refer to and of which one may be null.
fn referenced(catalog: &Catalog, table: &Table) -> Vec<Vec<Ident>> {
    let mut found: Vec<Vec<Ident>> = Vec::new();
    let keys = catalog.tables.values().flat_map(Table::foreign_keys);
    for key in keys.filter_map(|key| key.foreign_key()) {
        let nullable = |name: &Ident| {
            let column = table.column(name.as_str());
            column.is_some_and(|column| !column.not_null)
        };
        if key.table == table.name
            && key.columns.iter().any(nullable)
            && !found.contains(&key.columns)
        {
            found.push(key.columns.clone());
        }
    }
    found
}

async fn read(session: &Session, catalog: &Catalog, table: &Table) -> Result<StandingTable> {
    let whole = |data_type: &str| matches!(ColumnType::of(catalog, data_type).base, PgType::Int(_));
    let columns: Vec<_> = table
        .columns
        .iter()
        .filter(|column| whole(&column.data_type))
        .collect();
    let mut list = String::from("pg_catalog.count(*)");
    for column in &columns {
        list.push_str(&format!(", pg_catalog.max({})::int8", column.name));
    }
    let referenced = referenced(catalog, table);
    for key in &referenced {
        let each: Vec<String> = key.iter().map(|c| format!("{c} is not null")).collect();
        let all = each.join(" and ");
        list.push_str(&format!(", pg_catalog.count(*) filter (where {all})"));
    }
    let sql = format!("select {list} from {}{}", only(table), table.name);
    let row = session.query_one(&sql, &[]).await?;
    let highest = columns.iter().enumerate().filter_map(|(at, column)| {
        let value: Option<i64> = row.get(at + 1);
        Some((column.name.clone(), value?))
    });
    let count = |at: usize| u64::try_from(row.get::<_, i64>(at)).unwrap_or_default();
    let present = referenced.into_iter().enumerate();
    let present = present.map(|(at, key)| (key, count(columns.len() + 1 + at)));
    Ok(StandingTable {
        rows: count(0),
        present: present.collect(),
        highest: highest.collect(),
        ..StandingTable::default()
    })
}
