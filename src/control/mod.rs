//! The control plane: the schema `tidegate` in the managed database, its migrations and its store.

mod schema;
mod store;

pub use store::Control;
