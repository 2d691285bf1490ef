//! The plan of a copy: every table with every column, resolved before a row is read.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::Types;
use crate::catalog::{Catalog, Column, Fingerprint, Table};
use crate::error::{Error, Kind, Result};
use crate::masking::{LargeObjects, Mask, MaskPlan, Rows, SubsetRules, TablePlan};
use crate::sql::{Ident, QualifiedName};

/// One end of a copy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Name of the environment.
    pub environment: String,
    /// Identifier of the cluster; `None` when the role may not read it.
    pub system: Option<String>,
    /// Name of the database.
    pub database: String,
}

/// How rows travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wire {
    /// COPY's binary format.
    Binary,
    /// COPY's text format: for types whose binary form is missing or means something else in
    /// another database.
    Text,
}

/// What a copy is made from and under which rules. Two runs with equal plans do the same work, so
/// that the second can go on where the first one stopped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CopyPlan {
    /// Where from.
    pub source: Place,
    /// What is replaced.
    pub target: Place,
    /// The schema of the source.
    pub fingerprint: Fingerprint,
    /// SHA-256 of the policy.
    pub policy_hash: String,
    /// Epoch of the masking key.
    pub epoch: String,
    /// What tells two masking keys apart, and nothing else about them.
    pub key: String,
    /// Schemas that expressions of the policy are read in.
    pub search_path: Vec<String>,
    /// Version of this program: another one may mask otherwise.
    pub version: String,
    /// Tables that hold rows, by name.
    pub tables: Vec<TableCopy>,
    /// What the subset begins with, when not all rows are carried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<SubsetRules>,
    /// What happens to large objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_objects: Option<LargeObjects>,
    /// What is not carried, in words.
    pub left_out: Vec<String>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TableCopy {
    /// Its name.
    pub name: QualifiedName,
    /// Which rows.
    pub rows: Rows,
    /// How they travel.
    pub wire: Wire,
    /// Columns that store a value, in their physical order.
    pub columns: Vec<ColumnCopy>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnCopy {
    /// Its name.
    pub name: Ident,
    /// Its type, as `format_type` has it.
    pub data_type: String,
    /// Where its values come from.
    pub take: Take,
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// From the source as they are.
    Kept,
    /// Nowhere: null. The source does not even read them.
    Null,
    /// From an expression that the source computes.
    Computed(String),
    /// From the source, replaced on the way.
    Masked,
}

impl TableCopy {
    /// Whether the source runs expressions of the policy.
    #[must_use]
    pub fn runs_expressions(&self) -> bool {
        let computed = |column: &ColumnCopy| matches!(column.take, Take::Computed(_));
        matches!(self.rows, Rows::Where(_)) || self.columns.iter().any(computed)
    }

    /// Number of columns whose values change.
    #[must_use]
    pub fn masked(&self) -> usize {
        let changes = |column: &&ColumnCopy| column.take != Take::Kept;
        self.columns.iter().filter(changes).count()
    }
}

/// What a plan is made for.
#[derive(Debug, Clone)]
pub struct Aims {
    /// Where from.
    pub source: Place,
    /// What is replaced.
    pub target: Place,
    /// What tells two masking keys apart.
    pub key: String,
    /// Schemas that expressions of the policy are read in.
    pub search_path: Vec<String>,
}

impl CopyPlan {
    /// Resolves the policy's plan against the catalog. Every table and every column must be in it.
    ///
    /// # Errors
    /// [`Kind::MaskUnclassified`] for what is not; [`Kind::MaskRule`] for a mask on a table whose
    /// rows cannot travel in binary form.
    pub fn make(aims: Aims, catalog: &Catalog, types: &Types, masks: &MaskPlan) -> Result<Self> {
        let mut tables = Vec::new();
        let mut missing = Vec::new();
        for table in catalog.tables.values().filter(|table| table.stores_rows()) {
            match masks.table(&table.name) {
                Some(plan) => tables.push(resolve(table, plan, types, &mut missing)?),
                None => missing.push(table.name.plain()),
            }
        }
        if !missing.is_empty() {
            let message = format!("{} columns or tables have no masking rule", missing.len());
            let error = Error::new(Kind::MaskUnclassified, message);
            return Err(missing.into_iter().fold(error, Error::detail));
        }
        if tables.is_empty() {
            let (source, target) = (&aims.source, &aims.target);
            let message = format!(
                "{} has no tables: its database {} is empty",
                source.environment, source.database
            );
            return Err(Error::new(Kind::CopyRefused, message).hint(format!(
                "a copy of it would put an empty database in the place of {}; is its url the right one?",
                target.environment
            )));
        }
        Ok(Self {
            source: aims.source,
            target: aims.target,
            fingerprint: catalog.fingerprint(),
            policy_hash: masks.policy_hash.clone(),
            epoch: masks.epoch.clone(),
            key: aims.key,
            search_path: aims.search_path,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            tables,
            rules: masks.subset.clone(),
            large_objects: masks.large_objects.clone(),
            left_out: left_out(catalog),
        })
    }

    /// SHA-256 over all of it, in hexadecimal digits.
    ///
    /// # Errors
    /// None in practice.
    pub fn hash(&self) -> Result<String> {
        let text = serde_json::to_vec(self)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        Ok(hex::encode(Sha256::digest(text)))
    }

    /// The copy of one table.
    #[must_use]
    pub fn table(&self, name: &QualifiedName) -> Option<&TableCopy> {
        self.tables.iter().find(|table| table.name == *name)
    }
}

fn resolve(
    table: &Table,
    plan: &TablePlan,
    types: &Types,
    missing: &mut Vec<String>,
) -> Result<TableCopy> {
    let mut columns = Vec::new();
    let mut wire = Wire::Binary;
    for column in table.columns.iter().filter(|c| c.generated.is_none()) {
        let Some(rule) = plan.columns.iter().find(|rule| rule.column == column.name) else {
            missing.push(format!("{}.{}", table.name.plain(), column.name.as_str()));
            continue;
        };
        let take = match &rule.rule.mask {
            Mask::Keep => Take::Kept,
            Mask::Null => null(table, column)?,
            Mask::Sql { expression } => Take::Computed(expression.clone()),
            _ => Take::Masked,
        };
        if take != Take::Null && types.wire(column.type_oid) == Wire::Text {
            wire = Wire::Text;
        }
        columns.push(ColumnCopy {
            name: column.name.clone(),
            data_type: column.data_type.clone(),
            take,
        });
    }
    if let (Wire::Text, Some(column)) = (wire, columns.iter().find(|c| c.take == Take::Masked)) {
        return Err(Error::new(
            Kind::MaskRule,
            format!(
                "{}.{}: another column of this table has no portable binary form, so that its rows travel as text",
                table.name.plain(),
                column.name.as_str()
            ),
        )
        .hint("use `null` or an SQL expression for the masked columns of this table"));
    }
    Ok(TableCopy {
        name: table.name.clone(),
        rows: plan.rows.clone(),
        wire,
        columns,
    })
}

fn null(table: &Table, column: &Column) -> Result<Take> {
    if column.not_null {
        return Err(Error::new(
            Kind::MaskRule,
            format!(
                "{}.{} is NOT NULL, and its rule is null",
                table.name.plain(),
                column.name.as_str()
            ),
        ));
    }
    Ok(Take::Null)
}

/// What the copy of a schema leaves behind on purpose.
fn left_out(catalog: &Catalog) -> Vec<String> {
    let foreign = catalog
        .tables
        .values()
        .filter(|table| !table.stores_rows() && !table.is_partitioned())
        .map(|table| format!("foreign table {}", table.name.plain()));
    let publications = catalog
        .publications
        .iter()
        .map(|publication| format!("publication {}", publication.name.as_str()));
    let triggers = catalog
        .event_triggers
        .iter()
        .map(|trigger| format!("event trigger {}", trigger.name.as_str()));
    let fixed = ["comments, foreign servers and user mappings, subscriptions, security labels"];
    foreign
        .chain(publications)
        .chain(triggers)
        .chain(fixed.map(str::to_owned))
        .collect()
}
