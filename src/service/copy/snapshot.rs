//! One instant of the source, held open for everybody who reads it.

use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;

/// Settings of every session that reads or writes for hours on its own. `transaction_timeout`
/// came with PostgreSQL 17.
pub(super) async fn patient(session: &Session) -> Result<()> {
    let mut sql = "set idle_in_transaction_session_timeout = 0; set idle_session_timeout = 0; \
                   set row_security = off; set synchronize_seqscans = off; set jit = off"
        .to_owned();
    if session.version() >= 170_000 {
        sql.push_str("; set transaction_timeout = 0");
    }
    Ok(session.batch_execute(&sql).await?)
}

/// A transaction whose snapshot others join.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// The session that holds it.
    pub(super) session: Session,
    /// Its name, for `SET TRANSACTION SNAPSHOT`.
    pub(super) id: String,
    /// A place in the write-ahead log at which it was taken.
    pub(super) lsn: String,
    /// Names this instant in the ledger; never the same twice.
    pub(super) instant: String,
}

impl Snapshot {
    /// Takes a snapshot of the source; a standby can give one, too.
    pub(super) async fn take(source: &Target) -> Result<Self> {
        let session = Session::connect(source, "copy").await?;
        patient(&session).await?;
        session
            .batch_execute("begin transaction isolation level repeatable read, read only")
            .await?;
        let row = session
            .query_one(
                "select pg_catalog.pg_export_snapshot(), (case when pg_catalog.pg_is_in_recovery() \
                 then pg_catalog.pg_last_wal_replay_lsn() else pg_catalog.pg_current_wal_lsn() end)::text",
                &[],
            )
            .await?;
        let lsn: String = row.get(1);
        Ok(Self {
            id: row.get(0),
            instant: format!("{lsn} {:016x}", rand::random::<u64>()),
            lsn,
            session,
        })
    }

    /// Fails when the holder's session is gone, and with it the instant.
    pub(super) async fn check(&self) -> Result<()> {
        self.session
            .query_one("select 1", &[])
            .await
            .map(drop)
            .map_err(|error| {
                Error::new(
                    Kind::CopySource,
                    "the session that holds the snapshot is gone",
                )
                .because(error)
            })
    }
}

/// Begins a transaction that sees what the snapshot sees.
pub(super) async fn join(session: &Session, id: &str) -> Result<()> {
    let sql = format!(
        "begin transaction isolation level repeatable read, read only; set transaction snapshot {}",
        crate::sql::literal(id)
    );
    session.batch_execute(&sql).await.map_err(|error| {
        Error::new(Kind::CopySource, "the snapshot of the source is gone").because(error)
    })
}
