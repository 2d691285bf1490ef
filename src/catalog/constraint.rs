//! Constraints of tables.

use serde::{Deserialize, Serialize};

use super::serial::null_is_empty;
use crate::sql::{Ident, QualifiedName};

/// One constraint of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constraint {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Name, unique per table.
    pub name: Ident,
    /// What it demands.
    pub kind: ConstraintKind,
    /// Columns of the table it speaks of, in the order of the key; none for a check without columns
    /// or an exclusion over expressions alone.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub columns: Vec<Ident>,
    /// `pg_get_constraintdef`, every name qualified.
    pub definition: String,
    /// `false` after `NOT VALID`: holds for new rows only.
    pub validated: bool,
    /// `false` after `NOT ENFORCED` (PostgreSQL 18): holds for no row.
    pub enforced: bool,
    /// Whether the check may be put off to the end of the transaction.
    pub deferrable: bool,
    /// Whether it is put off unless told otherwise.
    pub deferred: bool,
    /// Whether children do not inherit it.
    pub no_inherit: bool,
    /// Whether it comes from a parent and cannot be dropped on its own.
    pub inherited: bool,
    /// The index that enforces a primary key, unique or exclusion constraint.
    pub index: Option<Ident>,
    /// `COMMENT ON CONSTRAINT`.
    pub comment: Option<String>,
}

/// What a [`Constraint`] demands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConstraintKind {
    /// `PRIMARY KEY`
    PrimaryKey,
    /// `UNIQUE`
    Unique,
    /// `EXCLUDE`
    Exclusion,
    /// `NOT NULL` as a constraint of its own (PostgreSQL 18).
    NotNull,
    /// `CHECK`
    Check {
        /// The condition.
        expression: String,
    },
    /// `FOREIGN KEY`
    ForeignKey(ForeignKey),
    /// A kind that this version of Tidegate does not know.
    Other,
}

/// The referenced side of a foreign key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ForeignKey {
    /// The referenced table.
    pub table: QualifiedName,
    /// The referenced columns, in the order of [`Constraint::columns`].
    pub columns: Vec<Ident>,
    /// What happens when a referenced row goes away.
    pub on_delete: Action,
    /// What happens when a referenced key changes.
    pub on_update: Action,
    /// How nulls count.
    #[serde(rename = "match")]
    pub matching: Match,
}

/// Referential action.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// An error at the end of the statement (or transaction).
    NoAction,
    /// An error at once.
    Restrict,
    /// The referencing rows follow.
    Cascade,
    /// The referencing columns become null.
    SetNull,
    /// The referencing columns take their defaults.
    SetDefault,
}

/// `MATCH` of a foreign key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Match {
    /// One null frees the row from the constraint.
    Simple,
    /// All columns are null or none is.
    Full,
    /// Never implemented by PostgreSQL.
    Partial,
}

impl Constraint {
    /// The referenced side, when it is a foreign key.
    #[must_use]
    pub fn foreign_key(&self) -> Option<&ForeignKey> {
        match &self.kind {
            ConstraintKind::ForeignKey(key) => Some(key),
            _ => None,
        }
    }

    /// The condition, when it is a check.
    #[must_use]
    pub fn check(&self) -> Option<&str> {
        match &self.kind {
            ConstraintKind::Check { expression } => Some(expression),
            _ => None,
        }
    }
}
