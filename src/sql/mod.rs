//! SQL as text: the only room that turns names and literals into SQL.

mod ident;
mod lock;

pub use ident::{Ident, MAX_IDENT_BYTES, QualifiedName};
pub use lock::LockMode;
