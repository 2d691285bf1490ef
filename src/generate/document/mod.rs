//! JSON documents of a shape: one that a sample shows, or that a JSON Schema tells.

mod admit;
mod made;
mod merge;
mod sample;
mod schema;
mod shape;
#[cfg(test)]
mod tests;
mod text;

pub(super) use made::document;
pub(super) use sample::of_sample;
pub(super) use schema::of_schema;
pub use shape::{Field, Shape};
