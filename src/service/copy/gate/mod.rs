//! The gate before anybody sees a copy: the leak scan with its canaries, masked columns computed
//! again, the risk of re-identification, and the safety of a staging database.

mod catalog_texts;
mod findings;
mod large_objects;
mod leak_scan;
mod relations;
mod scanner;
mod source;
mod table_scan;

pub use leak_scan::{LeakScan, Scanned, leak_scan};
