//! Masking: which columns hold personal data, what replaces a value, and under which key.
//! Pure: no I/O, no clock, no randomness; a mask is a function of key, rule and row.
//!
//! A policy ([`Rule`]s by column) is resolved against a catalog into a [`MaskPlan`]; each of its
//! rules is compiled into a [`FieldMask`] that the copy engine calls once a value.

pub mod checks;
mod class;
pub mod classifier;
mod columns;
mod defaults;
pub mod draft;
mod field;
mod fitting;
mod inner;
mod key;
pub mod leak;
mod mask;
mod plan;
pub mod policy;
mod prf;
pub mod risk;
mod rule;
mod rule_toml;
mod shape;
mod structure;

pub use class::Class;
pub use columns::Columns;
pub use defaults::default_rule;
pub use field::{FieldMask, Masked, Row, Unmaskable};
pub use fitting::{Limits, check_rule, fitting_rule};
pub use key::{DerivedKey, MaskKey};
use mask::default_domain;
pub use mask::{ColumnFacts, compile};
pub use plan::{
    Allowed, ColumnPlan, LargeObjects, MaskPlan, QuasiIdentifiers, RiskRules, Rows, SeedRows,
    SubsetRules, TablePlan, VirtualReference,
};
pub use prf::{Draws, Permutation, Prf, Seed};
pub use rule::{Alphabet, DatePart, Locale, Mask, PlacePart, Rule};
pub use shape::Shape;
pub use structure::{Part, Structure};
