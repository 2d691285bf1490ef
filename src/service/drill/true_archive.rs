//! The control of `archive_command = '/bin/true'`: the server's own figures are perfect, and
//! nothing can be recovered.

use std::path::Path;

use super::engine::{Engine, random_key};
use super::primary::Primary;
use super::run::Sandbox;
use crate::error::{Error, Kind, Result};
use crate::recovery::{RecoveryTarget, WalMode};
use crate::storage::{Location, Repository};

/// A restore point that is written after the base backup.
const POINT: &str = "tidegate_drill_after";
/// Bytes of its database: the least that a backup can be made of.
const BYTES: u64 = 1_000_000;

/// Makes such a primary, takes a base backup of it, loses it and restores. The inner result is
/// that of the restore.
///
/// # Errors
/// The primary could not be made, or its archiver does not say that all is well.
pub(super) async fn attempt(engine: &Engine<'_>, place: &Path) -> Result<Result<String>> {
    let location = Location::Folder(place.join("repository"));
    let repository = Repository::open(&location, Vec::new(), random_key()?)?;
    let sandbox = Sandbox {
        bytes: BYTES,
        wal: WalMode::Archive,
        incremental: false,
    };
    let primary = Primary::start(
        &sandbox,
        Some("/bin/true"),
        engine.drill.install,
        &engine.drill.cancel,
    )
    .await?;
    let backup = match engine.backup_of(&primary.target, &repository, None).await {
        // An engine that waits for WAL before it copies finds it sooner.
        Err(error) if error.kind() == Kind::BackupTool => {
            primary.server.stop().await;
            return Ok(Err(error));
        }
        made => made?,
    };
    let written = "insert into public.orders (customer, amount) values (1, 1)";
    primary.session.batch_execute(written).await?;
    primary
        .session
        .query_one(
            "select pg_catalog.pg_create_restore_point($1)::text",
            &[&POINT],
        )
        .await?;
    primary.archive().await?;
    let failed: i64 = primary
        .session
        .query_one("select failed_count from pg_catalog.pg_stat_archiver", &[])
        .await?
        .try_get(0)?;
    if failed != 0 {
        return Err(Error::new(
            Kind::Internal,
            "an archiver that runs /bin/true says that it failed",
        ));
    }
    primary.server.lose(|| ()).await?;
    primary.server.stop().await;
    let into = place.join("into");
    let from = (&repository, Some(backup.id.as_str()));
    // The backup may bring the WAL of its own making; this place lies behind it.
    let target = RecoveryTarget::Name(POINT.to_owned());
    Ok(engine.attempt(from, target, &into).await)
}
