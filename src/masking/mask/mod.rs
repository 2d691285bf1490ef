//! The masks, one family a file, and how a rule becomes one.

mod compile;
mod constant;
mod date;
mod digits;
mod encode;
mod fpe;
mod hash;
mod json;
mod json_path;
mod json_scan;
mod lists;
mod national;
mod net;
mod number;
mod padded;
mod partial;
mod permute;
mod person;
mod place;
mod redact_text;
mod site;
#[cfg(test)]
pub(super) mod tests_support;
mod text;

pub use compile::{ColumnFacts, compile};
pub(super) use site::default_domain;
