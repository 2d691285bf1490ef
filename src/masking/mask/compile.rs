//! Turns a rule into the function that masks a field.

use std::sync::Arc;

use super::site::Site;
use super::{constant, hash, permute};
use crate::error::Result;
use crate::masking::{FieldMask, Mask, MaskKey, Rule, Shape};

/// What a mask must know about its column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ColumnFacts {
    /// `users.email`, for messages.
    pub title: String,
    /// The type as `format_type` names it; the base type of a domain.
    pub data_type: String,
    /// How values look.
    pub shape: Shape,
    /// Characters that a value may have, where the type limits them.
    pub max_length: Option<u32>,
    /// Whether null is refused.
    pub not_null: bool,
    /// Whether the column is a unique key by itself.
    pub unique: bool,
    /// Rows of the table, estimated; the number of distinct values at most.
    pub rows: u64,
    /// Names of the COPY's columns, in order: where a mask finds the other fields of its row.
    pub columns: Vec<String>,
    /// Labels, when the type is an enum.
    pub labels: Vec<String>,
}

/// The function for a rule; `None` when the values stay as they are or the source computes them.
/// Everything that can be known before the run is refused here: a rule that does not fit the type,
/// a unique column whose mask has too few values, null in a NOT NULL column.
///
/// # Errors
/// [`crate::error::Kind::MaskRule`] with the reason and what would fit.
pub fn compile(
    rule: &Rule,
    facts: &ColumnFacts,
    key: &MaskKey,
) -> Result<Option<Arc<dyn FieldMask>>> {
    let site = Site { rule, facts, key };
    let mask = match &rule.mask {
        Mask::Keep | Mask::Sql { .. } => return Ok(None),
        Mask::Null => constant::null(&site),
        Mask::Constant { value } => constant::constant(&site, value),
        Mask::Redact => constant::redact(&site),
        Mask::Enum => constant::label(&site),
        Mask::Hash { length } => hash::compile(&site, *length),
        Mask::Permute | Mask::Uuid => permute::compile(&site),
        _ => Err(site.refuse("is not built yet", "use redact")),
    };
    mask.map(Some)
}
