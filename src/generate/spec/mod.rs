//! `seeds/*.toml`: what a person wants the data to be.

mod model;

pub use model::{Spec, TableSpec};
