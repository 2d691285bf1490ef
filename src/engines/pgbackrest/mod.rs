//! pgBackRest, driven: Tidegate writes its configuration, hands it the key, and believes what lies
//! in the repository and what `info` says rather than an exit code.
//!
//! Seen with 2.45: `verify` ends with 0 whatever it finds, and finds neither a segment of WAL that
//! is missing in the middle nor a damaged manifest whose copy is good.

mod configure;
mod engine;
mod info;
mod keep;
mod program;
mod verdict;
mod wal;

pub use engine::PgBackRest;
