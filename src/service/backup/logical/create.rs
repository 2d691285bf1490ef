//! Takes a logical backup.

use std::sync::Arc;

use futures_util::StreamExt as _;
use serde::Serialize;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::super::admit::admit;
use super::super::audit::record;
use super::super::beat::Beat;
use super::super::create::none_removed;
use super::super::source::system_identifier;
use super::contents;
use super::units::{Unit, units};
use crate::clock::Clock;
use crate::config::Target;
use crate::engines::{Upload, identity};
use crate::error::{Error, Kind, Result};
use crate::job::{Event, EventSink};
use crate::postgres::{Session, introspect_in_transaction};
use crate::recovery::{Archive, BackupManifest, LOGICAL_VERSION, LogicalManifest};
use crate::service::programs::Programs;
use crate::sql::QualifiedName;
use crate::storage::Repository;

/// Begins the transaction whose instant all archives are of. It lives as long as they are written; when
/// this machine is cut off, the server lets go of it soon. It only reads, and waits as long as `pg_dump`
/// does for somebody's DDL.
const BEGIN: &str = "set idle_in_transaction_session_timeout = 0; set tcp_user_timeout = '20s'; set lock_timeout = '30s'; \
    begin isolation level repeatable read, read only";

/// What to back up, where to, and how.
#[derive(Debug)]
pub struct LogicalBackup<'a> {
    /// The database.
    pub target: &'a Target,
    /// Where to.
    pub repository: &'a Repository,
    /// The engine that keeps the repository's base backups.
    pub engine: &'a str,
    /// The region that the data must not leave.
    pub region: Option<String>,
    /// The tables, as a person writes them; the whole database when there are none.
    pub tables: &'a [String],
    /// Tables that are read at once. Each takes 80 MiB of memory at most.
    pub jobs: usize,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Progress.
    pub events: Arc<dyn EventSink>,
    /// Stops it.
    pub cancel: CancellationToken,
}

/// A logical backup that is complete.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogicalCreated {
    /// Its id.
    pub id: String,
    /// `logical`.
    pub engine: &'static str,
    /// Where it lies.
    pub repository: String,
    /// The database that it is of.
    pub database: String,
    /// Whether it is of the whole database.
    pub whole: bool,
    /// The tables whose rows are in it.
    pub tables: Vec<String>,
    /// Archives: one, or one for each table that was named.
    pub archives: usize,
    /// Sealed parts.
    pub parts: usize,
    /// Bytes of the archives.
    pub bytes: u64,
    /// Bytes in the repository.
    pub sealed_bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

/// What all archives of one backup share.
struct Run<'a> {
    programs: &'a Programs,
    id: &'a str,
    snapshot: &'a str,
    /// Whether the server converts its text; where it does not know what its bytes mean they stay.
    converts: bool,
    stop: CancellationToken,
}

/// An archive that was written, and its sealed bytes.
type Written = (Archive, u64);

impl LogicalBackup<'_> {
    /// Takes it. When it fails, what was written is removed; when it is killed, `expire` removes it.
    ///
    /// # Errors
    /// [`Kind::UnknownObject`] names the tables that are not there, before anything is written;
    /// [`Kind::BackupRefused`] for another's repository; [`Kind::BackupTool`] when `pg_dump` fails;
    /// those of the database and the repository.
    pub async fn create(&self) -> Result<LogicalCreated> {
        let began = self.clock.monotonic();
        let session = Session::connect(self.target, "backup").await?;
        let cluster = system_identifier(&session).await?;
        let whose = (self.region.as_deref(), self.engine);
        // A new repository is not made anybody's before the tables are known.
        if identity(self.repository).await?.is_some() {
            admit(self.repository, cluster, whose, self.clock.now()).await?;
        }
        let programs = Programs::find(session.version() / 10_000).await?;
        session.batch_execute(BEGIN).await?;
        let catalog = introspect_in_transaction(&session).await?;
        let units = units(&catalog, self.tables, &self.target.search_path)?;
        let export = "select pg_catalog.pg_export_snapshot()";
        let snapshot: String = session.query_one(export, &[]).await?.try_get(0)?;
        let now = self.clock.now();
        admit(self.repository, cluster, whose, now).await?;
        let id = BackupManifest::id_at(now, rand::random());
        let label = self.target.label();
        self.note(format!("logical backup {id} of {label} begins"));
        let folder = LogicalManifest::folder(&id);
        let beat = Beat::start(self.repository, folder.clone(), &self.clock).await?;
        let encoding: String = session
            .query_one("show server_encoding", &[])
            .await?
            .try_get(0)?;
        let run = Run {
            programs: &programs,
            id: &id,
            snapshot: &snapshot,
            converts: encoding != "SQL_ASCII",
            stop: self.cancel.child_token(),
        };
        let made = match self.archives(&run, &units).await {
            Ok(written) => {
                let manifest = self.manifest(&id, (cluster, &session, &programs), now, written);
                self.complete(&manifest).await.map(|()| manifest)
            }
            Err(error) => Err(error),
        };
        let ended = beat.end().await;
        let manifest = match made {
            Ok(manifest) => manifest,
            Err(error) => {
                // Were this to fail, too, `expire` would do it.
                let _ = self.repository.remove_folder(&folder).await;
                return Err(error);
            }
        };
        if let Err(error) = ended {
            self.note(format!(
                "the backup is complete; its signs of life stay: {error}"
            ));
        }
        self.audit(&session, &manifest).await;
        let seconds = (self.clock.monotonic() - began).as_secs_f64();
        Ok(self.created(&manifest, seconds))
    }

    /// Writes all archives, some at once. After an error none is under way any more.
    async fn archives(&self, run: &Run<'_>, units: &[Unit]) -> Result<Vec<Written>> {
        let numbered = units.iter().enumerate();
        let works: Vec<_> = numbered
            .map(|(number, unit)| async move {
                let written = self.archive(run, number, unit).await;
                if written.is_err() {
                    run.stop.cancel();
                }
                written
            })
            .collect();
        let works = futures_util::stream::iter(works);
        let done: Vec<Result<Written>> = works.buffered(self.jobs.max(1)).collect().await;
        // What stopped the others counts, not that they were stopped.
        let stopped = |one: &&Result<Written>| {
            let kind = one.as_ref().err().map(Error::kind);
            kind == Some(Kind::Cancelled)
        };
        if done.iter().any(|one| one.is_err() && !stopped(&one)) {
            let mut done = done.into_iter();
            return done
                .find(|one| one.is_err() && !stopped(&one))
                .into_iter()
                .collect();
        }
        done.into_iter().collect()
    }

    async fn archive(&self, run: &Run<'_>, number: usize, unit: &Unit) -> Result<Written> {
        if run.stop.is_cancelled() {
            return Err(Error::new(Kind::Cancelled, "the backup was stopped"));
        }
        let mut arguments = unit.arguments(run.snapshot);
        // Names of tables, here and in the table of contents, are ours then.
        arguments.extend(run.converts.then(|| "--encoding=UTF8".into()));
        let mut dump = run
            .programs
            .piped("pg_dump", Some((self.target, "backup")), &arguments)?;
        let stdout = dump.stdout()?;
        let mut upload = Upload::logical(self.repository.clone(), run.id, run.stop.clone());
        let name = LogicalManifest::archive_name(number);
        let stream = upload.stream(&name, None, stdout).await?;
        dump.end().await?;
        let archive = Archive {
            table: unit.table.clone(),
            rows_of: unit.rows_of.clone(),
            parts: stream.parts,
        };
        contents::check(self.repository, run.programs, (run.id, number, &archive)).await?;
        Ok((archive, upload.sealed_bytes))
    }

    fn manifest(
        &self,
        id: &str,
        (cluster, session, programs): (u64, &Session, &Programs),
        started_at: chrono::DateTime<chrono::Utc>,
        written: Vec<Written>,
    ) -> LogicalManifest {
        let sealed_bytes = written.iter().map(|(_, sealed)| sealed).sum();
        let archives: Vec<Archive> = written.into_iter().map(|(archive, _)| archive).collect();
        let parts = archives.iter().flat_map(|archive| &archive.parts);
        LogicalManifest {
            version: LOGICAL_VERSION,
            id: id.to_owned(),
            system_identifier: cluster,
            database: self.target.database().to_owned(),
            postgres: session.version().unsigned_abs(),
            programs: programs.major(),
            started_at,
            ended_at: self.clock.now(),
            region: self.region.clone(),
            whole: self.tables.is_empty(),
            bytes: parts.map(|part| part.bytes).sum(),
            archives,
            sealed_bytes,
        }
    }

    /// Writes the manifest. Whoever takes the parts for those of a dead backup has listed them before
    /// the manifest was there, so they are looked for before and behind it.
    async fn complete(&self, manifest: &LogicalManifest) -> Result<()> {
        self.all_there(manifest).await?;
        let name = LogicalManifest::name(&manifest.id);
        self.repository.put(&name, manifest.to_bytes()?).await?;
        let there = self.all_there(manifest).await;
        if there.is_err() {
            self.repository.remove(&name).await?;
        }
        there
    }

    async fn all_there(&self, manifest: &LogicalManifest) -> Result<()> {
        let folder = LogicalManifest::folder(&manifest.id);
        let files = self.repository.list(&folder).await?;
        let parts = manifest.parts().map(|(name, _)| name);
        none_removed(&manifest.id, parts, files)
    }

    fn created(&self, manifest: &LogicalManifest, seconds: f64) -> LogicalCreated {
        let rows = manifest.archives.iter().flat_map(|one| &one.rows_of);
        LogicalCreated {
            id: manifest.id.clone(),
            engine: LogicalManifest::ENGINE,
            repository: self.repository.location().to_string(),
            database: manifest.database.clone(),
            whole: manifest.whole,
            tables: rows.map(QualifiedName::plain).collect(),
            archives: manifest.archives.len(),
            parts: manifest.parts().count(),
            bytes: manifest.bytes,
            sealed_bytes: manifest.sealed_bytes,
            seconds,
        }
    }

    async fn audit(&self, session: &Session, manifest: &LogicalManifest) {
        let detail = json!({
            "backup": manifest.id, "engine": LogicalManifest::ENGINE, "bytes": manifest.bytes,
            "repository": self.repository.location().to_string(), "of": manifest.subject(),
        });
        let recorded = async {
            session.batch_execute("rollback").await?;
            record(session, self.target, "backup.create", detail).await
        };
        if let Err(error) = recorded.await {
            tracing::warn!(%error, "the backup is complete, but not in the audit log");
        }
    }

    fn note(&self, text: String) {
        self.events.emit(Event::Note(text));
    }
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;
    use crate::clock::SystemClock;
    use crate::config::{Config, Overrides};
    use crate::job::Silent;
    use crate::recovery::logical_tests::{sample, table};
    use crate::storage::{Location, SealKey};

    /// `expire` took a create that was held up for one that was killed.
    #[tokio::test]
    async fn a_backup_whose_parts_were_removed_while_it_was_made_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let key = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
        let key = SealKey::parse(&SecretString::from(key)).unwrap();
        let place = Location::Folder(dir.path().to_owned());
        let repository = Repository::open(&place, Vec::new(), key).unwrap();
        let config = Config::load(&Overrides {
            file: None,
            environment: None,
            database_url: Some("postgresql:///postgres?host=/nowhere".to_owned()),
        });
        let config = config.unwrap();
        let environment = config.environment(None).unwrap();
        let backup = LogicalBackup {
            target: &environment.target(&config).await.unwrap(),
            repository: &repository,
            engine: "native",
            region: None,
            tables: &[],
            jobs: 1,
            clock: Arc::new(SystemClock::default()),
            events: Arc::new(Silent),
            cancel: CancellationToken::new(),
        };
        let id = "20261126T020000Z-000002";
        let made = sample(id, &[table("app", "orders"), table("app", "users")]);
        let name = LogicalManifest::name(id);
        let parts: Vec<String> = made.parts().map(|(name, _)| name).collect();
        repository.put(&parts[0], &b"part"[..]).await.unwrap();
        let error = backup.complete(&made).await.unwrap_err();
        assert_eq!(error.kind(), Kind::BackupMissing, "{error}");
        assert!(error.to_string().contains(&parts[1]), "{error}");
        assert!(!repository.exists(&name).await.unwrap());
        repository.put(&parts[1], &b"part"[..]).await.unwrap();
        backup.complete(&made).await.unwrap();
        assert!(repository.exists(&name).await.unwrap());
    }
}
