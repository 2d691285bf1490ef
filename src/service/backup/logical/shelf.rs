//! What a repository holds of logical backups.

use std::collections::BTreeMap;

use super::super::shelf::{Damaged, Remains, Sorted, none, opened};
use crate::error::{Error, Kind, Result};
use crate::recovery::LogicalManifest;
use crate::storage::Repository;

/// Everything in the folder of the logical backups.
#[derive(Debug, Clone, Default)]
pub struct LogicalShelf {
    /// Complete ones, oldest first.
    pub backups: Vec<LogicalManifest>,
    /// Those whose manifest does not open.
    pub damaged: Vec<Damaged>,
    /// Folders without a manifest: of a create that runs, or that died.
    pub remains: Vec<Remains>,
    /// Sealed bytes of every file.
    pub files: BTreeMap<String, u64>,
}

impl LogicalShelf {
    /// Reads it.
    ///
    /// # Errors
    /// [`Kind::SealKey`] when the repository has another key; [`Kind::Storage`]. A manifest that is
    /// damaged is no error here.
    pub async fn read(repository: &Repository) -> Result<Self> {
        let files = repository.list(LogicalManifest::FOLDER).await?;
        let sorted = Sorted::of(
            &files,
            LogicalManifest::of_file,
            LogicalManifest::is_manifest,
        );
        let mut shelf = Self {
            remains: sorted.remains,
            files: files.into_iter().collect(),
            ..Self::default()
        };
        let read = async |id: &str| {
            let text = repository.get(&LogicalManifest::name(id)).await?;
            LogicalManifest::from_bytes(id, &text)
        };
        (shelf.backups, shelf.damaged) = opened(sorted.complete, read).await?;
        shelf
            .backups
            .sort_by(|a, b| (a.ended_at, &a.id).cmp(&(b.ended_at, &b.id)));
        Ok(shelf)
    }

    /// Whether anything of it has that id.
    #[must_use]
    pub fn knows(&self, id: &str) -> bool {
        let backups = self.backups.iter().map(|backup| backup.id.as_str());
        let damaged = self.damaged.iter().map(|one| one.id.as_str());
        let remains = self.remains.iter().map(|one| one.id.as_str());
        backups.chain(damaged).chain(remains).any(|one| one == id)
    }

    /// The parts of a backup that are not there.
    pub fn missing<'a>(
        &'a self,
        backup: &'a LogicalManifest,
    ) -> impl Iterator<Item = String> + use<'a> {
        let names = backup.parts().map(|(name, _)| name);
        names.filter(|name| !self.files.contains_key(name))
    }

    /// The complete backup of that id.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`], [`Kind::SealBroken`].
    pub fn backup(&self, id: &str) -> Result<&LogicalManifest> {
        let found = self.backups.iter().find(|backup| backup.id == id);
        let not_complete = (&self.damaged[..], &self.remains[..]);
        found.ok_or_else(|| none(&format!("logical backup {id}"), id, not_complete))
    }

    /// The newest good backup that holds these tables, as a person writes them. When none is named, the newest of all, provided
    /// that all are of the same.
    ///
    /// # Errors
    /// [`Kind::BackupMissing`] when none does; [`Kind::Usage`] when it is not clear which is meant.
    pub fn newest_with(
        &self,
        tables: &[String],
        search_path: &[String],
    ) -> Result<&LogicalManifest> {
        let holds = |backup: &&LogicalManifest| {
            let mut tables = tables.iter();
            tables.all(|table| backup.archive_of(table, search_path).is_some())
                && self.missing(backup).next().is_none()
        };
        let fitting: Vec<&LogicalManifest> = self.backups.iter().filter(holds).collect();
        let Some(newest) = fitting.last() else {
            let what = match tables {
                [] => "there is no good logical backup".to_owned(),
                some => format!(
                    "no good logical backup of single tables holds {}",
                    some.join(", ")
                ),
            };
            return Err(Error::new(Kind::BackupMissing, what));
        };
        let other = |one: &&&LogicalManifest| match tables {
            [] => one.subject() != newest.subject(),
            _ => one.database != newest.database,
        };
        match fitting.iter().find(other) {
            None => Ok(newest),
            Some(other) => Err(Error::new(
                Kind::Usage,
                format!(
                    "there are logical backups of {}, and of {}",
                    newest.subject(),
                    other.subject()
                ),
            )
            .hint("name tables with --table, or one with --backup ID; `tidegate backup list` shows them")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recovery::logical_tests::{sample, table};

    #[test]
    fn the_newest_that_is_whole_and_holds_the_tables_is_taken() {
        let (orders, users) = (table("app", "orders"), table("app", "users"));
        let old = sample("20261124T021500Z-000001", &[orders.clone(), users]);
        let new = sample("20261125T021500Z-000001", std::slice::from_ref(&orders));
        let lame = sample("20261126T021500Z-000001", &[orders]);
        let good = old.parts().chain(new.parts());
        let files = good.map(|(name, _)| (name, 1)).collect();
        let mut shelf = LogicalShelf {
            backups: vec![old.clone(), new.clone(), lame],
            files,
            ..LogicalShelf::default()
        };
        let pick = |shelf: &LogicalShelf, tables: &[&str]| {
            let tables: Vec<String> = tables.iter().map(|one| (*one).to_owned()).collect();
            shelf
                .newest_with(&tables, &[])
                .map(|backup| backup.id.clone())
        };
        assert_eq!(pick(&shelf, &["app.orders"]).unwrap(), new.id);
        assert_eq!(pick(&shelf, &["app.orders", "app.users"]).unwrap(), old.id);
        assert_eq!(pick(&shelf, &[]).unwrap_err().kind(), Kind::Usage);
        let none = pick(&shelf, &["app.order"]).unwrap_err();
        assert_eq!(none.kind(), Kind::BackupMissing);
        shelf.backups[0].database = "other".to_owned();
        let two = pick(&shelf, &["app.orders"]).unwrap_err();
        assert_eq!(two.kind(), Kind::Usage);
        shelf.backups.remove(0);
        assert_eq!(pick(&shelf, &[]).unwrap(), new.id);
    }
}
