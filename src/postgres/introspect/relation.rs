//! Tables and views as the query gives them, before anything is attached.

use serde::Deserialize;

use crate::catalog::{Grant, PartitionKey, Persistence, ReplicaIdentity, Table, TableKind, View};
use crate::error::{Error, Kind, Result};
use crate::sql::{Ident, QualifiedName};

/// One row of `relations.sql`.
#[derive(Debug, Deserialize)]
pub(super) struct Relation {
    pub(super) oid: u32,
    schema: Ident,
    name: Ident,
    kind: String,
    persistence: Persistence,
    pub(super) is_partition: bool,
    partition_bound: Option<String>,
    partition_key: Option<PartitionKey>,
    pub(super) parents: Option<Vec<u32>>,
    owner: Ident,
    access_method: Option<String>,
    tablespace: Option<Ident>,
    row_security: bool,
    force_row_security: bool,
    replica_identity: String,
    options: Option<Vec<String>>,
    typed: bool,
    has_toast: bool,
    reltuples: f64,
    relpages: u64,
    table_bytes: Option<u64>,
    definition: Option<String>,
    populated: bool,
    server: Option<String>,
    foreign_options: Option<Vec<String>>,
    grants: Option<Vec<Grant>>,
    owner_lacks: Option<Vec<String>>,
    comment: Option<String>,
}

impl Relation {
    /// Its name.
    pub(super) fn qualified(&self) -> QualifiedName {
        QualifiedName::new(self.schema.clone(), self.name.clone())
    }

    /// Whether it is a view of either kind.
    pub(super) fn is_view(&self) -> bool {
        matches!(self.kind.as_str(), "v" | "m")
    }

    /// The table, without what hangs on it.
    pub(super) fn into_table(self) -> Table {
        Table {
            name: self.qualified(),
            oid: self.oid,
            kind: match self.kind.as_str() {
                "p" => TableKind::Partitioned,
                "f" => TableKind::Foreign,
                _ => TableKind::Ordinary,
            },
            parents: Vec::new(),
            children: Vec::new(),
            partition_of: None,
            partition_bound: self.partition_bound,
            partition_key: self.partition_key,
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            rules: Vec::new(),
            policies: Vec::new(),
            statistics: Vec::new(),
            owner: self.owner,
            grants: sorted(self.grants),
            owner_lacks: sorted(self.owner_lacks),
            comment: self.comment,
            options: sorted(self.options),
            persistence: self.persistence,
            row_security: self.row_security,
            force_row_security: self.force_row_security,
            replica_identity: match self.replica_identity.as_str() {
                "n" => ReplicaIdentity::Nothing,
                "f" => ReplicaIdentity::Full,
                "i" => ReplicaIdentity::Index(None),
                _ => ReplicaIdentity::Default,
            },
            access_method: self.access_method,
            tablespace: self.tablespace,
            typed: self.typed,
            has_toast: self.has_toast,
            foreign: self.server.map(|server| {
                let mut parts = vec![format!("server={server}")];
                parts.extend(sorted(self.foreign_options));
                parts.join(", ")
            }),
            reltuples: self.reltuples,
            relpages: self.relpages,
            table_bytes: self.table_bytes.unwrap_or(0),
            index_bytes: 0,
        }
    }

    /// The view, without what hangs on it; an error when it was dropped meanwhile.
    pub(super) fn into_view(self) -> Result<View> {
        let Some(definition) = self.definition.clone() else {
            let name = self.qualified().plain();
            return Err(Error::new(
                Kind::Internal,
                format!("the view {name} vanished while it was read"),
            ));
        };
        Ok(View {
            name: self.qualified(),
            oid: self.oid,
            materialized: self.kind == "m",
            populated: self.populated,
            definition,
            columns: Vec::new(),
            indexes: Vec::new(),
            triggers: Vec::new(),
            rules: Vec::new(),
            statistics: Vec::new(),
            options: sorted(self.options),
            owner: self.owner,
            grants: sorted(self.grants),
            owner_lacks: sorted(self.owner_lacks),
            comment: self.comment,
            reltuples: self.reltuples,
            relpages: self.relpages,
            table_bytes: self.table_bytes.unwrap_or(0),
        })
    }
}

fn sorted<T: Ord>(list: Option<Vec<T>>) -> Vec<T> {
    let mut list = list.unwrap_or_default();
    list.sort();
    list
}
