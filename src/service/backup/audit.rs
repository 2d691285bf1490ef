//! Entries in the audit log, where there is one.

use serde_json::Value;

use crate::config::Target;
use crate::control::{Operator, append_audit_in};
use crate::error::Result;
use crate::postgres::Session;

/// Whether something was recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    /// It was.
    Yes,
    /// The database has no control schema, or the server takes no writes.
    NoLog,
}

/// Records what was done to backups in the database's audit log. A role that only takes backups,
/// a standby, and a database that nothing else of Tidegate has touched are no faults: the backup
/// counts all the same.
///
/// # Errors
/// Those of the database, a missing privilege among them.
pub async fn record(
    session: &Session,
    target: &Target,
    action: &str,
    detail: Value,
) -> Result<Recorded> {
    let row = session
        .query_one(
            "select pg_catalog.to_regclass('tidegate.audit') is not null \
             and not pg_catalog.pg_is_in_recovery()",
            &[],
        )
        .await?;
    if !row.try_get::<_, bool>(0)? {
        return Ok(Recorded::NoLog);
    }
    // Databases and roles may be set to read only, and this is no change of their data.
    let writes = "set default_transaction_read_only = off";
    session.batch_execute(writes).await?;
    let event = Operator::of_process(None).event(&target.environment, action, detail);
    append_audit_in(&**session, &event).await?;
    Ok(Recorded::Yes)
}
