//! A spec as a value.

use std::collections::BTreeMap;

use crate::error::Place;
use crate::generate::distribution::Distribution;
use crate::generate::source::{Season, Weighted};

/// All files of a spec together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Spec {
    /// Where all random numbers come from.
    pub seed: Option<u64>,
    /// Factor of all numbers of rows, more than 0.
    pub scale: Option<f64>,
    /// Language and country of names and addresses, such as `de_DE`.
    pub locale: Option<String>,
    /// Whose rows the others are.
    pub tenancy: Option<TenancySpec>,
    /// By the name as it is written.
    pub tables: BTreeMap<String, TableSpec>,
    /// Rows written by hand, by the name of their scenario.
    pub scenarios: BTreeMap<String, Vec<FixedRow>>,
}

/// Tenants: tables whose rows belong to rows of one.
#[derive(Debug, Clone, PartialEq)]
pub struct TenancySpec {
    /// The table of tenants as it is written.
    pub table: String,
    /// Where it is written.
    pub place: Place,
    /// The column by which tables refer to their tenant, where there are several.
    pub column: Option<String>,
    /// Weights of tenants.
    pub volume: Distribution,
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
    /// Rows by parent.
    pub per: Option<PerParent>,
    /// Language and country, when they are not those of the spec.
    pub locale: Option<String>,
    /// By the column's name.
    pub columns: BTreeMap<String, ColumnSpec>,
    /// Whether its rows were measured and not asked for: what does not fit gives way.
    pub learned: bool,
}

/// So many rows for each row of a parent.
#[derive(Debug, Clone, PartialEq)]
pub struct PerParent {
    /// The parent as it is written.
    pub parent: String,
    /// Where it is written.
    pub place: Place,
    /// Rows for each.
    pub count: Distribution,
}

/// What a spec says of one column.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnSpec {
    /// Where it is written.
    pub place: Place,
    /// Where its values come from; `None` when that is inferred.
    pub rule: Option<ColumnRule>,
    /// Share of nulls, 0 to 1.
    pub nulls: Option<f64>,
    /// Language and country, when they are not those of the table.
    pub locale: Option<String>,
    /// Spearman's correlation of ranks with other columns of the table, by their names; -1 to 1.
    pub correlates: BTreeMap<String, f64>,
    /// Whether it was measured and not asked for: where it does not fit, the column is inferred.
    pub learned: bool,
}

impl ColumnSpec {
    /// Whether it says where values come from.
    #[must_use]
    pub fn has_rule(&self) -> bool {
        self.rule.is_some()
    }
}

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq)]
pub enum ColumnRule {
    /// One of these.
    Choice(Vec<Weighted>),
    /// Between two values of the column's type, as text, both included.
    Between(String, String),
    /// Times between two, as text, both included, that come by season.
    Season(String, String, Season),
    /// Numbers of a distribution, rounded to so many decimals; for a foreign key, which of the
    /// parent's rows.
    Distribution(Distribution, Option<u16>),
    /// Always the same, as text.
    Constant(String),
    /// Always null.
    Null,
    /// A time after that of another column: `column`, or `table.column` of a row referred to.
    After {
        /// The other column as it is written.
        of: String,
        /// Least distance, in microseconds.
        least: i64,
        /// Greatest distance, in microseconds.
        most: i64,
    },
    /// Text with places for values, such as `{first_name}@example.com`.
    Template(String),
    /// Texts that match a regular expression.
    Pattern(String),
    /// Counted.
    Serial {
        /// The first.
        start: i64,
        /// From row to row.
        step: i64,
    },
    /// What a column of that name would hold, such as `email`.
    Like(String),
    /// Addresses and networks inside of one, such as `10.0.0.0/8`.
    Network {
        /// The range as it is written.
        range: String,
        /// Bits of each network; `None` for addresses, or what is usual.
        prefix: Option<u8>,
    },
    /// Documents of the shape that a sample shows.
    Sample(serde_json::Value),
    /// Documents that a JSON Schema describes.
    Schema(serde_json::Value),
    /// Measured: numbers and times that go together with those of other columns.
    Ranked {
        /// Weights of the independent normal numbers that the table's columns have in common.
        weights: Vec<f64>,
        /// How each is spread.
        of: Box<ColumnRule>,
    },
    /// For a reference of a table to itself: which row is whose child.
    Tree(TreeRule),
    /// One of these, by the value of another column.
    Given {
        /// The other column.
        column: String,
        /// By its text.
        cases: Vec<(String, Vec<Weighted>)>,
        /// For all other values; empty when there are none.
        otherwise: Vec<Weighted>,
    },
    /// What the server makes of the row's other columns: an immutable expression over them.
    Sql(String),
}

/// The form of a table's trees.
#[derive(Debug, Clone, PartialEq)]
pub struct TreeRule {
    /// Rows that begin a tree together, at least 1.
    pub roots: u64,
    /// Children of each row.
    pub children: Distribution,
    /// Levels below the roots, at most.
    pub depth: Option<u32>,
}

/// A row written by hand.
#[derive(Debug, Clone, PartialEq)]
pub struct FixedRow {
    /// The table as it is written.
    pub table: String,
    /// Where it is written.
    pub place: Place,
    /// Values as text, `None` for null, by column.
    pub values: BTreeMap<String, Option<String>>,
}
