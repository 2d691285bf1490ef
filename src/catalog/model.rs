//! The whole catalog of one database and how to find things in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dependency::Dependencies;
use super::object::{Extension, Function, Publication, Schema, Sequence, Type};
use super::serial;
use super::table::{Table, TableKind, View};
use super::trigger::EventTrigger;
use crate::sql::QualifiedName;

/// What a database consists of, at one moment.
///
/// Left out: system schemas, temporary objects, Tidegate's own schema `tidegate`, and the members
/// of extensions (the extensions themselves are listed). Values of rows are never part of it: the
/// contents of `pg_statistic`, `pg_stats` and `pg_statistic_ext_data` are not read, because they
/// hold samples of the data.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// `server_version_num`, for example 150018.
    pub server_version: i32,
    /// Name of the database.
    pub database: String,
    /// Identifier of the cluster, kept by its physical copies; `None` when the role may not read it.
    pub system_identifier: Option<String>,
    /// Encoding of the database, for example `UTF8`.
    pub encoding: String,
    /// Default collation of the database, as the operating system names it.
    pub collation: String,
    /// Schemas, sorted by name.
    pub schemas: Vec<Schema>,
    /// Tables of all kinds.
    #[serde(with = "serial")]
    pub tables: BTreeMap<QualifiedName, Table>,
    /// Views and materialized views.
    #[serde(with = "serial")]
    pub views: BTreeMap<QualifiedName, View>,
    /// Sequences.
    #[serde(with = "serial")]
    pub sequences: BTreeMap<QualifiedName, Sequence>,
    /// Enums, domains, composite types and ranges.
    #[serde(with = "serial")]
    pub types: BTreeMap<QualifiedName, Type>,
    /// Functions, sorted by name and arguments.
    pub functions: Vec<Function>,
    /// Installed extensions, sorted by name.
    pub extensions: Vec<Extension>,
    /// Publications, sorted by name.
    pub publications: Vec<Publication>,
    /// Event triggers, sorted by name.
    pub event_triggers: Vec<EventTrigger>,
    /// Which object needs which, from `pg_depend`.
    pub dependencies: Dependencies,
}

impl Catalog {
    /// The table of that name.
    #[must_use]
    pub fn table(&self, name: &QualifiedName) -> Option<&Table> {
        self.tables.get(name)
    }

    /// The view of that name.
    #[must_use]
    pub fn view(&self, name: &QualifiedName) -> Option<&View> {
        self.views.get(name)
    }

    /// Whether a table, view, sequence or index has that name: they share one space of names.
    #[must_use]
    pub fn has_relation(&self, name: &QualifiedName) -> bool {
        let is_index = |table: &Table| {
            table.name.schema == name.schema
                && table.indexes.iter().any(|index| index.name == name.name)
        };
        self.tables.contains_key(name)
            || self.views.contains_key(name)
            || self.sequences.contains_key(name)
            || self.tables.values().any(is_index)
    }

    /// Major version of the server, for example 15.
    #[must_use]
    pub fn major(&self) -> i32 {
        self.server_version / 10_000
    }

    /// Finds a table as a person writes it: `name` on the search path, `schema.name`, each part
    /// quoted or not. Unquoted parts are folded to lower case; when that finds nothing, they are
    /// tried as written.
    #[must_use]
    pub fn resolve(&self, name: &str, search_path: &[String]) -> Option<&Table> {
        let there = |name: &QualifiedName| self.tables.get(name);
        let written = crate::sql::written_names(name, search_path);
        written.iter().find_map(there)
    }

    /// The table whose name is most like `name`, for "did you mean"; `None` when none is near.
    #[must_use]
    pub fn suggest(&self, name: &str) -> Option<&QualifiedName> {
        let wanted = name.replace('"', "").to_lowercase();
        let likeness = |candidate: &QualifiedName| {
            let short = candidate.name.as_str().to_lowercase();
            let long = format!("{}.{short}", candidate.schema.as_str().to_lowercase());
            strsim::jaro_winkler(&wanted, &short).max(strsim::jaro_winkler(&wanted, &long))
        };
        self.tables
            .keys()
            .map(|candidate| (likeness(candidate), candidate))
            .filter(|(score, _)| *score >= 0.8)
            .max_by(|a, b| a.0.total_cmp(&b.0).then_with(|| b.1.cmp(a.1)))
            .map(|(_, candidate)| candidate)
    }

    /// All tables below `name`, by inheritance or as partitions, at any depth, sorted; each once.
    #[must_use]
    pub fn descendants(&self, name: &QualifiedName) -> Vec<&Table> {
        let mut found = BTreeMap::new();
        let mut open = vec![name];
        while let Some(next) = open.pop() {
            for child in self.tables.get(next).into_iter().flat_map(|t| &t.children) {
                if let Some(table) = self.tables.get(child)
                    && found.insert(child, table).is_none()
                {
                    open.push(child);
                }
            }
        }
        found.into_values().collect()
    }

    /// The first partition of `table`, at any depth, whose rows are on another server.
    #[must_use]
    pub fn foreign_partition(&self, table: &Table) -> Option<&Table> {
        if !table.is_partitioned() {
            return None;
        }
        let below = self.descendants(&table.name);
        below
            .into_iter()
            .find(|part| part.kind == TableKind::Foreign)
    }

    /// All relations that hold rows of `name`: the table itself when it stores rows, then its
    /// descendants that do. Foreign partitions count: their rows are elsewhere, but they are rows.
    #[must_use]
    pub fn leaves(&self, name: &QualifiedName) -> Vec<&Table> {
        self.tables
            .get(name)
            .into_iter()
            .chain(self.descendants(name))
            .filter(|table| !table.is_partitioned())
            .collect()
    }
}
