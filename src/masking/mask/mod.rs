//! The masks, one family a file, and how a rule becomes one.

mod compile;

pub use compile::{ColumnFacts, compile};
