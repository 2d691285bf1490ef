//! `seeds/*.toml`: what a person wants the data to be.

mod column;
mod document;
mod merge;
mod model;
mod reader;

pub use model::{ColumnRule, ColumnSpec, FixedRow, PerParent, Spec, TableSpec};
pub use reader::{SpecText, schema};
