//! What a backup must know of its server.

use std::collections::BTreeMap;

use tokio_postgres::error::SqlState;

use super::extensions;
use crate::config::Target;
use crate::engines::no_replication;
use crate::error::{Error, Kind, Result};
use crate::postgres::Session;
use crate::recovery::{Collation, Settings, provider_name};

/// Parameters that a restored server must not have lower than its source, and those that recovery
/// has to neutralize.
const PARAMETERS: &[&str] = &[
    "max_connections",
    "max_worker_processes",
    "max_wal_senders",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "wal_level",
    "shared_preload_libraries",
    "archive_mode",
    "track_commit_timestamp",
    "block_size",
    "wal_block_size",
    "max_identifier_length",
];

const FACTS: &str = "select (select system_identifier::text from pg_catalog.pg_control_system()) as system, \
    (select setting::bigint from pg_catalog.pg_settings where name = 'wal_segment_size') as segment, \
    pg_catalog.current_setting('data_checksums') = 'on' as checksums, \
    (select pg_catalog.pg_encoding_to_char(encoding) from pg_catalog.pg_database where datname = pg_catalog.current_database()) as encoding, \
    pg_catalog.version() as server, \
    (select rolname::text from pg_catalog.pg_roles where oid = 10) as superuser, \
    pg_catalog.current_database()::text as database, \
    coalesce(pg_catalog.current_setting('summarize_wal', true) = 'on', false) as summarizes, \
    pg_catalog.pg_is_in_recovery() as standby, \
    pg_catalog.set_config('idle_session_timeout', '0', false)";

const SENDS: &str = "select pg_catalog.current_setting('max_wal_senders')::int as senders, \
    (select rolsuper or rolreplication from pg_catalog.pg_roles where rolname = current_user) as may";

/// Outside of the data folder, those inside belong to it.
const TABLESPACES: &str = "select oid, pg_catalog.pg_tablespace_location(oid) as location \
    from pg_catalog.pg_tablespace where pg_catalog.pg_tablespace_location(oid) like '/%' order by oid";

/// One row for each version of each provider, named by one of its collations.
const COLLATIONS: &str = "select pg_catalog.min(collname::text) as name, collprovider::text as provider, collversion as version \
    from pg_catalog.pg_collation where collversion is not null group by collprovider, collversion order by 2, 3";

/// The databases' own; since PostgreSQL 15 they are recorded.
/// The name of a database is bytes of any encoding: what is no ASCII is escaped.
const DATABASES: &str = "select 'database ' || pg_catalog.encode(pg_catalog.decode(pg_catalog.replace(datname::text, \
    pg_catalog.chr(92), pg_catalog.repeat(pg_catalog.chr(92), 2)), 'escape'), 'escape') as name, datlocprovider::text as provider, datcollversion as version \
    from pg_catalog.pg_database where datcollversion is not null order by 1";

/// The system identifier of a server's cluster.
///
/// # Errors
/// The server is out of reach.
pub async fn system_identifier(session: &Session) -> Result<u64> {
    let sql = "select system_identifier::text from pg_catalog.pg_control_system()";
    let row = session.query_one(sql, &[]).await?;
    row.try_get::<_, String>(0)?
        .parse()
        .map_err(|_| Error::new(Kind::Internal, "the server's system identifier"))
}

/// Refuses a server that sends no WAL, and a role that it sends none to. What `pg_hba.conf` says, only a
/// replication connection learns.
///
/// # Errors
/// [`Kind::Privilege`] or [`Kind::BackupRefused`], each with the remedy; the server is out of reach.
pub async fn sends_wal(session: &Session, target: &Target) -> Result<()> {
    let row = session.query_one(SENDS, &[]).await?;
    if !row.try_get::<_, bool>("may")? {
        return Err(no_replication(target.role()));
    }
    if row.try_get::<_, i32>("senders")? == 0 {
        return Err(Error::new(
            Kind::BackupRefused,
            format!("{} sends no WAL: max_wal_senders is 0", target.label()),
        )
        .hint("set wal_level = replica and max_wal_senders = 10, and restart the server"));
    }
    Ok(())
}

/// The server, as far as a backup asks.
#[derive(Debug)]
pub(super) struct Source {
    /// The session, which holds the slot.
    pub(super) session: Session,
    pub(super) system_identifier: u64,
    pub(super) wal_segment_bytes: u32,
    pub(super) settings: Settings,
    pub(super) tablespaces: Vec<(u32, String)>,
    /// Whether the server keeps summaries of its WAL; before PostgreSQL 17 none does.
    pub(super) summarizes_wal: bool,
    /// Whether it is a standby.
    pub(super) standby: bool,
}

impl Source {
    /// Connects, refuses a role that may not take backups, and reads what must be known.
    pub(super) async fn open(target: &Target) -> Result<Self> {
        let session = Session::connect(target, "backup").await?;
        sends_wal(&session, target).await?;
        let row = session.query_one(FACTS, &[]).await?;
        let system: String = row.try_get("system")?;
        let wrong = |what: &str| Error::new(Kind::Internal, format!("the server's {what}"));
        let mut settings = Settings {
            parameters: BTreeMap::new(),
            data_checksums: row.try_get("checksums")?,
            encoding: row.try_get("encoding")?,
            collations: collations(&session).await?,
            server: row.try_get("server")?,
            superuser: row.try_get("superuser")?,
            database: row.try_get("database")?,
            ..Settings::default()
        };
        extensions::look(&session, target, &mut settings).await?;
        let parameters = session
            .query(
                "select name, setting from pg_catalog.pg_settings where name = any($1)",
                &[&PARAMETERS],
            )
            .await?;
        for row in parameters {
            let value: Option<String> = row.try_get("setting")?;
            settings
                .parameters
                .insert(row.try_get("name")?, value.unwrap_or_default());
        }
        let mut tablespaces = Vec::new();
        for row in session.query(TABLESPACES, &[]).await? {
            tablespaces.push((row.try_get("oid")?, row.try_get("location")?));
        }
        Ok(Self {
            system_identifier: system.parse().map_err(|_| wrong("system identifier"))?,
            wal_segment_bytes: u32::try_from(row.try_get::<_, i64>("segment")?)
                .map_err(|_| wrong("segment size"))?,
            settings,
            tablespaces,
            summarizes_wal: row.try_get("summarizes")?,
            standby: row.try_get("standby")?,
            session,
        })
    }

    /// Major version.
    pub(super) fn major(&self) -> u32 {
        self.version() / 10_000
    }

    /// `server_version_num`.
    pub(super) fn version(&self) -> u32 {
        self.session.version().unsigned_abs()
    }

    /// Keeps the WAL from now on as long as this session lives: a temporary slot, which the server
    /// drops by itself, however this process ends. False when all slots are taken.
    pub(super) async fn hold_wal(&self, name: &str) -> Result<bool> {
        let slot = "select pg_catalog.pg_create_physical_replication_slot($1, true, true)";
        match self.session.query_one(slot, &[&name]).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(&SqlState::CONFIGURATION_LIMIT_EXCEEDED) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }
}

async fn collations(session: &Session) -> Result<Vec<Collation>> {
    let mut rows = session.query(COLLATIONS, &[]).await?;
    if session.version() >= 150_000 {
        rows.extend(session.query(DATABASES, &[]).await?);
    }
    rows.iter()
        .map(|row| {
            let provider: String = row.try_get("provider")?;
            Ok(Collation {
                name: row.try_get("name")?,
                provider: provider_name(&provider).to_owned(),
                version: row.try_get("version")?,
            })
        })
        .collect()
}
