//! Opens the control schema.

use sqlx::migrate::MigrateError;
use sqlx::postgres::{PgPool, PgPoolOptions};

use super::schema;
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::admit;

/// The control schema of one database, migrated to what this binary needs.
#[derive(Debug, Clone)]
pub struct Control {
    pool: PgPool,
}

impl Control {
    /// Connects and brings the schema up to date; concurrent openers wait for each other.
    ///
    /// # Errors
    /// Out of reach, a pooler in between, a missing privilege, or a schema that a newer Tidegate has made.
    pub async fn open(target: &Target) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_with(target.sqlx_options("control")?)
            .await?;
        // Before anything is made: the migrations' lock would be lost behind a pooler.
        let (version, pinned): (i32, bool) = sqlx::query_as(
            "select pg_catalog.current_setting('server_version_num')::int, \
             pg_catalog.current_setting('search_path') = 'pg_catalog'",
        )
        .fetch_one(&pool)
        .await?;
        admit(&target.label(), version, pinned)?;
        // A reader that finds everything in place writes nothing: it works on a standby too.
        if !schema::is_current(&pool).await? {
            schema::migrator().run(&pool).await.map_err(from_migrate)?;
        }
        Ok(Self { pool })
    }

    /// Its connections.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}

/// A refused statement of a migration keeps its kind: most often a privilege is missing.
fn from_migrate(error: MigrateError) -> Error {
    match error {
        MigrateError::Execute(source) | MigrateError::ExecuteMigration(source, _) => {
            let error = Error::from(source);
            let hint = match error.kind() {
                Kind::Privilege => "grant create on the database to this role; docs/guides/privileges.md lists all that Tidegate needs".to_owned(),
                _ => error.hint_text().to_owned(),
            };
            Error::new(
                error.kind(),
                format!("the control schema could not be made: {error}"),
            )
            .hint(hint)
        }
        MigrateError::VersionMissing(version) => Error::new(
            Kind::Internal,
            format!("the control schema is of a newer Tidegate (version {version})"),
        )
        .hint("use the Tidegate that made it, or a newer one"),
        other => Error::new(Kind::Internal, format!("control schema: {other}")),
    }
}
