//! Commit timestamps of a restored cluster. It recovers with them on, since a server that ends its
//! recovery without them removes what the source has kept. When the source kept none, its server now
//! begins with the transaction at hand, and PANICs when a transaction is committed that was prepared long
//! before: that one's page was never made (PostgreSQL, `src/backend/access/transam/commit_ts.c`).

use super::recover::Recovery;
use crate::error::Result;
use crate::postgres::Session;
use crate::postgres::private::{Binaries, Ephemeral};
use crate::recovery::Settings;
use crate::service::scratch;

/// What switches them.
pub(super) const SETTING: &str = "track_commit_timestamp";

/// Where the checkpoint that ends a recovery puts transactions that wait to be committed.
const PREPARED: &str = "pg_twophase";
/// Whether that checkpoint, which comes before the server begins to keep timestamps, knew of none.
const NONE_KEPT: &str =
    "select c.oldest_commit_ts_xid::text = '0' from pg_catalog.pg_control_checkpoint() as c";

/// Starts the server once more without them, where they would end it.
///
/// # Errors
/// It does not start again; nothing is left of the cluster then.
pub(super) async fn settle(
    recovery: &Recovery<'_>,
    binaries: &Binaries,
    (server, source): (Ephemeral, &Settings),
    settings: Vec<(String, String)>,
) -> Result<Ephemeral> {
    if server.data.join(PREPARED).read_dir()?.next().is_none() {
        return Ok(server);
    }
    let role = source.superuser.as_deref().unwrap_or("postgres");
    let database = source.database.as_deref().unwrap_or("postgres");
    match none_kept(&server.url_as(role, database)).await {
        Ok(true) => {}
        Ok(false) => return Ok(server),
        Err(error) => {
            tracing::debug!(%error, "the restored cluster cannot be asked for its commit timestamps");
            return Ok(server);
        }
    }
    server.keep().stop().await?;
    let off = (SETTING.to_owned(), "off".to_owned());
    let others = settings.into_iter().filter(|(name, _)| name != SETTING);
    let settings = others.chain([off]).collect();
    recovery.again(binaries, settings).await
}

async fn none_kept(url: &str) -> Result<bool> {
    let target = scratch::target(url, None).await?;
    let session = Session::connect(&target, "restore").await?;
    Ok(session.query_one(NONE_KEPT, &[]).await?.try_get(0)?)
}
