//! Tables that stay as they are: rows of others refer to what they hold.

use super::options::{Options, StandingTable};
use crate::catalog::{ForeignKeyGraph, Table};
use crate::error::{Error, Kind, Result};
use crate::generate::spec::TableSpec;

/// What tools that migrate schemas write down for themselves; made-up rows there would have them
/// skip or repeat migrations. In lower case.
const LEDGERS: [&str; 19] = [
    "__diesel_schema_migrations",
    "__drizzle_migrations",
    "__efmigrationshistory",
    "_prisma_migrations",
    "_sqlx_migrations",
    "alembic_version",
    "ar_internal_metadata",
    "databasechangelog",
    "databasechangeloglock",
    "django_migrations",
    "flyway_schema_history",
    "goose_db_version",
    "knex_migrations",
    "knex_migrations_lock",
    "phinxlog",
    "refinery_schema_history",
    "schema_migrations",
    "seaql_migrations",
    "sequelizemeta",
];

/// Why a table gets no rows when nobody asks for them: it holds rows that no seeding wrote, or it is
/// the ledger of a migration tool. None when it is to be seeded.
pub(super) fn kept(
    graph: &ForeignKeyGraph,
    table: &Table,
    found: Option<&StandingTable>,
    said: Option<&TableSpec>,
) -> Option<String> {
    let rows = said.filter(|said| !said.learned).and_then(|said| said.rows);
    if rows.is_some_and(|rows| rows > 0) {
        return None;
    }
    let name = table.name.plain();
    if let Some(found) = found.filter(|found| !found.ours && found.rows > 0) {
        return Some(format!(
            "{name}: holds {} rows that no seeding wrote; they stay, and others refer to them",
            found.rows
        ));
    }
    let ledger = LEDGERS.contains(&table.name.name.as_str().to_lowercase().as_str());
    (ledger && graph.children(&table.name).is_empty())
        .then(|| format!("{name}: the ledger of a migration tool; it gets no rows"))
}

/// Refuses to add to a table of which rows of earlier runs are gone: nobody knows which.
pub(super) fn refuse_fewer(
    options: &Options,
    table: &Table,
    found: Option<&StandingTable>,
) -> Result<()> {
    let Some(found) = found.filter(|found| options.extend && found.rows < found.written) else {
        return Ok(());
    };
    let text = format!(
        "{}: earlier runs wrote {} rows, and {} are left",
        table.name.plain(),
        found.written,
        found.rows
    );
    Err(Error::new(Kind::SeedPlan, text)
        .hint("--extend goes on behind rows that are all there; tidegate seed reset brings a saved state back"))
}
