//! Who may do what: privileges and row security policies.

use serde::{Deserialize, Serialize};

use crate::sql::Ident;

/// One privilege that somebody other than the owner holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// The role; `None` is `PUBLIC`.
    pub grantee: Option<Ident>,
    /// The privilege in capitals, as `GRANT` spells it (`SELECT`, `USAGE`).
    pub privilege: String,
    /// Whether it was granted `WITH GRANT OPTION`.
    pub grantable: bool,
}

/// One row security policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Name, unique per table.
    pub name: Ident,
    /// Permissive policies are joined by `OR`, restrictive ones by `AND`.
    pub permissive: bool,
    /// The command it applies to.
    pub command: PolicyCommand,
    /// The roles it applies to, sorted; `None` is `PUBLIC`.
    #[serde(default, deserialize_with = "super::serial::null_is_empty")]
    pub roles: Vec<Option<Ident>>,
    /// The expression of `USING`.
    pub using: Option<String>,
    /// The expression of `WITH CHECK`.
    pub check: Option<String>,
    /// `COMMENT ON POLICY`.
    pub comment: Option<String>,
}

/// The command that a [`Policy`] applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyCommand {
    /// `FOR ALL`
    All,
    /// `FOR SELECT`
    Select,
    /// `FOR INSERT`
    Insert,
    /// `FOR UPDATE`
    Update,
    /// `FOR DELETE`
    Delete,
}
