//! Objects beside tables and views: schemas, sequences, types, functions, extensions,
//! publications.

use serde::{Deserialize, Serialize};

use super::access::Grant;
use super::serial::null_is_empty;
use super::table::Persistence;
use crate::sql::{Ident, QualifiedName};

/// One schema.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Schema {
    /// Its name.
    pub name: Ident,
    /// Its owner.
    pub owner: Ident,
    /// Privileges of others than the owner, sorted.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub grants: Vec<Grant>,
    /// `COMMENT ON SCHEMA`.
    pub comment: Option<String>,
}

/// One sequence. Its current value is not here: reading it needs a privilege.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Its owner.
    pub owner: Ident,
    /// `smallint`, `integer` or `bigint`.
    pub data_type: String,
    /// First value.
    pub start: i64,
    /// Step; negative for descending ones.
    pub increment: i64,
    /// Lowest value.
    pub minimum: i64,
    /// Highest value.
    pub maximum: i64,
    /// Values that one session takes at a time.
    pub cache: i64,
    /// Whether it starts again at its end.
    pub cycle: bool,
    /// Whether it survives a crash.
    pub persistence: Persistence,
    /// The column it goes away with.
    pub owned_by: Option<SequenceOwner>,
    /// Privileges of others than the owner, sorted.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub grants: Vec<Grant>,
    /// `COMMENT ON SEQUENCE`.
    pub comment: Option<String>,
}

/// The column that owns a sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SequenceOwner {
    /// Its table.
    pub table: QualifiedName,
    /// The column.
    pub column: Ident,
    /// Whether the sequence is that of an identity column.
    pub identity: bool,
}

/// A type that the database defines itself; row types of tables and arrays are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Type {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Its name.
    pub name: QualifiedName,
    /// Its owner.
    pub owner: Ident,
    /// What it is.
    pub kind: TypeKind,
    /// Privileges of others than the owner, sorted; `PUBLIC` has `USAGE` by default.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub grants: Vec<Grant>,
    /// `COMMENT ON TYPE`.
    pub comment: Option<String>,
}

/// What a [`Type`] is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TypeKind {
    /// `AS ENUM`
    Enum {
        /// Labels in their order.
        labels: Vec<String>,
    },
    /// `CREATE DOMAIN`
    Domain(Domain),
    /// `AS (...)`
    Composite {
        /// Attributes in their order.
        #[serde(default, deserialize_with = "null_is_empty")]
        attributes: Vec<Attribute>,
    },
    /// `AS RANGE`
    Range {
        /// The type of its bounds.
        subtype: Option<String>,
    },
}

/// A type with conditions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Domain {
    /// The type below, which may be a domain itself.
    pub base: String,
    /// Object identifier of the type below.
    pub base_oid: u32,
    /// Whether it refuses null.
    pub not_null: bool,
    /// Expression of the default.
    pub default: Option<String>,
    /// Qualified name, only when it is not that of the type below.
    pub collation: Option<String>,
    /// Conditions, sorted by name.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub checks: Vec<DomainCheck>,
}

/// One condition of a [`Domain`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    /// Its name.
    pub name: Ident,
    /// `pg_get_constraintdef`.
    pub definition: String,
    /// Whether existing values were checked.
    pub validated: bool,
}

/// One attribute of a composite type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attribute {
    /// Its name.
    pub name: Ident,
    /// As in [`super::Column::data_type`].
    pub data_type: String,
}

/// A function, procedure, window function or aggregate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Function {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Its name; several functions may share it.
    pub name: QualifiedName,
    /// Arguments that tell it from its namesakes, as `ALTER FUNCTION` wants them.
    pub identity_arguments: String,
    /// What it is.
    pub kind: FunctionKind,
    /// Result type; none for procedures.
    pub result: Option<String>,
    /// `sql`, `plpgsql`, `c`.
    pub language: String,
    /// Its owner.
    pub owner: Ident,
    /// How far its result may be reused.
    pub volatility: Volatility,
    /// Whether it runs with the rights of its owner.
    pub security_definer: bool,
    /// `BEGIN ATOMIC`: PostgreSQL knows what the body depends on.
    pub parsed_body: bool,
    /// The body as text, when it is kept as text.
    pub source: Option<String>,
    /// SHA-256 of the whole definition, in hexadecimal.
    pub definition_sha256: String,
    /// Privileges of others than the owner, sorted; `PUBLIC` has `EXECUTE` by default.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub grants: Vec<Grant>,
    /// `COMMENT ON FUNCTION`.
    pub comment: Option<String>,
}

impl Function {
    /// `schema.name(arguments)`, for messages.
    #[must_use]
    pub fn signature(&self) -> String {
        format!("{}({})", self.name.plain(), self.identity_arguments)
    }
}

/// What a [`Function`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FunctionKind {
    /// `CREATE FUNCTION`
    Function,
    /// `CREATE PROCEDURE`
    Procedure,
    /// `CREATE AGGREGATE`
    Aggregate,
    /// `CREATE FUNCTION ... WINDOW`
    Window,
}

/// How far the result of a function may be reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Volatility {
    /// Same arguments, same result, for ever.
    Immutable,
    /// Same arguments, same result, within one statement.
    Stable,
    /// No promise.
    Volatile,
}

/// One installed extension. Its members are left out of the catalog.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: Ident,
    /// The schema that holds its members.
    pub schema: Ident,
    /// Installed version.
    pub version: String,
    /// Its owner.
    pub owner: Ident,
}

/// One publication of logical replication.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publication {
    /// Object identifier; means nothing outside its database.
    pub oid: u32,
    /// Its name.
    pub name: Ident,
    /// Its owner.
    pub owner: Ident,
    /// `FOR ALL TABLES`
    pub all_tables: bool,
    /// Whether inserts are published.
    pub publishes_insert: bool,
    /// Whether updates are published.
    pub publishes_update: bool,
    /// Whether deletes are published.
    pub publishes_delete: bool,
    /// Whether truncates are published.
    pub publishes_truncate: bool,
    /// Whether changes of partitions appear as those of their root.
    pub via_root: bool,
    /// `publish_generated_columns` (PostgreSQL 18).
    pub generated_columns: Option<String>,
    /// `FOR TABLES IN SCHEMA` (PostgreSQL 15), sorted.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub schemas: Vec<Ident>,
    /// Listed tables, sorted.
    #[serde(default, deserialize_with = "null_is_empty")]
    pub tables: Vec<PublicationTable>,
    /// `COMMENT ON PUBLICATION`.
    pub comment: Option<String>,
}

/// One table of a [`Publication`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicationTable {
    /// The table.
    pub table: QualifiedName,
    /// The published columns, sorted; `None` is all of them.
    #[serde(default)]
    pub columns: Option<Vec<Ident>>,
    /// Condition on the published rows.
    #[serde(default)]
    pub row_filter: Option<String>,
}
