//! Expressions over the columns of one row.

use std::sync::OnceLock;

use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

use crate::generate::value::Value;

/// SQL's three truth values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Truth {
    /// True.
    True,
    /// False.
    False,
    /// Null; a CHECK takes it as fulfilled.
    Unknown,
}

/// An operator that compares two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Comparison {
    /// `=`
    Equal,
    /// `<>`
    NotEqual,
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    Greater,
    /// `>=`
    AtLeast,
}

impl Comparison {
    /// The comparison with its sides exchanged.
    #[must_use]
    pub fn turned(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::AtMost => Self::AtLeast,
            Self::Greater => Self::Less,
            Self::AtLeast => Self::AtMost,
            same => same,
        }
    }
}

/// An operator of arithmetic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
    /// `%`
    Remainder,
}

/// A function of PostgreSQL that is evaluated here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Function {
    /// `length` of a text, `char_length`.
    Length,
    /// `octet_length`, and `length` of `bytea`.
    Bytes,
    /// `lower`; beyond ASCII by Unicode, where a collation may differ.
    Lower,
    /// `upper`, likewise.
    Upper,
    /// `btrim` of spaces.
    Trim,
    /// `||` of texts.
    Concat,
    /// `coalesce`
    Coalesce,
    /// `num_nonnulls`
    NonNulls,
    /// `num_nulls`
    Nulls,
    /// `abs`
    Abs,
    /// `cardinality`: 0 for the empty array.
    Cardinality,
    /// `array_length(x, 1)`: null for the empty array.
    ArrayLength,
    /// `jsonb_typeof`, `json_typeof`
    JsonType,
    /// `extract(year from x)`
    Year,
    /// `extract(month from x)`
    Month,
    /// A result that must fit `smallint`: else PostgreSQL reports an overflow.
    Int2,
    /// A result that must fit `integer`.
    Int4,
}

/// A regular expression in the form of the crate `regex`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pattern {
    /// Its text.
    pub regex: String,
    /// Whether letter case does not matter.
    pub fold: bool,
    #[serde(skip)]
    compiled: OnceLock<Option<Regex>>,
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        (&self.regex, self.fold) == (&other.regex, other.fold)
    }
}

impl Pattern {
    /// A pattern; `None` when the text is no regular expression.
    #[must_use]
    pub fn new(regex: String, fold: bool) -> Option<Self> {
        let pattern = Self {
            regex,
            fold,
            compiled: OnceLock::new(),
        };
        pattern.compiled()?;
        Some(pattern)
    }

    fn compiled(&self) -> Option<&Regex> {
        self.compiled
            .get_or_init(|| {
                RegexBuilder::new(&self.regex)
                    .case_insensitive(self.fold)
                    .build()
                    .ok()
            })
            .as_ref()
    }

    /// Whether `text` matches; `None` when the pattern was damaged in storage.
    #[must_use]
    pub fn matches(&self, text: &str) -> Option<bool> {
        Some(self.compiled()?.is_match(text))
    }
}

/// An expression over a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expression {
    /// A column, as an index into the table's plan.
    Column(usize),
    /// A constant.
    Constant(Value),
    /// `AND`
    And(Vec<Expression>),
    /// `OR`
    Or(Vec<Expression>),
    /// `NOT`
    Not(Box<Expression>),
    /// `IS NULL`
    IsNull(Box<Expression>),
    /// `IS TRUE`, `IS FALSE`
    Is(Box<Expression>, bool),
    /// A comparison.
    Compare(Comparison, Box<Expression>, Box<Expression>),
    /// `IS DISTINCT FROM`
    Distinct(Box<Expression>, Box<Expression>),
    /// `x op ANY (ARRAY[...])`, `IN`; `true`: `op ALL`.
    Among(Comparison, Box<Expression>, Vec<Expression>, bool),
    /// Arithmetic of numbers, and of dates with days and intervals.
    Arithmetic(Operator, Box<Expression>, Box<Expression>),
    /// `~`, `~*`, `LIKE`, `ILIKE`
    Matches(Box<Expression>, Pattern),
    /// A function.
    Call(Function, Vec<Expression>),
    /// `CASE WHEN condition THEN value ... ELSE value END`
    Case(Vec<(Expression, Expression)>, Box<Expression>),
}
