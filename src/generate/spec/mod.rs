//! `seeds/*.toml`: what a person wants the data to be.

mod column;
mod document;
mod merge;
mod model;
mod reader;
mod related;
mod season;

pub use model::{
    ColumnRule, ColumnSpec, FixedRow, PerParent, Spec, TableSpec, TenancySpec, TreeRule,
};
pub use reader::{SpecText, schema};
