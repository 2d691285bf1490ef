//! The control plane: the schema `tidegate` in the managed database, its migrations and its store.

mod audit;
pub mod backfill;
pub mod copy;
pub mod ledger;
mod operator;
pub mod schedule;
mod schema;
pub mod seed;
mod store;

pub use audit::{AuditFilter, AuditHead, append_audit_in, append_audit_on};
pub use operator::Operator;
pub use store::Control;
