//! A profile as a value, and as a file.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::pairs::{GivenProfile, RankProfile};
use super::plans::PlanProfile;
use crate::error::{Error, Kind, Result};
use crate::generate::distribution::Bucket;

/// What is known of a database's rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    /// Version of the format.
    pub version: u32,
    /// How the numbers were protected.
    pub protection: Protection,
    /// By the table's plain name.
    pub tables: BTreeMap<String, TableProfile>,
    /// What the planner makes of joins by foreign keys, and of ranges of indexed columns.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub plans: Vec<PlanProfile>,
}

/// How the numbers of a profile were protected.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Protection {
    /// Rows that every bucket, category and shape has at least.
    pub min_group: u64,
    /// Scale of the Laplace noise on every count.
    pub noise: f64,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableProfile {
    /// Rows, with noise, rounded to three digits.
    pub rows: u64,
    /// By the column's name; a table with fewer rows than two groups has none.
    pub columns: BTreeMap<String, ColumnProfile>,
    /// Rows for each row of a parent, by the foreign key's name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub children: BTreeMap<String, ChildrenProfile>,
    /// Dates that follow others, by the later column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub follows: BTreeMap<String, GapProfile>,
    /// Numbers and times that go together.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ranks: Vec<RankProfile>,
    /// Categories that go by those of another column, by the later column.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub given: BTreeMap<String, GivenProfile>,
}

/// One column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ColumnProfile {
    /// Share of nulls, 0 to 1.
    pub nulls: f64,
    /// Distinct values as a share of those that are not null, 0 to 1.
    pub distinct: f64,
    /// What kind of personal data it holds, as `mask scan` or the policy says: then no value of it
    /// is here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub personal: Option<String>,
    /// How its values are spread; `None` when too few are alike.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
}

/// How the values of a column are spread.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Values {
    /// Few values that come again and again; never of a personal column.
    Categories {
        /// The values and their shares of those that are not null.
        values: Vec<Category>,
        /// Share of values that are not told.
        other: f64,
    },
    /// Numbers, dates and times.
    Histogram {
        /// What the bounds of the buckets count.
        unit: Unit,
        /// Digits behind the point of the most precise value.
        decimals: u16,
        /// From low to high; bounds are rounded, weights are shares.
        buckets: Vec<Bucket>,
    },
    /// Texts: how long they are and, where most are alike, their form.
    Text {
        /// Characters.
        lengths: Vec<Bucket>,
        /// Forms such as `AAA-99999`, most frequent first; never of a personal column.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shapes: Vec<Category>,
    },
}

/// What the bounds of a histogram count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// The value itself.
    Number,
    /// Days since 2000-01-01.
    Days,
    /// Days since midnight: parts of one.
    DayTime,
}

/// A value, or a form, and its share.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// The value as its type's text.
    pub value: String,
    /// Its share, 0 to 1.
    pub share: f64,
}

/// Rows for each row of a parent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildrenProfile {
    /// The parent's plain name.
    pub parent: String,
    /// Children of a parent.
    pub counts: Vec<Bucket>,
}

/// How long after another column a column's time is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GapProfile {
    /// The earlier column.
    pub after: String,
    /// Days in between.
    pub days: Vec<Bucket>,
}

impl Profile {
    /// The version of the format that is read and written.
    pub const VERSION: u32 = 1;

    /// Reads a file's text.
    ///
    /// # Errors
    /// [`Kind::SeedSpec`] with the line.
    pub fn read(text: &str) -> Result<Self> {
        let profile: Self = serde_json::from_str(text)
            .map_err(|error| Error::new(Kind::SeedSpec, format!("the profile: {error}")))?;
        if profile.version != Self::VERSION {
            let message = format!(
                "the profile is of version {}; this Tidegate reads version {}",
                profile.version,
                Self::VERSION
            );
            return Err(Error::new(Kind::SeedSpec, message));
        }
        let buckets = profile.tables.values().flat_map(TableProfile::buckets);
        for bucket in buckets {
            if !(bucket.min <= bucket.max && bucket.weight >= 0.0 && bucket.weight.is_finite()) {
                let message = "the profile: a bucket whose min is above its max, or of no weight";
                return Err(Error::new(Kind::SeedSpec, message));
            }
        }
        Ok(profile)
    }

    /// The text of the file.
    ///
    /// # Errors
    /// [`Kind::Internal`] when it cannot be serialized.
    pub fn text(&self) -> Result<String> {
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?;
        Ok(text + "\n")
    }
}

impl TableProfile {
    fn buckets(&self) -> impl Iterator<Item = &Bucket> {
        let columns = self.columns.values().filter_map(|column| {
            Some(match column.values.as_ref()? {
                Values::Categories { .. } => &[][..],
                Values::Histogram { buckets, .. } => buckets,
                Values::Text { lengths, .. } => lengths,
            })
        });
        let children = self.children.values().map(|of| &of.counts[..]);
        let follows = self.follows.values().map(|gap| &gap.days[..]);
        columns.chain(children).chain(follows).flatten()
    }
}
