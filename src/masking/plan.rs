//! The masking plan: a policy resolved against a catalog.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::policy::Pattern;
use super::{Class, Rule};
use crate::sql::{Ident, QualifiedName};

/// What happens to every column of every table in a copy. Resolved from the policy and the catalog
/// before a row is read; serializable and hashed, so that a manifest can name it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct MaskPlan {
    /// Tables that hold rows themselves: ordinary tables and leaf partitions. Partitioned parents
    /// are not here; their rules went to the leaves. Sorted by name.
    pub tables: Vec<TablePlan>,
    /// SHA-256 of all files of the policy and the packs they use, in hexadecimal.
    pub policy_hash: String,
    /// The epoch of the key.
    pub epoch: String,
    /// Columns that no rule covers; not empty only when the policy says `unclassified = "keep"`
    /// or `"null"`.
    pub unclassified: Vec<(QualifiedName, Ident)>,
    /// Which rows are carried when not all are.
    #[serde(default)]
    pub subset: Option<SubsetRules>,
    /// Limits of the risk of re-identification.
    #[serde(default)]
    pub risk: Option<RiskRules>,
    /// Parts of the schema that are carried although they may hold personal data.
    #[serde(default)]
    pub allow: Allowed,
    /// What happens to large objects; `None` when the policy does not say, which refuses a source
    /// that holds any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_objects: Option<LargeObjects>,
}

/// What happens to large objects. Nothing tells what one holds, so that none is carried as it is
/// unless the policy says so. Their identifiers stay, and with them what columns refer to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LargeObjects {
    /// They are carried as they are.
    Keep,
    /// They are there and empty.
    Null,
    /// Each holds this text.
    Constant(String),
    /// They are not there; what refers to them refers to nothing.
    None,
}

/// What happens to one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// Its name.
    pub name: QualifiedName,
    /// Which rows are carried.
    pub rows: Rows,
    /// Every column that stores a value, in physical order; generated columns are left out.
    pub columns: Vec<ColumnPlan>,
}

/// Which rows of a table are carried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rows {
    /// All of them.
    All,
    /// None: the table is there and empty.
    None,
    /// Those for which this SQL condition holds.
    Where(String),
}

/// What happens to one column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// The column.
    pub column: Ident,
    /// What replaces its values.
    pub rule: Rule,
    /// What kind of personal data it holds; `None` when it holds none.
    pub class: Option<Class>,
    /// Where the rule comes from: `masking-rules/shop.toml`, `pack person`, `foreign key to users.id`.
    pub origin: String,
}

/// `[subset]` of a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct SubsetRules {
    /// The rows that are asked for; everything they need follows.
    pub seed_rows: Vec<SeedRows>,
    /// Bytes that the subset may have, about.
    pub max_bytes: Option<u64>,
    /// References that no foreign key declares.
    pub references: Vec<VirtualReference>,
}

/// Rows that a subset begins with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedRows {
    /// The table.
    pub table: QualifiedName,
    /// Share of its rows, above 0 to 100.
    pub percent: Option<f64>,
    /// The column whose keyed hash decides, so that the same rows come each time.
    pub stable_by: Option<Ident>,
    /// A SQL condition.
    pub filter: Option<String>,
}

/// A reference that no foreign key declares; polymorphic when it has a condition on its own side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VirtualReference {
    /// The referencing table.
    pub from: QualifiedName,
    /// Its columns.
    pub columns: Vec<Ident>,
    /// The referenced table.
    pub to: QualifiedName,
    /// Its columns.
    pub to_columns: Vec<Ident>,
    /// A SQL condition on the referencing row: `owner_type = 'User'`.
    pub filter: Option<String>,
}

/// `[risk]` of a policy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct RiskRules {
    /// The tables whose rows may be singled out.
    pub tables: Vec<QuasiIdentifiers>,
    /// Rows that each group of equal quasi-identifiers must have at least (k-anonymity).
    pub k: Option<u32>,
    /// Different sensitive values that each group must have at least (l-diversity).
    pub l: Option<u32>,
    /// Share of sampled source rows, 0 to 1, that may be linked to their masked rows.
    pub linkage: Option<f64>,
}

/// Columns of one table that together may single out a person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuasiIdentifiers {
    /// The table.
    pub table: QualifiedName,
    /// The columns.
    pub columns: Vec<Ident>,
    /// Columns whose values must vary inside a group.
    pub sensitive: Vec<Ident>,
}

/// `[allow]` of a policy: names and patterns with `*`. A name is that of a table, of a column
/// (`users.email`), or of another object, with its schema unless that is `public`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// Objects whose comment is carried.
    pub comments: Vec<String>,
    /// Columns whose default is carried.
    pub defaults: Vec<String>,
    /// Functions, views, constraints and rules whose body is carried.
    pub bodies: Vec<String>,
    /// Tables of extensions whose rows, apart from those that the extension ships, are carried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extension_rows: Vec<String>,
}

impl Allowed {
    /// Whether one of the names or patterns means `name`.
    #[must_use]
    pub fn permits(list: &[String], name: &str) -> bool {
        list.iter()
            .any(|text| Pattern::new(text.as_str()).matches(name))
    }
}

impl MaskPlan {
    /// The plan of a table; `None` for tables that hold no rows themselves.
    #[must_use]
    pub fn table(&self, name: &QualifiedName) -> Option<&TablePlan> {
        let place = self.tables.binary_search_by(|plan| plan.name.cmp(name));
        place.ok().map(|i| &self.tables[i])
    }
}

impl MaskPlan {
    /// Whether some rows stay behind. Which ones hangs on statistics, too, that change under a
    /// snapshot: one process picks them.
    #[must_use]
    pub fn is_partial(&self) -> bool {
        self.subset.is_some() || self.tables.iter().any(|table| table.rows != Rows::All)
    }
}

impl TablePlan {
    /// Whether any of its columns is masked.
    #[must_use]
    pub fn is_masked(&self) -> bool {
        self.columns.iter().any(|column| !column.rule.is_keep())
    }
}
