//! What a run asks for, and what is in the database already.

use std::collections::BTreeMap;

use crate::generate::source::Source;
use crate::sql::{Ident, QualifiedName};

/// What the command line asks for; it wins over the spec.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Options {
    /// Where all random numbers come from; 0 when neither this nor the spec says.
    pub seed: Option<u64>,
    /// Rows of each table.
    pub rows: Option<u64>,
    /// Factor of all numbers of rows, more than 0.
    pub scale: Option<f64>,
    /// Tables to seed, as a person writes them; all when empty.
    pub tables: Vec<String>,
    /// Now, in microseconds since 2000-01-01 UTC: dates are made around it.
    pub today: i64,
    /// Whether rows are added to what earlier runs wrote.
    pub extend: bool,
    /// Scenario of the spec whose rows come first.
    pub scenario: Option<String>,
    /// Where tables are looked for that are named without a schema.
    pub search_path: Vec<String>,
}

/// What the tables hold before the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Standing {
    /// By table; a table that is not here is empty.
    pub tables: BTreeMap<QualifiedName, StandingTable>,
}

/// What one table holds before the run.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct StandingTable {
    /// Rows in it, whoever wrote them.
    pub rows: u64,
    /// Rows that earlier runs with the same seed and spec wrote: the first new one has this number.
    /// None when fewer are there than they wrote.
    pub seeded: u64,
    /// Rows that they wrote, there or not.
    pub written: u64,
    /// Whether any run wrote rows into it, with whatever seed.
    pub ours: bool,
    /// Greatest value of whole-number columns, where it was read.
    pub highest: BTreeMap<Ident, i64>,
    /// What the columns were made from by the latest of these runs, for those made by a template; only
    /// read when rows are added.
    pub templates: BTreeMap<Ident, Source>,
    /// Rows in which all of some columns are not null, for columns that foreign keys refer to and that
    /// may be null.
    pub present: BTreeMap<Vec<Ident>, u64>,
}
