//! The decision.

use super::about::{About, Inferred};
use super::by_type;
use crate::error::{Error, Kind, Result};
use crate::generate::source::Source;

/// Share of rows where a column that may be null is.
const NULLS: f64 = 0.1;

/// What a column holds.
///
/// # Errors
/// [`Kind::SeedPlan`] when the column may not be null and nothing is known of its type.
pub(in crate::generate) fn column(about: &About<'_>) -> Result<Inferred> {
    match by_type::source(about.kind, about.today) {
        Some(source) => Ok(Inferred {
            source,
            nulls: nulls(about),
            reason: "by type".to_owned(),
        }),
        None if !about.not_null => Ok(Inferred {
            source: Source::Null,
            nulls: 0.0,
            reason: format!("null, because {} is not known", about.column.data_type),
        }),
        None => {
            let (table, column) = (about.table, about.column.name.as_str());
            let kind = &about.column.data_type;
            let message = format!("{table}.{column}: no generator for the type {kind}");
            let hint = "give the column a constant or a choice of values in the spec";
            Err(Error::new(Kind::SeedPlan, message).hint(hint))
        }
    }
}

fn nulls(about: &About<'_>) -> f64 {
    if about.not_null { 0.0 } else { NULLS }
}
