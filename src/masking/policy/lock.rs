//! `mask.lock`: a policy and a catalog, frozen. It lies in the repository beside the rules, so that
//! a change of what a copy masks is seen in review.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::decide::Decider;
use crate::catalog::Catalog;
use crate::error::{Error, Kind, Result};
use crate::masking::{Class, MaskPlan, Rows, Rule};

/// Name of the file.
pub const LOCK_FILE: &str = "mask.lock";

/// A plan as it was when somebody locked it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Version of the format: 1.
    pub version: u32,
    /// [`MaskPlan::policy_hash`].
    pub policy: String,
    /// SHA-256 over tables, columns, types and foreign keys, in hexadecimal: what the plan rests
    /// on. Owners, grants and indexes are not part of it, so that one lock holds in every
    /// environment.
    pub catalog: String,
    /// The tables by name.
    pub tables: BTreeMap<String, LockedTable>,
}

/// A table in a [`Lock`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedTable {
    /// Which rows are carried.
    pub rows: Rows,
    /// The columns by name.
    pub columns: BTreeMap<String, LockedColumn>,
}

/// A column in a [`Lock`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedColumn {
    /// Its type.
    #[serde(rename = "type")]
    pub data_type: String,
    /// What replaces its values.
    pub rule: Rule,
    /// What kind of personal data it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
    /// Columns that it refers to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<String>,
}

impl Lock {
    /// Freezes a plan that was made for `catalog`.
    #[must_use]
    pub fn of(plan: &MaskPlan, catalog: &Catalog) -> Self {
        let mut tables = BTreeMap::new();
        let mut digest = Sha256::new();
        for planned in &plan.tables {
            let name = planned.name.plain();
            let table = catalog.table(&planned.name);
            let mut columns = BTreeMap::new();
            for column in &planned.columns {
                let found = table.and_then(|table| {
                    let found = table.column(column.column.as_str())?;
                    let keys = Decider::referenced(catalog, table, &column.column);
                    let title = |side: &(&crate::catalog::Table, &crate::catalog::Column)| {
                        format!("{}.{}", side.0.name.plain(), side.1.name.as_str())
                    };
                    Some((found.data_type.clone(), keys.iter().map(title).collect()))
                });
                let (data_type, references): (String, Vec<String>) = found.unwrap_or_default();
                let parts = [name.as_str(), column.column.as_str(), data_type.as_str()];
                for text in parts
                    .into_iter()
                    .chain(references.iter().map(String::as_str))
                {
                    digest.update((text.len() as u64).to_be_bytes());
                    digest.update(text);
                }
                digest.update([references.len() as u8]);
                columns.insert(
                    column.column.as_str().to_owned(),
                    LockedColumn {
                        data_type,
                        rule: column.rule.clone(),
                        class: column.class,
                        references,
                    },
                );
            }
            let rows = planned.rows.clone();
            tables.insert(name, LockedTable { rows, columns });
        }
        Self {
            version: 1,
            policy: plan.policy_hash.clone(),
            catalog: hex::encode(digest.finalize()),
            tables,
        }
    }

    /// Reads the file.
    ///
    /// # Errors
    /// [`Kind::MaskSyntax`] when it is no lock of version 1.
    pub fn parse(text: &str) -> Result<Self> {
        let wrong = |message: String| {
            Error::new(Kind::MaskSyntax, format!("{LOCK_FILE}: {message}"))
                .hint("write it anew with `tidegate mask lock`")
        };
        let lock: Self = serde_json::from_str(text).map_err(|error| wrong(error.to_string()))?;
        if lock.version != 1 {
            return Err(wrong(format!("version {}", lock.version)));
        }
        Ok(lock)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// None in practice.
    pub fn text(&self) -> Result<String> {
        serde_json::to_string_pretty(self)
            .map(|text| text + "\n")
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))
    }

    /// What is different now, in words; empty when nothing is.
    #[must_use]
    pub fn drift(&self, now: &Self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, table) in &self.tables {
            match now.tables.get(name) {
                None => found.push(format!("table {name} is gone")),
                Some(other) => table.drift(name, other, &mut found),
            }
        }
        let new = now
            .tables
            .keys()
            .filter(|name| !self.tables.contains_key(*name));
        found.extend(new.map(|name| format!("table {name} is new")));
        if found.is_empty() && self.policy != now.policy {
            found.push("the text of the policy or of a pack changed, its rules did not".to_owned());
        }
        if found.is_empty() && self.catalog != now.catalog {
            found.push("the order of columns changed".to_owned());
        }
        found
    }
}

impl LockedTable {
    fn drift(&self, name: &str, now: &Self, found: &mut Vec<String>) {
        if self.rows != now.rows {
            found.push(format!("other rows of {name} are carried"));
        }
        for (column, was) in &self.columns {
            let title = format!("{name}.{column}");
            let Some(is) = now.columns.get(column) else {
                found.push(format!("column {title} is gone"));
                continue;
            };
            if was.data_type != is.data_type {
                found.push(format!(
                    "{title} was {}, is {}",
                    was.data_type, is.data_type
                ));
            }
            if was.references != is.references {
                found.push(format!("{title} has other foreign keys"));
            }
            if was.rule != is.rule {
                let mask = |rule: &Rule| rule.name();
                found.push(format!(
                    "{title}: another rule ({}, was {})",
                    mask(&is.rule),
                    mask(&was.rule)
                ));
            } else if was.class != is.class {
                found.push(format!("{title}: another class"));
            }
        }
        let new = now
            .columns
            .keys()
            .filter(|column| !self.columns.contains_key(*column));
        found.extend(new.map(|column| format!("column {name}.{column} is new")));
    }
}
