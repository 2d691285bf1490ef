//! The masks, one family a file, and how a rule becomes one.

mod compile;
mod constant;
mod encode;
mod hash;
mod numeric;
mod permute;
mod site;
#[cfg(test)]
pub(super) mod tests_support;
mod text;

pub use compile::{ColumnFacts, compile};
