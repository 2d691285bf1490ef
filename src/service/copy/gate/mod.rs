//! The gate: what must hold before anybody sees a copy. Rows are counted, kept columns compared and
//! masked ones computed again; values of the source are sought everywhere in the target, canaries
//! proving that the search sees; constraints, the risk of re-identification and the safety of a
//! staging database are looked at.

mod allowed;
mod audit;
mod batches;
mod binary_rows;
mod canary;
mod canary_channels;
mod catalog_texts;
mod collector;
mod comparison;
mod constraints;
mod counts;
mod extension_rows;
mod findings;
mod in_use;
mod joint;
mod kept;
mod large_objects;
mod leak_scan;
mod objects;
mod orphans;
mod reading;
mod recompute;
mod relations;
mod risk;
mod row_bound;
mod run;
mod scanner;
mod source;
mod staging;
mod sums;
mod table_scan;

pub use audit::{Audit, audit};
pub use canary::Flight;
pub use in_use::in_use;
pub use leak_scan::{LeakScan, Scanned, leak_scan};
pub use reading::{ColumnType, ColumnTypes};
pub use recompute::{Masks, Recompute, Recomputed, recompute};
pub use risk::risk;
pub use run::{Subject, run};
