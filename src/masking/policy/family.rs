//! Families of types, as far as rules by name tell types apart.

use serde::Deserialize;

use crate::masking::Shape;

/// A family of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Family {
    /// `text`, `varchar`, `char`, `citext`, `xml`.
    Text,
    /// Arrays of texts.
    TextArray,
    /// `smallint`, `integer`, `bigint`.
    Integer,
    /// `numeric`, `real`, `double precision`.
    Decimal,
    /// `boolean`.
    Boolean,
    /// `date`, `timestamp`, `timestamptz`.
    Date,
    /// `time`.
    Time,
    /// `uuid`.
    Uuid,
    /// `inet`, `cidr`.
    Inet,
    /// `macaddr`, `macaddr8`.
    Mac,
    /// `json`, `jsonb`.
    Json,
    /// `bytea`.
    Bytes,
    /// Everything else: enums, composites, ranges, other arrays.
    Other,
}

impl Family {
    /// The family of a type as `format_type` names it; the base type of a domain.
    pub(super) fn of(data_type: &str) -> Self {
        match Shape::of(data_type) {
            Shape::Text => Self::Text,
            Shape::TextArray => Self::TextArray,
            Shape::Integer(_) => Self::Integer,
            Shape::Float(_) | Shape::Numeric => Self::Decimal,
            Shape::Bool => Self::Boolean,
            Shape::Date | Shape::Timestamp => Self::Date,
            Shape::Time => Self::Time,
            Shape::Uuid => Self::Uuid,
            Shape::Inet => Self::Inet,
            Shape::Mac => Self::Mac,
            Shape::Json | Shape::Jsonb => Self::Json,
            Shape::Bytes => Self::Bytes,
            // Masks may learn further shapes; a rule by name does not reach them.
            #[allow(unreachable_patterns, reason = "shapes are added without these rules")]
            _ => Self::Other,
        }
    }
}
