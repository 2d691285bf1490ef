//! A spec as a value.

use std::collections::BTreeMap;

use crate::error::Place;

/// All files of a spec together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spec {
    /// Where all random numbers come from.
    pub seed: Option<u64>,
    /// Factor of all numbers of rows.
    pub scale: Option<f64>,
    /// By the name as it is written.
    pub tables: BTreeMap<String, TableSpec>,
}

/// What a spec says of one table.
#[derive(Debug, Clone, PartialEq)]
pub struct TableSpec {
    /// The table as it is written.
    pub name: String,
    /// Where it is written.
    pub place: Place,
    /// Rows, before the scale.
    pub rows: Option<u64>,
}
