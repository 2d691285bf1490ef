//! The format of `masking-rules/*.toml`, apart from the rules themselves.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use crate::masking::LargeObjects;

/// What happens to columns that no rule covers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Unclassified {
    /// The run is refused.
    #[default]
    Deny,
    /// They stay as they are.
    Keep,
    /// They become null.
    Null,
}

/// A file of masking rules. Unknown keys are refused.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Head {
    /// Version of the format: 1.
    #[schemars(range(min = 1, max = 1), with = "u32")]
    pub(super) version: Spanned<u32>,
    /// What happens to a column that no rule covers: deny (the default), keep or null.
    #[schemars(with = "Option<Unclassified>")]
    pub(super) unclassified: Option<Spanned<Unclassified>>,
    /// Where the masking key is kept: `{ env = "NAME" }`, `{ file = "PATH" }`, `{ command = [...] }`.
    #[schemars(with = "Option<RawKey>")]
    pub(super) key: Option<Spanned<RawKey>>,
    /// The epoch of the key; another epoch gives other masks. "1" by default.
    #[schemars(with = "Option<String>")]
    pub(super) epoch: Option<Spanned<String>>,
    /// Keys of earlier epochs that are still valid, each with its epoch: copies made under them can
    /// be checked and made again. Take one out to retire it.
    #[serde(default)]
    #[schemars(with = "Vec<RawKey>")]
    pub(super) retiring: Vec<Spanned<RawKey>>,
    /// Shipped packs of rules by name; an explicit rule always wins over them.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(super) packs: Vec<Spanned<String>>,
    /// Rules by table, then by column: `[tables.users]` or `[tables."sales.users"]`. A rule is a
    /// string ("keep", "email"), a table with `mask` and options, `{ class = "email" }` for the
    /// usual mask of a class, or one of the forms with their own key (`sql`, `constant`, `json`,
    /// `hstore`, `xml`, `attributes`, `when`). `home.street = ...` rules an attribute. `rows` says
    /// which rows are carried: "all", "none" or `{ where = "..." }`. Names may hold `*`.
    #[serde(default)]
    #[allow(dead_code, reason = "for the JSON Schema; rules are read one by one")]
    tables: BTreeMap<String, BTreeMap<String, serde_json::Value>>,
    /// Rules by column, for every table; names may hold `*`.
    #[serde(default)]
    #[allow(dead_code, reason = "for the JSON Schema; rules are read one by one")]
    columns: BTreeMap<String, serde_json::Value>,
    /// Which rows are carried when not all are.
    #[schemars(with = "Option<RawSubset>")]
    pub(super) subset: Option<Spanned<RawSubset>>,
    /// Limits of the risk of re-identification.
    #[schemars(with = "Option<RawRisk>")]
    pub(super) risk: Option<Spanned<RawRisk>>,
    /// What else of the schema may be carried although it may hold personal data.
    #[serde(default)]
    pub(super) allow: RawAllow,
    /// What happens to large objects: "keep", "null" (they are empty), "none" (they are not
    /// carried) or `{ constant = "text" }`. A source that holds any is refused without it.
    #[schemars(with = "Option<LargeObjects>")]
    pub(super) large_objects: Option<Spanned<LargeObjects>>,
}

/// Where the masking key is kept.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawKey {
    /// A variable of the environment.
    pub(super) env: Option<String>,
    /// A file.
    pub(super) file: Option<String>,
    /// A command that prints it.
    pub(super) command: Option<Words>,
    /// The epoch.
    pub(super) epoch: Option<String>,
}

/// A command: one line for the shell, or its words.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum Words {
    One(String),
    List(Vec<String>),
}

/// `[subset]`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSubset {
    /// The rows that are asked for; everything they need follows.
    #[serde(default)]
    pub(super) seed_rows: Vec<RawSeed>,
    /// Size that the subset may have, about: "500MB", "5GB" (1 GB is 1024 MB).
    #[schemars(with = "Option<String>")]
    pub(super) max_size: Option<Spanned<String>>,
    /// References that no foreign key declares.
    #[serde(default)]
    pub(super) references: Vec<RawReference>,
}

/// One entry of `seed_rows`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSeed {
    /// The table.
    #[schemars(with = "String")]
    pub(super) table: Spanned<String>,
    /// Share of its rows, above 0 to 100.
    #[schemars(with = "Option<f64>")]
    pub(super) percent: Option<Spanned<f64>>,
    /// The column whose keyed hash decides.
    #[schemars(with = "Option<String>")]
    pub(super) stable_by: Option<Spanned<String>>,
    /// A SQL condition.
    #[serde(rename = "where")]
    pub(super) filter: Option<String>,
}

/// One entry of `references`.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReference {
    /// The referencing side: "comments(owner_id)".
    #[schemars(with = "String")]
    pub(super) from: Spanned<String>,
    /// The referenced side: "users(id)".
    #[schemars(with = "String")]
    pub(super) to: Spanned<String>,
    /// A SQL condition on the referencing row: "owner_type = 'User'".
    #[serde(rename = "where")]
    pub(super) filter: Option<String>,
}

/// `[risk]`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRisk {
    /// Columns by table that together may single out a person.
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub(super) quasi_identifiers: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    /// Columns by table whose values must vary inside a group.
    #[serde(default)]
    #[schemars(with = "BTreeMap<String, Vec<String>>")]
    pub(super) sensitive: BTreeMap<Spanned<String>, Vec<Spanned<String>>>,
    /// Rows that each group must have at least (k-anonymity).
    #[schemars(with = "Option<u32>")]
    pub(super) k: Option<Spanned<u32>>,
    /// Different sensitive values that each group must have at least (l-diversity).
    #[schemars(with = "Option<u32>")]
    pub(super) l: Option<Spanned<u32>>,
    /// Share of sampled source rows, 0 to 1, that may be linked to their masked rows.
    #[schemars(with = "Option<f64>")]
    pub(super) linkage: Option<Spanned<f64>>,
}

/// `[allow]`; names may hold `*`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RawAllow {
    /// Objects whose comment is carried: "users", "users.email", "*".
    #[serde(default)]
    pub(super) comments: Vec<String>,
    /// Columns whose default is carried although it holds a literal.
    #[serde(default)]
    pub(super) defaults: Vec<String>,
    /// Functions, views, constraints and rules whose body is carried although it holds a literal.
    #[serde(default)]
    pub(super) bodies: Vec<String>,
    /// Tables of extensions (declared by them as configuration) whose rows are carried, and their
    /// sequences: "spatial_ref_sys".
    #[serde(default)]
    pub(super) extension_rows: Vec<String>,
}

/// JSON Schema of the format.
#[must_use]
pub fn schema() -> schemars::Schema {
    schemars::schema_for!(Head)
}
