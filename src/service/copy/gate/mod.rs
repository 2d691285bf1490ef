//! The gate before anybody sees a copy: the leak scan with its canaries, masked columns computed
//! again, the risk of re-identification, and the safety of a staging database.

mod audit;
mod binary_rows;
mod canary;
mod canary_channels;
mod catalog_texts;
mod findings;
mod large_objects;
mod leak_scan;
mod recompute;
mod relations;
mod risk;
mod scanner;
mod source;
mod staging;
mod table_scan;

pub use audit::{Audit, audit};
pub use canary::Flight;
pub use leak_scan::{LeakScan, Scanned, leak_scan};
pub use recompute::{Masks, Recompute, recompute};
pub use risk::risk;
