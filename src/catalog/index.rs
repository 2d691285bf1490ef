//! Indexes of tables and materialized views.

use serde::{Deserialize, Serialize};

use super::serial::null_is_empty;
use crate::sql::{Ident, QualifiedName};

/// One index.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Name; the schema is that of the table.
    pub name: Ident,
    /// Access method (`btree`, `gin`).
    pub method: String,
    /// Key columns in their order.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub columns: Vec<IndexColumn>,
    /// Columns of `INCLUDE`, in their order.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub included: Vec<Ident>,
    /// Whether it is unique.
    pub unique: bool,
    /// Whether it is that of the primary key.
    pub primary: bool,
    /// `false` while it is being built, or after a concurrent build failed: not used by queries.
    pub valid: bool,
    /// `false` while writes do not maintain it yet.
    pub ready: bool,
    /// `CLUSTER` was last run on it.
    pub clustered: bool,
    /// It identifies rows for logical replication.
    pub replica_identity: bool,
    /// `false` when uniqueness is checked at commit.
    pub immediate: bool,
    /// `NULLS NOT DISTINCT` (PostgreSQL 15).
    pub nulls_not_distinct: bool,
    /// Condition of a partial index.
    pub predicate: Option<String>,
    /// `pg_get_indexdef`, every name qualified.
    pub definition: String,
    /// The constraint that owns it.
    pub constraint: Option<Ident>,
    /// The index of the parent table that it is a part of.
    pub parent: Option<QualifiedName>,
    /// Storage parameters such as `fillfactor=90`, sorted.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub options: Vec<String>,
    /// Tablespace, when it is not the default of the database.
    pub tablespace: Option<Ident>,
    /// Entries as of the last `VACUUM` or `ANALYZE`; -1 when unknown.
    pub reltuples: f64,
    /// Pages of 8 kB as of the last `VACUUM` or `ANALYZE`.
    pub relpages: u64,
    /// Bytes it takes now; 0 for the index of a partitioned table.
    #[serde(deserialize_with = "super::serial::null_is_zero")]
    pub bytes: u64,
    /// `COMMENT ON INDEX`.
    pub comment: Option<String>,
}

/// One key column of an [`Index`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IndexColumn {
    /// What is indexed.
    pub key: IndexKey,
    /// Qualified name, only when it is not the default of the type.
    pub opclass: Option<String>,
    /// Qualified name, only when it differs from that of the column.
    pub collation: Option<String>,
    /// `DESC`
    pub descending: bool,
    /// `NULLS FIRST`
    pub nulls_first: bool,
}

/// What a key column of an index holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IndexKey {
    /// A column of the table.
    Column(Ident),
    /// An expression over its columns.
    Expression(String),
}

impl IndexColumn {
    /// The column, unless an expression is indexed.
    #[must_use]
    pub fn column(&self) -> Option<&Ident> {
        match &self.key {
            IndexKey::Column(name) => Some(name),
            IndexKey::Expression(_) => None,
        }
    }

    /// Whether operator class, collation, direction and nulls are those a bare column would have.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.opclass.is_none() && self.collation.is_none() && !self.descending && !self.nulls_first
    }
}

impl Index {
    /// The key as plain columns; `None` when one of them is an expression.
    #[must_use]
    pub fn key_columns(&self) -> Option<Vec<&Ident>> {
        self.columns.iter().map(IndexColumn::column).collect()
    }

    /// Whether every pair of rows differs in the key, now and always: unique, complete, valid,
    /// checked at once, over plain columns. Nulls may still repeat.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.unique
            && self.valid
            && self.immediate
            && self.predicate.is_none()
            && self.key_columns().is_some()
    }
}
