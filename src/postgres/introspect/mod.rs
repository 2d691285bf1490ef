//! Reads the catalog of a database: one query per class of objects (`sql/*.sql`), all sent as one
//! message, so that they see one snapshot and cost one round trip.
//!
//! Only `pg_catalog` is read, so a role without any right on the tables may do it. The value
//! arrays of `pg_stats` are never read: they hold samples of the data.

mod assemble;
mod query;
mod read;
mod relation;

pub use read::{introspect, introspect_in_transaction};
