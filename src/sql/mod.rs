//! SQL as text: the only room that turns names and literals into SQL.

mod decimal;
mod field;
mod ident;
mod literal;
mod lock;
mod nearest;
mod script;
mod table_edits;
mod token;
mod written;

pub use decimal::Decimal;
pub use field::{NULL_FIELD, begin_field, end_field, null_field, read_field, read_row, read_word};
pub use ident::{Ident, MAX_IDENT_BYTES, QualifiedName};
pub use literal::{is_constant, literal};
pub use lock::LockMode;
pub use nearest::{did_you_mean, nearest};
pub use script::{Statement, SyntaxProblem, check_expression, parse_script};
pub use table_edits::{TableColumn, TableEdit, table_edits};
pub use token::{Token, tokens};
pub use written::{NamePart, split_name, written_names};
