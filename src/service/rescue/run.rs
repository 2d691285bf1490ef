//! The rescue of some tables.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;
use tokio_util::sync::CancellationToken;

use super::compare;
use super::file::{PatchFile, one_line};
use crate::catalog::{Catalog, Table};
use crate::clock::Clock;
use crate::config::{Target, vars};
use crate::error::{Error, Kind, Result};
use crate::postgres::{Session, introspect_in_transaction};
use crate::recovery::{BackupManifest, Inventory, Lsn, RecoveryTarget};
use crate::service::diff::BEGIN;
use crate::service::programs::{Programs, option};
use crate::service::restore::{Deadlines, Restore};
use crate::service::scratch::{Folder, RESCUE, target};
use crate::sql::QualifiedName;
use crate::storage::Repository;

/// Settings of both sides, so that the same value prints alike, and a long comparison is no error.
const SETTINGS: &str =
    "set lc_monetary = 'C'; set idle_in_transaction_session_timeout = 0; set jit = off";

/// One side of a rescue.
#[derive(Debug)]
pub struct Side<'a> {
    target: &'a Target,
    session: Session,
    pub(super) catalog: Catalog,
}

impl<'a> Side<'a> {
    async fn open(target: &'a Target, begin: &str) -> Result<Self> {
        let session = Session::connect(target, "rescue").await?;
        session.batch_execute(SETTINGS).await?;
        session.batch_execute(begin).await?;
        let catalog = introspect_in_transaction(&session).await?;
        Ok(Self {
            target,
            session,
            catalog,
        })
    }
}

/// What is to be rescued.
#[derive(Debug)]
pub struct Rescue<'a> {
    /// What is restored from, for a while and into a folder of its own.
    pub repository: &'a Repository,
    /// The base backup.
    pub backup: &'a BackupManifest,
    /// What the repository holds of WAL.
    pub inventory: &'a Inventory,
    /// The moment.
    pub moment: &'a RecoveryTarget,
    /// Settings of the restored server besides those that the restore chooses.
    pub settings: &'a [(String, String)],
    /// How long the phases of the restore may take.
    pub deadlines: Deadlines,
    /// The living database. It is only read.
    pub living: &'a Target,
    /// The tables, as a person writes them.
    pub tables: &'a [String],
    /// The file that is written; there must be none of its name.
    pub patch: &'a Path,
    /// Time.
    pub clock: &'a Arc<dyn Clock>,
    /// Stops it.
    pub cancel: &'a CancellationToken,
}

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct Rescued {
    /// The base backup.
    pub backup: String,
    /// The end of the WAL that was replayed.
    pub reached: Lsn,
    /// The file.
    pub patch: PathBuf,
    /// Each table, in the order asked for.
    pub tables: Vec<TableRescued>,
}

/// What was found of one table.
#[derive(Debug, Clone, Serialize)]
pub struct TableRescued {
    /// Its name.
    pub table: String,
    /// Whether the living database does not have it any more: then the patch makes it anew.
    pub gone: bool,
    /// Rows that are gone, and come back.
    pub missing: u64,
    /// Rows that were changed, and become again what they were.
    pub changed: u64,
    /// Rows that came later, and stay.
    pub added: u64,
    /// What differs in the tables themselves, and what the patch does not bring.
    pub remarks: Vec<String>,
}

impl Rescue<'_> {
    /// Restores, compares, writes the patch, and removes what was restored.
    ///
    /// # Errors
    /// Those of a restore; [`Kind::UnknownObject`] for a table that the backup does not hold,
    /// [`Kind::Unsupported`] for one without a key; the living database out of reach; a file of that
    /// name. Nothing is left then.
    pub async fn run(&self) -> Result<Rescued> {
        let mut file = PatchFile::create(self.patch)?;
        // Out of reach is said before anything is restored; its snapshot is taken after that: one
        // that is held while hours go by keeps a living database from cleaning up.
        drop(Session::connect(self.living, "rescue").await?);
        let folder = Folder::make()?;
        let into = folder.path().join(RESCUE);
        let restore = Restore {
            repository: self.repository,
            backup: self.backup,
            target: self.moment,
            into: &into,
            tablespaces: &[],
            settings: self.settings,
            deadlines: self.deadlines,
            inventory: self.inventory,
            until: None,
            clock: self.clock,
        };
        let restored = self.unless_stopped(restore.run()).await?;
        let reached = restored.reached;
        let url = restored.url(Some(self.living.database()));
        let work = self.compare(&url, reached, &mut file);
        let tables = self.unless_stopped(work).await;
        restored.server.stop().await;
        folder.remove()?;
        let tables = tables?;
        file.finish().await?;
        Ok(Rescued {
            backup: self.backup.id.clone(),
            reached,
            patch: self.patch.to_owned(),
            tables,
        })
    }

    async fn unless_stopped<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = work => done,
            () = self.cancel.cancelled() => {
                Err(Error::new(Kind::Cancelled, "the rescue was stopped; no patch was written")
                    .hint("the same command begins anew"))
            }
        }
    }

    async fn compare(
        &self,
        url: &str,
        reached: Lsn,
        file: &mut PatchFile,
    ) -> Result<Vec<TableRescued>> {
        let target = target(url, None).await?;
        let restored = Side::open(&target, "begin").await?;
        let living = &Side::open(self.living, BEGIN).await?;
        let mut wanted = Vec::new();
        for name in self.tables {
            let table = restored.catalog.resolve(name, &self.living.search_path);
            wanted.push(table.ok_or_else(|| unknown(&restored.catalog, name))?);
        }
        let origin = format!("backup {}, recovered to {reached}", self.backup.id);
        file.line(&head(&origin, &self.living.label())).await?;
        let mut tables = Vec::new();
        for table in wanted {
            tables.push(match living.catalog.table(&table.name) {
                Some(own) => rows(((&restored, table), (living, own)), file).await?,
                None => self.whole((&restored, table), living, file).await?,
            });
        }
        file.line("\ncommit;").await?;
        Ok(tables)
    }

    /// A table that is gone, with its rows, indexes and triggers, and what referred to it.
    async fn whole(
        &self,
        (restored, table): (&Side<'_>, &Table),
        living: &Side<'_>,
        file: &mut PatchFile,
    ) -> Result<TableRescued> {
        let name = &table.name;
        let count = format!("select pg_catalog.count(*) from {name}");
        let rows: i64 = restored.session.query_one(&count, &[]).await?.try_get(0)?;
        file.comment(&format!("{name}: the whole table, which is gone"))
            .await?;
        let parts = restored.catalog.descendants(name);
        let names = std::iter::once(name).chain(parts.iter().map(|table| &table.name));
        let mut arguments: Vec<OsString> = vec!["--encoding=UTF8".into(), "--no-password".into()];
        arguments.extend(names.map(|name| format!("--table={name}").into()));
        let temp = tempfile::NamedTempFile::new_in(vars::temp_dir())?;
        arguments.push(option("file", temp.path()));
        Programs::find(restored.catalog.major())
            .await?
            .run("pg_dump", restored.target, &arguments, self.cancel)
            .await?;
        file.append(temp.path()).await?;
        let remarks = references(restored, (name, living), file).await?;
        Ok(TableRescued {
            table: name.plain(),
            gone: true,
            missing: u64::try_from(rows).unwrap_or_default(),
            changed: 0,
            added: 0,
            remarks,
        })
    }
}

/// The rows of a table that is still there.
async fn rows(
    (restored, living): ((&Side<'_>, &Table), (&Side<'_>, &Table)),
    file: &mut PatchFile,
) -> Result<TableRescued> {
    let (patch, remarks) = compare::patch(restored, living)?;
    let sessions = (&restored.0.session, &living.0.session);
    let done = compare::write(&patch, sessions, file).await?;
    Ok(TableRescued { remarks, ..done })
}

/// Foreign keys of other tables to one that is gone went with it.
async fn references(
    restored: &Side<'_>,
    (gone, living): (&QualifiedName, &Side<'_>),
    file: &mut PatchFile,
) -> Result<Vec<String>> {
    let mut remarks = Vec::new();
    for table in restored.catalog.tables.values() {
        let Some(own) = living.catalog.table(&table.name) else {
            continue;
        };
        let keys = table.foreign_keys().filter(|key| {
            key.foreign_key().is_some_and(|key| key.table == *gone)
                && !own.constraints.iter().any(|other| other.name == key.name)
        });
        for key in keys {
            file.line(&format!(
                "alter table {} add constraint {} {};",
                table.name, key.name, key.definition
            ))
            .await?;
            remarks.push(format!(
                "the foreign key {} of {} comes back, too",
                key.name.as_str(),
                table.name.plain()
            ));
        }
    }
    Ok(remarks)
}

fn unknown(catalog: &Catalog, name: &str) -> Error {
    let error = Error::new(
        Kind::UnknownObject,
        format!("the restored database has no table {name}"),
    );
    match catalog.suggest(name) {
        Some(near) => error.hint(format!("did you mean {}?", near.plain())),
        None => error.hint("was it made after the moment that was restored to?"),
    }
}

/// What a reader has to know.
fn head(origin: &str, living: &str) -> String {
    format!(
        "-- Rescue of tables, written by `tidegate restore --table`.\n\
         -- from: {}\n\
         -- for:  {}\n\
         --\n\
         -- It holds rows: treat it like the database. Read it, then run it with psql, which stops at the\n\
         -- first error and leaves nothing then:  psql -X -v ON_ERROR_STOP=1 -f FILE\n\
         -- A row that was changed once more since the comparison stays as it is (UPDATE 0).\n\
         -- Triggers fire for every row; to keep them from it, a superuser sets:\n\
         --   set local session_replication_role = replica;\n\
         begin;\n\
         set local datestyle = 'ISO, YMD'; set local intervalstyle = 'postgres'; set local timezone = 'UTC';\n\
         set local lc_monetary = 'C'; set local extra_float_digits = 1; set local bytea_output = 'hex';\n\
         set local standard_conforming_strings = on; set local client_encoding = 'UTF8';",
        one_line(origin),
        one_line(living)
    )
}
