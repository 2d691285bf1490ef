//! The kinds of operations, one module each. An operation says which steps it needs in a phase;
//! it never runs anything.

mod add_column;
mod column;
mod drop_column;
mod kind;
mod mirror;
mod not_null;
mod planning;
mod replace_column;
mod set_not_null;
mod sql;

pub use add_column::AddColumn;
pub use column::NewColumn;
pub use drop_column::DropColumn;
pub use kind::Operation;
pub use planning::{GateSpec, Guard, Planning, Probe};
pub use replace_column::ReplaceColumn;
pub use set_not_null::SetNotNull;
pub use sql::PlainSql;
