//! Who did what: the audit log's hash chain. Pure; the rows are in `control`.

mod audit;

pub use audit::{AuditEntry, AuditEvent, Break, Chain, Hash, Reason};
