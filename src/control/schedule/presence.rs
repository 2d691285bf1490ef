//! How a process shows that it lives.

use std::time::Duration;

use rand::RngExt as _;
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use tokio::sync::Mutex;

use crate::config::Target;
use crate::control::{Control, Operator};
use crate::error::{Error, Kind, Result};

/// How long a sign may take.
const LIMIT: Duration = Duration::from_secs(5);

/// The presence of one process: a session of its own that holds an advisory lock, which the server
/// lets go when the process dies, and a heartbeat on each of its runs.
#[derive(Debug)]
pub struct Presence {
    key: i64,
    owner: String,
    target: Target,
    session: Mutex<Option<PgConnection>>,
}

impl Presence {
    /// Takes a lock that no other process has.
    ///
    /// # Errors
    /// The database is out of reach.
    pub async fn enter(target: &Target, operator: &Operator) -> Result<Self> {
        // Positive, so that a person can read it in pg_locks.
        let key = rand::rng().random_range(1..=i64::MAX);
        let session = connect(target, key).await?;
        Ok(Self {
            key,
            owner: format!("{}, process {}", operator.host, std::process::id()),
            target: target.clone(),
            session: Mutex::new(Some(session)),
        })
    }

    /// Key of the lock.
    #[must_use]
    pub fn key(&self) -> i64 {
        self.key
    }

    /// Machine and process, for people.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// Gives a sign of life on every run of this process; connects anew when the session was lost.
    ///
    /// # Errors
    /// The database is out of reach; after too long, others take this process for dead.
    pub async fn beat(&self, control: &Control) -> Result<()> {
        let sign = async {
            let mut held = self.session.lock().await;
            let alive = match held.as_mut() {
                Some(session) => session.ping().await.is_ok(),
                None => false,
            };
            if !alive {
                *held = None;
                *held = Some(connect(&self.target, self.key).await?);
            }
            drop(held);
            sqlx::query(
                "update tidegate.schedule_run set heartbeat_at = pg_catalog.clock_timestamp() \
                 where owner_key = $1 and state in ('intent', 'running')",
            )
            .bind(self.key)
            .execute(control.pool())
            .await?;
            Ok(())
        };
        tokio::time::timeout(LIMIT, sign).await.map_err(|_| {
            Error::new(
                Kind::ConnectionLost,
                format!("{}: no answer to a sign of life", self.target.label()),
            )
        })?
    }
}

async fn connect(target: &Target, key: i64) -> Result<PgConnection> {
    let mut session = PgConnection::connect_with(&target.sqlx_options("presence")?).await?;
    // Shared: a session of this process that the server has not missed yet does not keep it out.
    sqlx::query("select pg_catalog.pg_advisory_lock_shared($1)")
        .bind(key)
        .execute(&mut session)
        .await?;
    Ok(session)
}
