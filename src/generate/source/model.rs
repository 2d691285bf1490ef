//! A source of values, and what makes them.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::{Agreed, Locale, Piece, Season, Topic, Weighted};
use super::{
    agreed, choice, native, nested, network, number, pattern, ranked, realistic, reference,
    seasonal, slot, temporal, text, token,
};
use crate::error::{Error, Kind, Result};
use crate::generate::distribution::Distribution;
use crate::generate::document::{Shape, document};
use crate::generate::pg_type::PgType;
use crate::generate::stream::{Stream, StreamKey};
use crate::generate::value::Value;

/// Where the values of a column come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// `start + step * number of the row`: the natural key.
    Serial {
        /// Value of row 0.
        start: i64,
        /// From row to row, not 0.
        step: i64,
    },
    /// Whole numbers.
    Whole {
        /// Least, included.
        min: i64,
        /// Greatest, included.
        max: i64,
        /// How they are spread.
        spread: Distribution,
    },
    /// Decimal numbers, and floats.
    Decimal {
        /// Least, included.
        min: f64,
        /// Greatest, included.
        max: f64,
        /// Digits behind the point.
        scale: u16,
        /// How they are spread.
        spread: Distribution,
    },
    /// Truth values.
    Bool {
        /// Share of true, 0 to 1.
        share: f64,
    },
    /// One of some values, each given as its type's text.
    Choice(Vec<Weighted>),
    /// One of some values, by the value of another column of the row.
    Given {
        /// The other column.
        column: usize,
        /// By its text.
        cases: Vec<(String, Vec<Weighted>)>,
        /// For all other values, and null.
        otherwise: Vec<Weighted>,
    },
    /// Values of a source that go up and down with those of other columns.
    Ranked {
        /// Columns of a table that say the same here go together.
        on: String,
        /// Weights of the independent normal numbers that they have in common.
        weights: Vec<f64>,
        /// Where the values come from: greater ones from greater numbers of its stream.
        of: Box<Source>,
    },
    /// Dates and times between two, in microseconds since 2000-01-01 (`time`: since midnight).
    Temporal {
        /// First, included.
        from: i64,
        /// Last, included.
        to: i64,
        /// Values are multiples of it, more than 0: a day, a second, a microsecond.
        step: i64,
    },
    /// Dates and times between two that come by season, in microseconds since 2000-01-01 (`time`: since
    /// midnight).
    Seasonal {
        /// First, included.
        from: i64,
        /// Last, included.
        to: i64,
        /// Values are multiples of it from the first, more than 0.
        step: i64,
        /// How often they come.
        season: Season,
    },
    /// Dates and times of a distribution over days since 2000-01-01 (`time`: since midnight).
    Moments {
        /// How they are spread.
        days: Distribution,
    },
    /// A time after another: that of a column of this row, or of a row referred to.
    After {
        /// The pick of the referred row; `None` for this row.
        pick: Option<usize>,
        /// Its column, an index into its table's columns.
        column: usize,
        /// Least distance in microseconds.
        least: i64,
        /// Greatest distance in microseconds.
        most: i64,
    },
    /// Ranges that do not meet, one after another.
    Slot {
        /// Where the first begins: a number, a day or a microsecond since 2000-01-01.
        from: i64,
        /// From the beginning of one to that of the next, more than 0.
        every: i64,
        /// How many there are.
        count: u64,
    },
    /// Random identifiers of version 4.
    Uuid,
    /// Letters and digits.
    Token {
        /// Characters.
        length: u32,
        /// What they are taken from; ASCII.
        alphabet: String,
    },
    /// Random bytes.
    Bytes {
        /// Least length.
        min: u32,
        /// Greatest length.
        max: u32,
    },
    /// Words without a meaning.
    Prose {
        /// Least number of characters.
        min: u32,
        /// Greatest number of characters.
        max: u32,
    },
    /// Texts of a topic, as people and machines write them.
    Known {
        /// What they are.
        topic: Topic,
        /// Whose.
        locale: Locale,
    },
    /// Part of a person or a place, whose other parts are in other columns.
    Agreed {
        /// Columns of a table that say the same here agree.
        on: String,
        /// Which part.
        what: Agreed,
        /// Whose names, and where.
        locale: Locale,
    },
    /// Texts made from other text columns of the row.
    Template {
        /// The parts in their order.
        pieces: Vec<Piece>,
        /// How many numbers [`Piece::Number`] has.
        numbers: u64,
    },
    /// What the type itself calls for: addresses, documents, shapes, bits.
    Native,
    /// Networks of a range, as `inet` and `cidr` spell them.
    Network {
        /// An address of the first.
        first: IpAddr,
        /// An address of the last.
        last: IpAddr,
        /// Bits of each; those of an address for single addresses.
        prefix: u8,
    },
    /// JSON documents.
    Document(Shape),
    /// Arrays.
    Array {
        /// Where elements come from.
        element: Box<Source>,
        /// Least number of elements.
        min: u32,
        /// Greatest number of elements.
        max: u32,
    },
    /// Ranges, and multiranges of one.
    Range {
        /// Where lower bounds come from.
        lower: Box<Source>,
        /// Least distance of the upper bound: a number, days or microseconds; more than 0.
        least: i64,
        /// Greatest distance of the upper bound.
        most: i64,
    },
    /// Composites: a source for each attribute.
    Composite(Vec<Source>),
    /// Strings that a regular expression matches, in the syntax of the crate `regex`.
    Pattern {
        /// The expression.
        regex: String,
        /// Whether letter case does not matter.
        fold: bool,
    },
    /// The key of the row that a pick chose.
    Reference {
        /// Index into the table's picks.
        pick: usize,
        /// The parent's column: an index into its plan's columns, or into the existing key's.
        column: usize,
    },
    /// Texts in one letter case; the n-th of what they are made of differ in more than their case.
    Cased {
        /// What they are made of.
        of: Box<Source>,
        /// Upper case; lower case otherwise.
        upper: bool,
    },
    /// Always the same, given as the type's text.
    Constant(String),
    /// Always null.
    Null,
}

/// What a maker may look at beside its own stream.
pub trait RowView {
    /// Number of the row.
    fn number(&self) -> u64;
    /// The value of a column of this row that was made before; null when it was not.
    fn column(&self, column: usize) -> &Value;
    /// The value of a column of the row that a pick chose; null when it chose none.
    fn parent(&self, pick: usize, column: usize) -> Value;
}

/// A source compiled for one column.
pub trait Make: Send + Sync + std::fmt::Debug {
    /// How many distinct values [`Make::nth`] gives; `None` when there is one for each number.
    fn size(&self) -> Option<u64>;

    /// A value at random.
    fn draw(&self, stream: &mut Stream, row: &dyn RowView) -> Value;

    /// The value number `index`; those of different numbers below [`Make::size`] differ.
    fn nth(&self, index: u64, row: &dyn RowView) -> Value;

    /// Columns of this row that must be made before.
    fn needs(&self) -> Vec<usize> {
        Vec::new()
    }
}

impl Source {
    /// The name of the stream that columns share; `None` for a column that draws from its own.
    #[must_use]
    pub fn shared(&self) -> Option<&str> {
        match self {
            Self::Agreed { on, .. } | Self::Ranked { on, .. } => Some(on),
            _ => None,
        }
    }

    /// Prepares the source for a column of type `kind`; `key` is the column's own.
    ///
    /// # Errors
    /// [`Kind::SeedPlan`] when the source does not fit the type, or its parameters make no sense.
    pub fn compile(&self, kind: &PgType, key: StreamKey) -> Result<Box<dyn Make>> {
        let made: Option<Box<dyn Make>> = match self {
            Self::Serial { start, step } => number::serial(*start, *step, kind),
            Self::Whole { min, max, spread } => number::whole(*min, *max, spread, kind),
            Self::Decimal {
                min,
                max,
                scale,
                spread,
            } => number::decimal((*min, *max), *scale, spread, kind),
            Self::Bool { share } => choice::boolean(*share, kind),
            Self::Choice(values) => choice::choice(values, kind),
            Self::Given {
                column,
                cases,
                otherwise,
            } => choice::given(*column, cases, otherwise, kind),
            Self::Ranked { weights, of, .. } => ranked::ranked(weights, of.compile(kind, key)?),
            Self::Constant(text) => choice::constant(Some(text), kind),
            Self::Null => choice::constant(None, kind),
            Self::Temporal { from, to, step } => temporal::between(*from, *to, *step, kind),
            Self::Seasonal {
                from,
                to,
                step,
                season,
            } => seasonal::seasonal((*from, *to), *step, season, kind),
            Self::Moments { days } => temporal::moments(days, kind),
            Self::After {
                pick,
                column,
                least,
                most,
            } => temporal::after((*pick, *column), *least, *most, kind),
            Self::Slot { from, every, count } => slot::slot(*from, *every, *count, key, kind),
            Self::Uuid => token::uuid(key, kind),
            Self::Token { length, alphabet } => token::token(*length, alphabet, key, kind),
            Self::Bytes { min, max } => token::bytes(*min, *max, key, kind),
            Self::Prose { min, max } => text::prose(*min, *max, key, kind),
            Self::Known { topic, locale } => realistic::known(*topic, *locale, key, kind),
            Self::Agreed { what, locale, .. } => agreed::agreed(what, *locale, kind),
            Self::Template { pieces, numbers } => realistic::template(pieces, *numbers, kind),
            Self::Native => native::native(key, kind),
            Self::Network {
                first,
                last,
                prefix,
            } => network::network((*first, *last), *prefix, key, kind),
            Self::Document(shape) => document(shape, key, kind)?,
            Self::Array { element, min, max } => nested::array(element, (*min, *max), key, kind)?,
            Self::Range { lower, least, most } => nested::range(lower, (*least, *most), key, kind)?,
            Self::Composite(sources) => nested::composite(sources, key, kind)?,
            Self::Pattern { regex, fold } => pattern::pattern(regex, *fold, key, kind),
            Self::Cased { of, upper } => Some(text::cased(of.compile(kind, key)?, *upper)),
            Self::Reference { pick, column } => Some(reference::reference(*pick, *column)),
        };
        made.ok_or_else(|| {
            let why = match self {
                Self::Pattern { regex, .. } => format!(
                    "no text of the column's type can be made of the regular expression {regex}"
                ),
                other => {
                    let all = format!("{other:?}").to_lowercase();
                    let name = all.split(|c: char| !c.is_alphanumeric()).next();
                    let name = name.unwrap_or_default();
                    format!("the generator \"{name}\" does not fit the type of the column")
                }
            };
            Error::new(Kind::SeedPlan, why)
        })
    }
}
