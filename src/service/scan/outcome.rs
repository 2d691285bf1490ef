//! What a scan found.

use serde::Serialize;

use crate::masking::Class;
use crate::masking::classifier::Finding;

/// Everything that a scan tells. Holds counts and shapes, never a value.
#[derive(Debug, Serialize)]
pub struct Scan {
    /// Every column of every table, in the order of names and columns; partitions are told by
    /// their parent.
    pub columns: Vec<ScannedColumn>,
    /// Tables, partitions not counted.
    pub tables: usize,
    /// Rows that were looked at.
    pub rows_sampled: u64,
    /// What was judged by its name alone, and why.
    pub not_sampled: Vec<Unsampled>,
    /// The policy that the findings suggest.
    #[serde(skip)]
    pub draft: String,
}

/// One column.
#[derive(Debug, Serialize)]
pub struct ScannedColumn {
    /// Its table, as people write it.
    pub table: String,
    /// Its name.
    pub column: String,
    /// Its type.
    pub data_type: String,
    /// What kind of personal data it holds; `None` when nothing points to any.
    pub class: Option<Class>,
    /// How likely the class is; 0 without one.
    pub confidence: f64,
    /// Why, in words.
    pub reason: String,
    /// Values that were looked at, nulls left out; `None` when it was not sampled.
    pub sampled_values: Option<u32>,
    /// Personal paths inside documents.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub paths: Vec<PathFinding>,
}

/// A personal path inside a document.
#[derive(Debug, Serialize)]
pub struct PathFinding {
    /// `$.address.city`
    pub path: String,
    /// What was found there.
    #[serde(flatten)]
    pub finding: Finding,
}

/// Columns that were judged by their names alone.
#[derive(Debug, Serialize)]
pub struct Unsampled {
    /// Their table.
    pub table: String,
    /// Their names; empty for all of the table.
    pub columns: Vec<String>,
    /// Why.
    pub reason: String,
}
