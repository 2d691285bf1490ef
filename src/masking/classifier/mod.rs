//! Finding personal data: what a column's name, type, comment, table and values say about it.
//!
//! [`by_name`] judges names alone, a [`Profile`] counts what values look like without keeping one,
//! [`judge`] weighs both, [`propagate`] follows foreign keys and repeated values, and
//! [`draft`] writes the policy that a person reviews.

mod facts;
mod finding;
mod names;
mod table;
mod tokens;
mod vocabulary;

pub use facts::{ColumnName, Family};
pub use finding::{Finding, REPORTED};
pub use names::by_name;
