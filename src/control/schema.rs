//! The migrations of the control schema, embedded in the binary.

use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::PgPool;

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
    (
        4,
        "schedules",
        include_str!("../../migrations/0004_schedules.sql"),
    ),
    (
        5,
        "schedule pruning",
        include_str!("../../migrations/0005_schedule_pruning.sql"),
    ),
    (
        6,
        "failed steps",
        include_str!("../../migrations/0006_failed_steps.sql"),
    ),
    (7, "seed", include_str!("../../migrations/0007_seed.sql")),
];

/// Whether exactly this binary's migrations have been applied.
pub(super) async fn is_current(pool: &PgPool) -> Result<bool, sqlx::Error> {
    let there: bool = sqlx::query_scalar(
        "select pg_catalog.to_regclass('tidegate._sqlx_migrations') is not null",
    )
    .fetch_one(pool)
    .await?;
    if !there {
        return Ok(false);
    }
    let applied: Vec<(i64, Vec<u8>)> = sqlx::query_as(
        "select version, checksum from tidegate._sqlx_migrations where success order by version",
    )
    .fetch_all(pool)
    .await?;
    let migrator = migrator();
    Ok(migrator.iter().count() == applied.len()
        && migrator
            .iter()
            .zip(&applied)
            .all(|(ours, (version, checksum))| {
                ours.version == *version && *ours.checksum == **checksum
            }))
}

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
