//! The primary of a sandbox drill.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::run::Sandbox;
use super::shop;
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::postgres::private::{Ephemeral, Identity, Options};
use crate::service::backup::summarizes_wal;
use crate::service::scratch::target;

/// Seconds after which the server closes a segment that is not full.
pub(super) const ARCHIVE_TIMEOUT: u32 = 5;
/// Below this size segments are small, so that there are several of them.
const SMALL: u64 = 300_000_000;
/// How long a setting or the archiver may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// The database.
pub(super) const DATABASE: &str = "drill";

/// A primary with data.
#[derive(Debug)]
pub(super) struct Primary {
    pub(super) server: Ephemeral,
    pub(super) target: Target,
    pub(super) session: Session,
}

impl Primary {
    /// Starts a server whose archiver runs `archive_command`, and fills its database.
    pub(super) async fn start(
        sandbox: &Sandbox,
        archive_command: Option<&str>,
        install: bool,
        cancel: &CancellationToken,
    ) -> Result<Self> {
        let mut settings = vec![
            ("max_prepared_transactions".to_owned(), "20".to_owned()),
            ("max_wal_size".to_owned(), "1GB".to_owned()),
        ];
        if let Some(command) = archive_command {
            settings.push(("archive_mode".to_owned(), "on".to_owned()));
            settings.push(("archive_command".to_owned(), command.to_owned()));
            settings.push(("archive_timeout".to_owned(), format!("{ARCHIVE_TIMEOUT}s")));
        }
        let options = Options {
            install,
            settings,
            wal_segsize: (sandbox.bytes < SMALL).then_some(1),
            ..Options::default()
        };
        let server = Ephemeral::start(&options).await?;
        server.ensure_database(DATABASE).await?;
        let target = target(&server.url(DATABASE), None).await?;
        let session = Session::connect(&target, "drill").await?;
        if sandbox.incremental {
            summarize(&session).await?;
        }
        tablespace(&session, &server).await?;
        shop::fill(&session, sandbox.bytes, cancel).await?;
        Ok(Self {
            server,
            target,
            session,
        })
    }

    /// Lets commits wait for the standby of this name.
    pub(super) async fn wait_for(&self, standby: &str) -> Result<()> {
        let value = crate::sql::literal(&format!("\"{standby}\""));
        self.session
            .batch_execute(&format!(
                "alter system set synchronous_standby_names = {value}"
            ))
            .await?;
        self.session
            .execute("select pg_catalog.pg_reload_conf()", &[])
            .await?;
        self.until(
            "the receiver did not become synchronous",
            "select exists (select from pg_catalog.pg_stat_replication where sync_state in ('sync', 'quorum'))",
        )
        .await
    }

    /// Closes the segment at hand, so that there are several even in a small drill.
    pub(super) async fn switch(&self) -> Result<()> {
        self.session
            .execute("select pg_catalog.pg_switch_wal()", &[])
            .await?;
        Ok(())
    }

    /// Closes the segment at hand and waits until the archiver has handed it over.
    pub(super) async fn archive(&self) -> Result<()> {
        let name: String = self
            .session
            .query_one(
                "select pg_catalog.pg_walfile_name(pg_catalog.pg_switch_wal())",
                &[],
            )
            .await?
            .try_get(0)?;
        let name = crate::sql::literal(&name);
        self.until(
            "the archiver did not hand the segment over",
            &format!("select coalesce(last_archived_wal >= {name}, false) from pg_catalog.pg_stat_archiver"),
        )
        .await
    }

    /// Asks until the answer is true.
    async fn until(&self, otherwise: &str, question: &str) -> Result<()> {
        let wait = async {
            loop {
                if self.session.query_one(question, &[]).await?.try_get(0)? {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(PATIENCE, wait)
            .await
            .unwrap_or_else(|_| Err(Error::new(Kind::Timeout, otherwise)))
    }
}

/// Lets the server keep the summaries of its WAL that increments are made from.
async fn summarize(session: &Session) -> Result<()> {
    summarizes_wal(session.version().unsigned_abs() / 10_000, true)?;
    let statement = "alter system set summarize_wal = on";
    session.batch_execute(statement).await?;
    let reload = "select pg_catalog.pg_reload_conf()";
    session.execute(reload, &[]).await?;
    Ok(())
}

/// Makes the tablespace `drill_far`, in the folder of the server but outside of its data.
pub(super) async fn tablespace(session: &Session, server: &Ephemeral) -> Result<()> {
    use std::os::unix::fs::{DirBuilderExt as _, chown};
    let folder = server.folder().join("far");
    std::fs::DirBuilder::new().mode(0o700).create(&folder)?;
    let identity = Identity::current()?;
    if identity.switched {
        chown(&folder, Some(identity.uid), Some(identity.gid))?;
    }
    let location = crate::sql::literal(&folder.display().to_string());
    let statement = format!("create tablespace drill_far location {location}");
    Ok(session.batch_execute(&statement).await?)
}
