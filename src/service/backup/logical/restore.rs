//! Brings tables of a logical backup back into a database.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::load::Load;
use super::target::{Way, receive};
use crate::clock::Clock;
use crate::config::Target;
use crate::error::{Error, Kind, Result};
use crate::recovery::LogicalManifest;
use crate::service::programs::Programs;
use crate::sql::{Ident, QualifiedName};
use crate::storage::Repository;

/// What to restore, and where.
#[derive(Debug)]
pub struct LogicalRestore<'a> {
    /// The repository.
    pub repository: &'a Repository,
    /// The backup.
    pub backup: &'a LogicalManifest,
    /// The tables; all of the backup when there are none.
    pub tables: &'a [String],
    /// The database that they come back into.
    pub target: &'a Target,
    /// Whether objects keep their owners and grants.
    pub owners: bool,
    /// Time.
    pub clock: Arc<dyn Clock>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LogicalRestored {
    /// The backup.
    pub backup: String,
    /// The database that it is of.
    pub database: String,
    /// Where the tables are now.
    pub into: String,
    /// Each of them.
    pub tables: Vec<TableRestored>,
    /// Schemas that were made for them.
    pub schemas_made: Vec<String>,
    /// Bytes of the archives.
    pub bytes: u64,
    /// How long it took.
    pub seconds: f64,
}

/// A table that was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TableRestored {
    /// Its name.
    pub table: String,
    /// Whether it was made; else it was there, and empty.
    pub made: bool,
}

impl LogicalRestore<'_> {
    /// Restores everything in one transaction.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`] names tables that the backup does not hold; [`Kind::SealBroken`] for a part
    /// that is not what was written; [`Kind::ObjectExists`] for tables that hold rows;
    /// [`Kind::RestoreFailed`] with what the server refused. Nothing was changed then.
    pub async fn run(&self) -> Result<LogicalRestored> {
        let began = self.clock.monotonic();
        let chosen = self.chosen()?;
        let reception = receive(self.target, self.backup, &chosen).await?;
        let major = reception.major.max(self.backup.programs);
        let programs = Programs::find(i32::try_from(major).unwrap_or_default()).await?;
        self.are_sound(&chosen).await?;
        let load = Load {
            repository: self.repository,
            backup: self.backup,
            programs: &programs,
            target: self.target,
            owners: self.owners,
        };
        load.run(&reception).await?;
        let parts = chosen.iter().flat_map(|one| self.backup.parts_of(*one));
        Ok(LogicalRestored {
            backup: self.backup.id.clone(),
            database: self.backup.database.clone(),
            into: self.target.label(),
            bytes: parts.map(|(_, part)| part.bytes).sum(),
            tables: self.restored(&reception.archives),
            schemas_made: texts(&reception.schemas),
            seconds: (self.clock.monotonic() - began).as_secs_f64(),
        })
    }

    /// The archives of the tables that are wanted.
    fn chosen(&self) -> Result<Vec<usize>> {
        if self.tables.is_empty() {
            return Ok((0..self.backup.archives.len()).collect());
        }
        if self.backup.whole {
            let text = format!(
                "backup {} is of the whole database {}, and is restored as a whole",
                self.backup.id, self.backup.database
            );
            return Err(Error::new(Kind::Unsupported, text).hint(
                "restore it into a new database and take the table from there; a backup with --table can be restored table by table",
            ));
        }
        let (mut found, mut unknown) = (Vec::new(), Vec::new());
        for table in self.tables {
            match self.backup.archive_of(table, &self.target.search_path) {
                Some(number) if found.contains(&number) => {}
                Some(number) => found.push(number),
                None => unknown.push(table.as_str()),
            }
        }
        if unknown.is_empty() {
            return Ok(found);
        }
        let (id, unknown) = (&self.backup.id, unknown.join(", "));
        let text = format!("backup {id} does not hold {unknown}");
        Err(Error::new(Kind::BackupMissing, text)
            .hint(format!("it is of {}", self.backup.subject())))
    }

    /// Reads archives to their ends, before anything hangs on them.
    async fn are_sound(&self, archives: &[usize]) -> Result<()> {
        let folder = LogicalManifest::folder(&self.backup.id);
        let files = self.repository.list(&folder).await?.into_iter();
        let files: BTreeSet<String> = files.map(|(name, _)| name).collect();
        let parts = archives.iter().flat_map(|one| self.backup.parts_of(*one));
        for (name, part) in parts {
            if !files.contains(&name) {
                return Err(Error::new(
                    Kind::BackupMissing,
                    format!("{name} is not there"),
                ));
            }
            let found = self.repository.digest(&name).await?;
            if found != (part.bytes, part.sha256.clone()) {
                let text = format!("{name} holds something else than was written");
                return Err(Error::new(Kind::SealBroken, text));
            }
        }
        Ok(())
    }

    fn restored(&self, archives: &[(usize, Way)]) -> Vec<TableRestored> {
        let of = |(number, way): &(usize, Way)| {
            let archive = &self.backup.archives[*number];
            let names: Vec<&QualifiedName> = match &archive.table {
                Some(table) => vec![table],
                None => archive.rows_of.iter().collect(),
            };
            let made = *way != Way::Rows;
            names.into_iter().map(move |name| TableRestored {
                table: name.plain(),
                made,
            })
        };
        archives.iter().flat_map(of).collect()
    }
}

fn texts(names: &[Ident]) -> Vec<String> {
    names.iter().map(|name| name.as_str().to_owned()).collect()
}
