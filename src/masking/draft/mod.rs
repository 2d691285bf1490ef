//! The draft of a policy: a rule for every column, from what a scan found. Every drafted rule
//! compiles for its column, keys still join, and personal data that no mask fits is marked.

mod choice;
mod keys;
mod text;

pub use choice::Judged;
pub use text::draft;
