//! The control plane: the schema `tidegate` in the managed database, its migrations and its store.

pub mod backfill;
mod schema;
mod store;

pub use store::Control;
