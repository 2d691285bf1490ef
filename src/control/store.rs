//! Opens the control schema.

use sqlx::postgres::{PgPool, PgPoolOptions};

use super::schema;
use crate::config::Target;
use crate::error::{Error, Kind, Result};

/// The control schema of one database, migrated to what this binary needs.
#[derive(Debug, Clone)]
pub struct Control {
    pool: PgPool,
}

impl Control {
    /// Connects and brings the schema up to date; concurrent openers wait for each other.
    ///
    /// # Errors
    /// Out of reach, a missing privilege, or a schema that a newer Tidegate has made.
    pub async fn open(target: &Target) -> Result<Self> {
        let pool = PgPoolOptions::new()
            .max_connections(4)
            .connect_with(target.sqlx_options("control"))
            .await?;
        schema::migrator()
            .run(&pool)
            .await
            .map_err(|error| Error::new(Kind::Internal, format!("control schema: {error}")))?;
        Ok(Self { pool })
    }

    /// Its connections.
    #[must_use]
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }
}
