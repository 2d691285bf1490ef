//! What a seeding will write, as a value: decided before the first row, shown, hashed, and the only
//! thing that the generator reads.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::condition::Condition;
use super::distribution::Distribution;
use super::pg_type::PgType;
use super::source::Source;
use crate::error::{Error, Kind, Place, Result};
use crate::sql::{Ident, QualifiedName};

/// The plan of one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SeedPlan {
    /// Version of this format and of the generators: a seed gives the same rows within one version.
    pub version: u32,
    /// Where all random numbers come from.
    pub seed: u64,
    /// The database it was made for.
    pub database: String,
    /// Fingerprint of its schema.
    pub fingerprint: String,
    /// Tables, parents before children as far as cycles allow.
    pub tables: Vec<TablePlan>,
    /// Conditions that are not understood here: the server is asked, on a sample before the run and of
    /// every row during it.
    pub asks: Vec<Ask>,
    /// What a person should know before the run.
    pub notes: Vec<String>,
}

/// The rows of one table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TablePlan {
    /// The table; a partitioned one takes the rows of its partitions.
    pub name: QualifiedName,
    /// Number of its first new row; more than 0 when rows are added to an earlier run's.
    pub first: u64,
    /// Rows to write.
    pub rows: u64,
    /// Mixed-radix counters that unique keys are read from.
    pub groups: Vec<Group>,
    /// Which rows of other tables, or of this one, a row refers to.
    pub picks: Vec<Pick>,
    /// Columns that are written, in the table's order; others take their default.
    pub columns: Vec<ColumnPlan>,
    /// What each row must satisfy beside what its sources guarantee; a row that does not is drawn
    /// again.
    pub conditions: Vec<Condition>,
    /// Its first rows, as far as a person wrote them: values as text, by index of the column. All
    /// other columns of these rows are made as those of other rows.
    pub fixed: Vec<BTreeMap<usize, Option<String>>>,
    /// Where each of these rows is written; only while the spec is at hand.
    #[serde(skip)]
    pub places: Vec<Place>,
    /// Columns that the server computes from the written ones while they are loaded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub derived: Vec<Derived>,
}

/// A column that the server computes from others of its row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Derived {
    /// The column.
    pub name: Ident,
    /// Its type as `format_type` names it under `search_path = pg_catalog`.
    pub data_type: String,
    /// An immutable expression over the columns of [`TablePlan::columns`], as a person wrote it.
    pub expression: String,
    /// Where it is written; only while the spec is at hand.
    #[serde(skip)]
    pub place: Option<Place>,
}

/// A condition that only the server can evaluate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Index into [`SeedPlan::tables`].
    pub table: usize,
    /// The constraint.
    pub constraint: String,
    /// The condition as the catalog writes it; of a domain's it speaks of `VALUE`.
    pub expression: String,
    /// The column of a domain's condition.
    pub column: Option<Ident>,
    /// Whether it is that some partition takes the row; the server knows the expression.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partitions: bool,
    /// Columns that are drawn again when a row does not fulfil it, as indexes into the table's plan,
    /// those that are made from them included. Keys, columns that are unique, and what other tables
    /// read stay as they are.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redraw: Vec<usize>,
}

/// A counter over all combinations of its digits, walked in a keyed order: no two rows below
/// `bound` get the same combination.
///
/// Row `n` takes the counter in place `n`. When the row is drawn again because of a condition, try
/// `k` takes the one in place `n + k * stride`, so that rows never take each other's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The constraints it serves, by name.
    pub serves: Vec<String>,
    /// Number of combinations: the product of its digits' moduli.
    pub bound: u64,
    /// Places between two tries of a row, at least the table's rows; 0 when a row keeps its first.
    pub stride: u64,
    /// Whether the counter is the place itself, not shuffled: its lowest digit is that of a
    /// [`How::Spread`].
    pub ordered: bool,
}

/// How a choice is made for a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Take {
    /// At random, from the row's own stream.
    Draw,
    /// The digit of a group's counter: `(counter / divide) % modulo`.
    Digit {
        /// Index into [`TablePlan::groups`].
        group: usize,
        /// Product of the moduli of the lower digits.
        divide: u64,
        /// Values of this digit.
        modulo: u64,
    },
    /// The place among the children of the same parent, from 0: for keys such as a line number.
    Sibling {
        /// Index into the table's picks; a [`How::Per`], [`How::Tree`] or [`How::Dealt`].
        pick: usize,
    },
    /// A digit of the place among the rows of the same tenant, for keys over rows of the tenant: no two
    /// rows of a tenant take the same of all.
    Among {
        /// Index into the table's picks; a [`How::Dealt`].
        pick: usize,
        /// The pick that takes the lower digit; `None` for that one.
        after: Option<usize>,
    },
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ColumnPlan {
    /// Its name.
    pub name: Ident,
    /// What it holds.
    pub kind: PgType,
    /// Where its values come from.
    pub source: Source,
    /// How one of them is chosen.
    pub take: Take,
    /// Share of rows where it is null, 0 to 1; 0 for values taken by a digit.
    pub nulls: f64,
    /// Why this source, in words: `named like an e-mail address`, `check "price_positive"`.
    pub reason: String,
}

/// A foreign key, or a declared reference: the row of the parent that a row refers to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pick {
    /// The constraints it serves, by name.
    pub serves: Vec<String>,
    /// Where the parent's keys come from.
    pub parent: Parent,
    /// How its row is chosen.
    pub how: How,
    /// Share of rows that refer to none, 0 to 1.
    pub nulls: f64,
}

/// Rows that are referred to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parent {
    /// Rows that this plan writes, and those that earlier runs of it wrote: index into
    /// [`SeedPlan::tables`], and how many there are in all.
    Planned {
        /// The table.
        table: usize,
        /// Its rows, from number 0.
        rows: u64,
    },
    /// Keys that are in the database already, read before the run in their order.
    Existing {
        /// The table.
        table: QualifiedName,
        /// The referenced columns.
        columns: Vec<Ident>,
        /// How many keys there are; at most as many as a run keeps in memory.
        rows: u64,
    },
}

/// How the referenced row is chosen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// At random, by a distribution over the parent's rows in a keyed order.
    Draw(Distribution),
    /// By a digit, for keys that are unique.
    Take(Take),
    /// Each parent has a number of children of its own, next to each other.
    Per(Distribution),
    /// Spread evenly in a keyed order, so that the children of a parent are known: child `n` belongs
    /// to parent `n % rows`.
    Spread,
    /// A row of the same parent as pick `pick` of this row: for keys that share a column, such as a
    /// tenant. The parent's own pick `through` must be [`How::Spread`] or [`How::Dealt`].
    Within {
        /// Index into this table's picks.
        pick: usize,
        /// Index into the parent table's picks.
        through: usize,
        /// Which of those rows.
        take: Take,
    },
    /// A row before this one, for references of a table to itself. The first refers to none, or to
    /// itself when it must.
    Earlier,
    /// Tenants by weight, the same in all tables: of a spec's `tenancy`.
    Dealt(Distribution),
    /// The tenant of the row that another pick of this table chooses.
    Of {
        /// Index into this table's picks.
        pick: usize,
        /// Index into the parent table's picks: its tenant.
        through: usize,
    },
    /// A row of the same tenant before this one, for references of a table to itself. A tenant's first
    /// row refers to none, or to itself when it must.
    EarlierOf {
        /// Index into the table's picks; a [`How::Dealt`].
        pick: usize,
    },
    /// A row of a level above, for references of a table to itself: rows are numbered level by level.
    Tree {
        /// Rows that begin a tree together, at least 1.
        roots: u64,
        /// Children of each row.
        children: Distribution,
        /// Levels below the roots, at most.
        depth: Option<u32>,
        /// Whether a root refers to itself, because it must refer to something.
        looped: bool,
        /// The pick of the tenant whose rows are trees of their own; a [`How::Dealt`].
        #[serde(default, skip_serializing_if = "Option::is_none")]
        of: Option<usize>,
    },
    /// The row itself, for references of a table to itself over columns that it shares with the key.
    Itself,
}

impl How {
    /// The digit by which a row is taken, and the other pick of the table whose row leads to it.
    pub(super) fn led(&self) -> (&Take, Option<usize>) {
        match self {
            Self::Take(take) => (take, None),
            Self::Within { pick, take, .. } => (take, Some(*pick)),
            Self::Of { pick, .. } | Self::EarlierOf { pick } => (&Take::Draw, Some(*pick)),
            Self::Tree { of, .. } => (&Take::Draw, *of),
            _ => (&Take::Draw, None),
        }
    }
}

impl SeedPlan {
    /// The version of the generators: changed whenever a seed would give other rows.
    pub const VERSION: u32 = 5;

    /// SHA-256 of the plan, in hex.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it cannot be serialized.
    pub fn hash(&self) -> Result<String> {
        let bytes = serde_json::to_vec(self)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        Ok(hex::encode(Sha256::digest(bytes)))
    }

    /// Rows of all tables.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.tables.iter().map(|table| table.rows).sum()
    }
}

impl TablePlan {
    /// The column of that name and its place.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(usize, &ColumnPlan)> {
        self.columns
            .iter()
            .enumerate()
            .find(|(_, column)| column.name.as_str() == name)
    }

    /// Whether its rows travel in COPY's binary format.
    #[must_use]
    pub fn is_binary(&self) -> bool {
        self.columns.iter().all(|column| column.kind.is_binary())
    }
}
