//! The migrations of the control schema, embedded in the binary.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

/// Number, name and text of each file in `migrations/`.
const FILES: &[(i64, &str, &str)] = &[
    (
        1,
        "ledger",
        include_str!("../../migrations/0001_ledger.sql"),
    ),
    (
        2,
        "backfill",
        include_str!("../../migrations/0002_backfill.sql"),
    ),
    (3, "audit", include_str!("../../migrations/0003_audit.sql")),
];

/// The migrator; its own bookkeeping lies in the control schema too.
pub(super) fn migrator() -> Migrator {
    let migrations = FILES
        .iter()
        .map(|(version, name, sql)| {
            Migration::new(
                *version,
                (*name).into(),
                MigrationType::Simple,
                sql.into_sql_str(),
                false,
            )
        })
        .collect();
    let mut migrator = Migrator::with_migrations(migrations);
    migrator.dangerous_set_table_name("tidegate._sqlx_migrations");
    migrator.create_schema("tidegate");
    migrator
}
