//! Extended statistics: their definitions, never their contents.

use serde::{Deserialize, Serialize};

use super::serial::null_is_empty;
use crate::sql::{Ident, QualifiedName};

/// One object of `CREATE STATISTICS`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Plain columns it covers.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub columns: Vec<Ident>,
    /// Expressions it covers.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub expressions: Vec<String>,
    /// `ndistinct`, `dependencies`, `mcv`, `expressions`.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub kinds: Vec<String>,
    /// Detail, when it was changed; 0 to 10,000.
    pub target: Option<i32>,
    /// Its owner.
    pub owner: Ident,
    /// `pg_get_statisticsobjdef`, every name qualified.
    pub definition: String,
    /// `COMMENT ON STATISTICS`.
    pub comment: Option<String>,
}
