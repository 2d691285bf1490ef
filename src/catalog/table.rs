//! Tables: ordinary, partitioned and foreign ones.

use serde::{Deserialize, Serialize};

use super::access::{Grant, Policy};
use super::column::Column;
use super::constraint::{Constraint, ConstraintKind};
use super::index::Index;
use super::serial::null_is_empty;
use super::statistics::Statistics;
use super::trigger::{Rule, Trigger};
use crate::sql::{Ident, QualifiedName};

/// One table with everything that hangs on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub name: QualifiedName,
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Whether and where it stores rows.
    pub kind: TableKind,
    /// Tables it inherits from, in the order of inheritance; the partitioned parent of a partition
    /// is not among them.
    pub parents: Vec<QualifiedName>,
    /// Direct children, by inheritance or as partitions, sorted.
    pub children: Vec<QualifiedName>,
    /// The partitioned table it is a partition of.
    pub partition_of: Option<QualifiedName>,
    /// `FOR VALUES ...` or `DEFAULT`, when it is a partition.
    pub partition_bound: Option<String>,
    /// How it is partitioned, when it is.
    pub partition_key: Option<PartitionKey>,
    /// Columns in their physical order.
    pub columns: Vec<Column>,
    /// Constraints, sorted by name.
    pub constraints: Vec<Constraint>,
    /// Indexes, sorted by name.
    pub indexes: Vec<Index>,
    /// Triggers, sorted by name.
    pub triggers: Vec<Trigger>,
    /// Rewrite rules, sorted by name.
    pub rules: Vec<Rule>,
    /// Row security policies, sorted by name.
    pub policies: Vec<Policy>,
    /// Extended statistics, sorted by name.
    pub statistics: Vec<Statistics>,
    /// Its owner.
    pub owner: Ident,
    /// Privileges of others than the owner, sorted.
    pub grants: Vec<Grant>,
    /// Privileges that were taken from the owner, sorted.
    pub owner_lacks: Vec<String>,
    /// `COMMENT ON TABLE`.
    pub comment: Option<String>,
    /// Storage parameters such as `fillfactor=70`, sorted.
    pub options: Vec<String>,
    /// Whether it survives a crash.
    pub persistence: Persistence,
    /// `ENABLE ROW LEVEL SECURITY`
    pub row_security: bool,
    /// `FORCE ROW LEVEL SECURITY`: holds for the owner too.
    pub force_row_security: bool,
    /// How logical replication identifies its rows.
    pub replica_identity: ReplicaIdentity,
    /// Table access method; none for foreign tables and mostly for partitioned ones.
    pub access_method: Option<String>,
    /// Tablespace, when it is not the default of the database.
    pub tablespace: Option<Ident>,
    /// Whether it was made `OF` a composite type.
    pub typed: bool,
    /// Whether large values have a place of their own.
    pub has_toast: bool,
    /// Server and options of a foreign table, as text.
    pub foreign: Option<String>,
    /// Rows as of the last `VACUUM` or `ANALYZE`; -1 when unknown.
    pub reltuples: f64,
    /// Pages of 8 kB as of the last `VACUUM` or `ANALYZE`.
    pub relpages: u64,
    /// Bytes of the heap with its TOAST, free space and visibility maps; 0 without storage.
    pub table_bytes: u64,
    /// Bytes of all indexes.
    pub index_bytes: u64,
}

/// Whether and where a table stores rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TableKind {
    /// Rows of its own; a leaf partition is one too (see [`Table::partition_of`]).
    Ordinary,
    /// Rows in its partitions.
    Partitioned,
    /// Rows on another server.
    Foreign,
}

/// `PARTITION BY`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionKey {
    /// How rows are spread.
    pub strategy: PartitionStrategy,
    /// `pg_get_partkeydef`, for example `RANGE (created_at)`.
    pub definition: String,
}

/// How rows are spread over partitions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartitionStrategy {
    /// By listed values.
    List,
    /// By ranges of values.
    Range,
    /// By a hash of the key.
    Hash,
}

/// Whether the rows survive a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Persistence {
    /// Yes: its changes are in the WAL.
    #[serde(rename = "permanent", alias = "p")]
    Permanent,
    /// No: it is emptied after a crash and not replicated.
    #[serde(rename = "unlogged", alias = "u")]
    Unlogged,
    /// It belongs to one session.
    #[serde(rename = "temporary", alias = "t")]
    Temporary,
}

/// How logical replication identifies rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReplicaIdentity {
    /// By the primary key.
    Default,
    /// Not at all: published updates and deletes fail.
    Nothing,
    /// By the whole row.
    Full,
    /// By a unique index; `None` after that index was dropped, which amounts to `Nothing`.
    Index(Option<Ident>),
}

impl Table {
    /// The column of that name.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name.as_str() == name)
    }

    /// The constraint of that name.
    #[must_use]
    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints.iter().find(|c| c.name.as_str() == name)
    }

    /// The index of that name.
    #[must_use]
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|i| i.name.as_str() == name)
    }

    /// The trigger of that name.
    #[must_use]
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|t| t.name.as_str() == name)
    }

    /// The primary key.
    #[must_use]
    pub fn primary_key(&self) -> Option<&Constraint> {
        self.constraints
            .iter()
            .find(|c| c.kind == ConstraintKind::PrimaryKey)
    }

    /// Its own foreign keys, those cloned from a parent left out.
    pub fn foreign_keys(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints
            .iter()
            .filter(|c| c.foreign_key().is_some() && !c.inherited)
    }

    /// Whether rows are stored in it, on this server.
    #[must_use]
    pub fn stores_rows(&self) -> bool {
        self.kind == TableKind::Ordinary
    }

    /// Whether it is partitioned.
    #[must_use]
    pub fn is_partitioned(&self) -> bool {
        self.kind == TableKind::Partitioned
    }

    /// Bytes of heap, TOAST and indexes.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.table_bytes.saturating_add(self.index_bytes)
    }
}

/// A view or materialized view.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct View {
    /// Its name.
    pub name: QualifiedName,
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Whether its rows are stored.
    pub materialized: bool,
    /// Whether a materialized view was ever filled; `true` for plain views.
    pub populated: bool,
    /// `pg_get_viewdef`, every name qualified.
    pub definition: String,
    /// Columns in their order.
    pub columns: Vec<Column>,
    /// Indexes of a materialized view, sorted by name.
    pub indexes: Vec<Index>,
    /// `INSTEAD OF` triggers, sorted by name.
    pub triggers: Vec<Trigger>,
    /// Rewrite rules apart from the one that makes it a view, sorted by name.
    pub rules: Vec<Rule>,
    /// Extended statistics of a materialized view, sorted by name.
    pub statistics: Vec<Statistics>,
    /// Options such as `security_barrier=true`, `check_option=local`, sorted.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub options: Vec<String>,
    /// Its owner.
    pub owner: Ident,
    /// Privileges of others than the owner, sorted.
    pub grants: Vec<Grant>,
    /// Privileges that were taken from the owner, sorted.
    pub owner_lacks: Vec<String>,
    /// `COMMENT ON VIEW`.
    pub comment: Option<String>,
    /// Rows of a materialized view as of the last `VACUUM` or `ANALYZE`; -1 when unknown.
    pub reltuples: f64,
    /// Pages of 8 kB of a materialized view.
    pub relpages: u64,
    /// Bytes of a materialized view without its indexes.
    pub table_bytes: u64,
}
