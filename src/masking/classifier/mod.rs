//! Finding personal data: what a column's name, type, comment, table and values say about it.
//!
//! [`by_name`] judges names alone, a [`Profile`] counts what values look like without keeping one,
//! [`judge`] weighs both, [`propagate`] follows foreign keys
//! and repeated values into other columns, and [`draft`] writes the policy that a person reviews.

mod document;
mod evidence;
mod facts;
mod finding;
mod judgement;
mod names;
mod probe;
mod profile;
mod propagation;
mod single;
mod table;
mod tokens;
mod value;
mod vocabulary;

pub use facts::{ColumnName, Family};
pub use finding::{Finding, REPORTED};
pub use judgement::{Verdict, judge};
pub use names::by_name;
pub use profile::Profile;
pub use propagation::{Linked, propagate};
pub use single::looks_personal;
