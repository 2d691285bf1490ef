//! SQL as text: the only room that turns names and literals into SQL.

mod decimal;
mod ident;
mod literal;
mod lock;
mod nearest;
mod script;
mod table_edits;

pub use decimal::Decimal;
pub use ident::{Ident, MAX_IDENT_BYTES, QualifiedName};
pub use literal::{is_constant, literal};
pub use lock::LockMode;
pub use nearest::{did_you_mean, nearest};
pub use script::{Statement, SyntaxProblem, check_expression, parse_script};
pub use table_edits::{TableColumn, TableEdit, table_edits};
