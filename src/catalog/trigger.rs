//! What runs when rows change: triggers, rules, event triggers.

use serde::{Deserialize, Serialize};

use super::serial::null_is_empty;
use crate::sql::{Ident, QualifiedName};

/// One trigger; the internal ones of foreign keys are not in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Name, unique per table. Triggers of one moment fire in the order of their names.
    pub name: Ident,
    /// When it fires.
    pub timing: Timing,
    /// Once per row, or once per statement.
    pub for_each_row: bool,
    /// Which commands fire it (`insert`, `delete`, `update`, `truncate`).
    pub events: Vec<String>,
    /// Columns of `UPDATE OF`; such a column cannot be dropped without `CASCADE`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub columns: Vec<Ident>,
    /// In which sessions it fires.
    pub enabled: Firing,
    /// Whether it was cloned from a partitioned parent.
    pub inherited: bool,
    /// `CREATE CONSTRAINT TRIGGER`
    pub is_constraint: bool,
    /// The function it calls.
    pub function: QualifiedName,
    /// `pg_get_triggerdef`, every name qualified.
    pub definition: String,
    /// `COMMENT ON TRIGGER`.
    pub comment: Option<String>,
}

/// When a trigger fires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// Before the change; may alter the row.
    Before,
    /// After the change.
    After,
    /// Instead of it (views).
    InsteadOf,
}

/// In which sessions a trigger or rule fires; see `session_replication_role`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Firing {
    /// In ordinary sessions (the default).
    Origin,
    /// In none.
    Disabled,
    /// In sessions of a replication role only.
    Replica,
    /// In all.
    Always,
}

/// One rewrite rule; the `_RETURN` rules of views are not in the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Name, unique per table.
    pub name: Ident,
    /// `select`, `insert`, `update` or `delete`.
    pub event: String,
    /// Whether it replaces the command.
    pub instead: bool,
    /// In which sessions it applies.
    pub enabled: Firing,
    /// `pg_get_ruledef`, every name qualified.
    pub definition: String,
    /// `COMMENT ON RULE`.
    pub comment: Option<String>,
}

/// A trigger on DDL, of the whole database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventTrigger {
    /// Name, unique in the database.
    pub name: Ident,
    /// `ddl_command_start`, `ddl_command_end`, `sql_drop`, `table_rewrite`, `login`.
    pub event: String,
    /// Its owner.
    pub owner: Ident,
    /// Whether it fires at all.
    pub enabled: bool,
    /// The command tags it is limited to.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tags: Vec<String>,
    /// The function it calls.
    pub function: QualifiedName,
}
