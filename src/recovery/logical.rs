//! What a logical backup consists of: archives of `pg_dump`, of one instant. It holds no WAL and no
//! cluster, so no recovery begins with it; it lies in a folder of its own, where nobody who looks for
//! base backups comes by.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{BackupManifest, Part};
use crate::error::{Error, Kind, Result};
use crate::sql::{QualifiedName, written_names};

/// Version of the form of a [`LogicalManifest`].
pub const LOGICAL_VERSION: u32 = 1;

/// The name under which a manifest lies in its backup's folder.
const MANIFEST: &str = "logical.tg";

/// One complete logical backup. It is written last: without it there is no backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogicalManifest {
    /// [`LOGICAL_VERSION`].
    pub version: u32,
    /// When it began, and chance; of the form of a base backup's.
    pub id: String,
    /// The cluster that it is of.
    pub system_identifier: u64,
    /// The database that it is of.
    pub database: String,
    /// The server's `server_version_num`: 150018.
    pub postgres: u32,
    /// Major version of the `pg_dump` that wrote the archives: an older `pg_restore` does not read them.
    pub programs: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it was complete.
    pub ended_at: DateTime<Utc>,
    /// The region that its data must not leave.
    pub region: Option<String>,
    /// Whether it is of the whole database; else of single tables.
    pub whole: bool,
    /// One for the whole database, else one for each table.
    pub archives: Vec<Archive>,
    /// Bytes of all archives.
    pub bytes: u64,
    /// Bytes of all sealed parts.
    pub sealed_bytes: u64,
}

/// What one call of `pg_dump` wrote, in its custom format.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// The table that it is of, with all below it; none for a whole database.
    pub table: Option<QualifiedName>,
    /// The tables whose rows are in it: partitions for a partitioned one.
    pub rows_of: Vec<QualifiedName>,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

impl LogicalManifest {
    /// The folder of all logical backups.
    pub const FOLDER: &'static str = "logical";
    /// What the command line calls the engine.
    pub const ENGINE: &'static str = "logical";

    /// The folder of a backup.
    #[must_use]
    pub fn folder(id: &str) -> String {
        format!("{}/{id}", Self::FOLDER)
    }

    /// The name of a backup's manifest.
    #[must_use]
    pub fn name(id: &str) -> String {
        format!("{}/{id}/{MANIFEST}", Self::FOLDER)
    }

    /// The id of the backup that a file of a repository belongs to, and the file's name inside.
    #[must_use]
    pub fn of_file(name: &str) -> Option<(&str, &str)> {
        let inside = name.strip_prefix(Self::FOLDER)?.strip_prefix('/')?;
        let (id, rest) = inside.split_once('/')?;
        BackupManifest::began(id).map(|_| (id, rest))
    }

    /// Whether a file inside a backup's folder is its manifest.
    #[must_use]
    pub fn is_manifest(inside: &str) -> bool {
        inside == MANIFEST
    }

    /// What an archive is called, counted from 0.
    #[must_use]
    pub fn archive_name(number: usize) -> String {
        format!("{number:06}")
    }

    /// The name of a part of an archive, counted from 0.
    #[must_use]
    pub fn part_name(id: &str, archive: &str, number: usize) -> String {
        format!("{}/{id}/data/{archive}/{number:06}", Self::FOLDER)
    }

    /// The names of the parts of an archive, with what they hold.
    pub fn parts_of(&self, archive: usize) -> impl Iterator<Item = (String, &Part)> {
        let name = Self::archive_name(archive);
        let parts = self.archives.get(archive).into_iter();
        parts
            .flat_map(|archive| archive.parts.iter().enumerate())
            .map(move |(number, part)| (Self::part_name(&self.id, &name, number), part))
    }

    /// Every part with its name.
    pub fn parts(&self) -> impl Iterator<Item = (String, &Part)> {
        (0..self.archives.len()).flat_map(move |archive| self.parts_of(archive))
    }

    /// The archive of a table as a person writes it, read as the backup read it: `orders`,
    /// `app.orders`, `app."Orders"`. The spellings of [`Self::subject`] are known, too.
    #[must_use]
    pub fn archive_of(&self, table: &str, search_path: &[String]) -> Option<usize> {
        let place = |meant: &dyn Fn(&QualifiedName) -> bool| {
            let mut archives = self.archives.iter();
            archives.position(|archive| archive.table.as_ref().is_some_and(meant))
        };
        let written = written_names(table, search_path);
        let mut written = written.iter();
        let found = written.find_map(|wanted| place(&|name| name == wanted));
        found.or_else(|| {
            place(&|name| {
                let long = format!("{}.{}", name.schema.as_str(), name.name.as_str());
                table == long || table == name.plain()
            })
        })
    }

    /// What it is of, in words: the same for backups that can stand for each other.
    #[must_use]
    pub fn subject(&self) -> String {
        if self.whole {
            return format!("all of {}", self.database);
        }
        let tables = self.archives.iter().flat_map(|archive| &archive.table);
        let mut tables: Vec<String> = tables.map(QualifiedName::plain).collect();
        tables.sort_unstable();
        format!("{} of {}", tables.join(", "), self.database)
    }

    /// The text that is sealed.
    ///
    /// # Errors
    /// [`Kind::Internal`].
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(|error| Error::new(Kind::Internal, error.to_string()))
    }

    /// Reads the text of the manifest of `id`.
    ///
    /// # Errors
    /// [`Kind::SealBroken`] when it is of another version, of another backup, or contradicts itself.
    pub fn from_bytes(id: &str, text: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        let wrong = |what: String| {
            let text = format!("the manifest of the logical backup {id}: {what}");
            Error::new(Kind::SealBroken, text)
        };
        let versioned: Versioned =
            serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if versioned.version != LOGICAL_VERSION {
            let what = format!(
                "it has version {}, not {LOGICAL_VERSION}",
                versioned.version
            );
            return Err(wrong(what).hint("use the Tidegate that wrote it, or a newer one"));
        }
        let manifest: Self =
            serde_json::from_slice(text).map_err(|error| wrong(error.to_string()))?;
        if manifest.id != id {
            return Err(wrong(format!("it is of backup {}", manifest.id)));
        }
        let bytes: u64 = manifest.parts().map(|(_, part)| part.bytes).sum();
        let empty = manifest.archives.is_empty()
            || manifest.archives.iter().any(|one| one.parts.is_empty());
        if bytes != manifest.bytes || empty {
            return Err(wrong("its sums do not fit".to_owned()));
        }
        let named = |archive: &Archive| archive.table.is_some() != manifest.whole;
        if !manifest.archives.iter().all(named) || (manifest.whole && manifest.archives.len() > 1) {
            return Err(wrong("its archives do not fit".to_owned()));
        }
        Ok(manifest)
    }
}

/// A table of contents, as `pg_restore --list` prints it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// Its entries of rows: schema, table and owner.
    rows: BTreeSet<String>,
    /// Foreign keys, and comments on constraints.
    foreign_keys: String,
    /// All others.
    others: String,
}

impl Contents {
    /// Reads it.
    #[must_use]
    pub fn parse(list: &str) -> Self {
        let mut contents = Self::default();
        for line in list.lines().filter(|line| !line.starts_with(';')) {
            // `3345; 2606 16422 FK CONSTRAINT app orders orders_user_id_fkey owner`
            let what = line.splitn(4, ' ').nth(3).unwrap_or_default();
            if let Some(rows) = what.strip_prefix("TABLE DATA ") {
                contents.rows.insert(rows.to_owned());
            }
            let comment = what.starts_with("COMMENT ") && what.contains(" CONSTRAINT ");
            let half = match what.starts_with("FK CONSTRAINT ") || comment {
                true => &mut contents.foreign_keys,
                false => &mut contents.others,
            };
            half.push_str(line);
            half.push('\n');
        }
        contents
    }

    /// The entries of foreign keys, as a list for `pg_restore --use-list`; none when there are none. The
    /// comments on constraints are among them, since some are on these. Tables that refer to one
    /// another need each other's keys first, so that these come behind the others of all archives.
    #[must_use]
    pub fn foreign_keys(&self) -> Option<&str> {
        Some(self.foreign_keys.as_str()).filter(|list| !list.is_empty())
    }

    /// All other entries, as such a list.
    #[must_use]
    pub fn others(&self) -> &str {
        &self.others
    }

    /// Whether it has the rows of a table.
    #[must_use]
    pub fn has_rows_of(&self, table: &QualifiedName) -> bool {
        // The program writes line breaks in names as blanks.
        let name = format!("{} {} ", table.schema.as_str(), table.name.as_str());
        let name = name.replace(['\n', '\r'], " ");
        let mut from = self.rows.range(name.clone()..);
        from.next().is_some_and(|first| first.starts_with(&name))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::sql::Ident;

    pub(crate) fn table(schema: &str, name: &str) -> QualifiedName {
        QualifiedName::new(Ident::new(schema).unwrap(), Ident::new(name).unwrap())
    }

    /// A backup of tables of one part each that began at `id`.
    pub(crate) fn sample(id: &str, tables: &[QualifiedName]) -> LogicalManifest {
        let began = BackupManifest::began(id).unwrap();
        let archive = |table: &QualifiedName| Archive {
            table: Some(table.clone()),
            rows_of: vec![table.clone()],
            parts: vec![Part {
                bytes: 10,
                sha256: "00".repeat(32),
            }],
        };
        LogicalManifest {
            version: LOGICAL_VERSION,
            id: id.to_owned(),
            system_identifier: 7,
            database: "shop".to_owned(),
            postgres: 150_000,
            programs: 15,
            started_at: began,
            ended_at: began + chrono::TimeDelta::minutes(1),
            region: None,
            whole: false,
            archives: tables.iter().map(archive).collect(),
            bytes: 10 * tables.len() as u64,
            sealed_bytes: 0,
        }
    }

    const ID: &str = "20261126T021500Z-0f3a9c";

    #[test]
    fn a_manifest_that_contradicts_itself_is_none() {
        let good = sample(ID, &[table("app", "orders"), table("public", "users")]);
        let read = |manifest: &LogicalManifest| {
            LogicalManifest::from_bytes(ID, &manifest.to_bytes().unwrap())
        };
        assert_eq!(read(&good).unwrap(), good);
        let mut wrong = vec![good.clone(); 6];
        wrong[0].version = 2;
        wrong[1].id = "20261126T021500Z-0f3a9d".to_owned();
        wrong[2].bytes += 1;
        wrong[3].whole = true;
        wrong[4].archives.clear();
        wrong[4].bytes = 0;
        wrong[5].archives[0].table = None;
        for manifest in wrong {
            let error = read(&manifest).unwrap_err();
            assert_eq!(error.kind(), Kind::SealBroken, "{manifest:?}");
        }
    }

    #[test]
    fn files_are_named_apart_from_those_of_base_backups() {
        let manifest = sample(ID, &[table("app", "orders"), table("public", "users")]);
        let parts: Vec<String> = manifest.parts().map(|(name, _)| name).collect();
        assert_eq!(parts[1], format!("logical/{ID}/data/000001/000000"));
        for name in parts.iter().chain([&LogicalManifest::name(ID)]) {
            assert!(LogicalManifest::of_file(name).is_some_and(|(id, _)| id == ID));
            assert_eq!(BackupManifest::of_file(name), None);
        }
        assert_eq!(LogicalManifest::of_file("logical/x/logical.tg"), None);
    }

    #[test]
    fn tables_are_found_as_people_write_them() {
        let tables = [table("app", "Orders"), table("public", "users")];
        let mut manifest = sample(ID, &tables);
        let path = ["public".to_owned()];
        for (text, found) in [
            ("app.Orders", Some(0)),
            ("\"app\".\"Orders\"", Some(0)),
            ("app.\"Orders\"", Some(0)),
            ("users", Some(1)),
            ("\"users\"", Some(1)),
            ("public.users", Some(1)),
            ("Orders", None),
            ("app.orders", None),
            ("app.users", None),
        ] {
            assert_eq!(manifest.archive_of(text, &path), found, "{text}");
        }
        let other = ["app".to_owned()];
        assert_eq!(manifest.archive_of("\"Orders\"", &other), Some(0));
        assert_eq!(manifest.subject(), "app.Orders, users of shop");
        // As its subject is printed, even where that is no name of SQL.
        manifest.archives[1].table = Some(table("a.b", "c d"));
        assert_eq!(manifest.archive_of("a.b.c d", &path), Some(1));
    }

    #[test]
    fn rows_are_found_in_a_table_of_contents() {
        let contents = Contents::parse(
            ";\n; Archive created at 2026-11-26\n;     Dumped from database version: 15.18\n\
             215; 1259 16386 TABLE app orders postgres\n3340; 0 16386 TABLE DATA app orders postgres\n\
             3341; 0 16390 TABLE DATA app a b postgres\n3345; 2606 16422 FK CONSTRAINT app orders k postgres\n\
             3346; 0 0 COMMENT app CONSTRAINT k ON orders postgres\n; 1; 0 1 TABLE DATA app gone postgres\n",
        );
        assert!(contents.has_rows_of(&table("app", "orders")));
        assert!(contents.has_rows_of(&table("app", "a\nb")));
        for (schema, name) in [("app", "order"), ("ap", "orders"), ("app", "gone")] {
            assert!(!contents.has_rows_of(&table(schema, name)), "{name}");
        }
        let (keys, others) = (contents.foreign_keys().unwrap(), contents.others());
        assert!(
            keys.starts_with("3345; ") && keys.contains("\n3346; "),
            "{keys}"
        );
        assert_eq!((keys.lines().count(), others.lines().count()), (2, 3));
    }
}
