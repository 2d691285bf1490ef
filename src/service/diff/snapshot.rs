//! Read-only transactions that see one moment.

use crate::catalog::Catalog;
use crate::error::Result;
use crate::postgres::{Session, introspect_in_transaction};
use crate::sql::Ident;

/// Settings that hold until the end of the transaction, besides those of every session:
/// a table that hides rows is an error and not a difference; `money` prints alike everywhere; the
/// quicker side may wait for the slower one; compiling costs more than it gains for these queries.
const SETTINGS: &str = "set local row_security = off; \
    set local lc_monetary = 'C'; \
    set local idle_in_transaction_session_timeout = 0; \
    set local jit = off";

/// Identity of a running database: when its server started, and its number. A standby has another
/// one than its primary, which is right: they are not at the same moment.
const IDENTITY: &str = "select pg_catalog.pg_postmaster_start_time()::pg_catalog.text || ' ' || d.oid, \
    not pg_catalog.pg_is_in_recovery() \
    from pg_catalog.pg_database d where d.datname = pg_catalog.current_database()";

/// Begins a transaction that sees one moment and changes nothing.
pub(in crate::service) const BEGIN: &str = "begin isolation level repeatable read, read only";

/// Begins a transaction on both sides. Two sides in one database see the very same moment, so that
/// writes between the two are no difference.
pub(super) async fn begin(source: &Session, target: &Session) -> Result<()> {
    let identity = async |session: &Session| -> Result<(String, bool)> {
        let row = session.query_one(IDENTITY, &[]).await?;
        Ok((row.get(0), row.get(1)))
    };
    let (left, right) = tokio::try_join!(identity(source), identity(target))?;
    source.batch_execute(BEGIN).await?;
    target.batch_execute(BEGIN).await?;
    if left.0 == right.0 && left.1 {
        let row = source
            .query_one("select pg_catalog.pg_export_snapshot()", &[])
            .await?;
        let snapshot = crate::sql::literal(row.get(0));
        target
            .batch_execute(&format!("set transaction snapshot {snapshot}"))
            .await?;
    }
    Ok(())
}

/// Prepares the transaction that `session` is in, and reads the catalog as it sees it.
pub(super) async fn prepare(session: &Session) -> Result<Catalog> {
    session.batch_execute(SETTINGS).await?;
    introspect_in_transaction(session).await
}

/// Sets the schemas in which names are looked for, those of the system first.
pub(super) async fn search(session: &Session, schemas: &[Ident]) -> Result<()> {
    let mut path = "pg_catalog".to_owned();
    for schema in schemas {
        path.push_str(", ");
        path.push_str(&schema.to_string());
    }
    let sql = "select pg_catalog.set_config('search_path', $1, true)";
    session.query_one(sql, &[&path]).await?;
    Ok(())
}
