//! The masks, one family a file, and how a rule becomes one.

mod array;
mod compile;
mod composite;
mod constant;
mod date;
mod digits;
mod encode;
mod field;
mod fpe;
mod gender;
mod given;
mod hash;
mod hstore;
mod json;
mod json_path;
mod json_scan;
mod leaf;
mod lists;
mod national;
mod net;
mod number;
mod order;
mod padded;
mod partial;
mod permute;
mod person;
mod place;
mod range;
mod redact_text;
mod site;
#[cfg(test)]
pub(super) mod tests_support;
mod text;
mod when;
mod xml;

pub use compile::{ColumnFacts, compile};
pub(super) use site::default_domain;
