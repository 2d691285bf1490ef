//! Copies: what is carried from one database into a new one, in which ranges, and how rows look on
//! their way. Pure: the plan is a value, streams are bytes.

mod chunk;
mod form;
mod grants;
mod manifest;
mod mark;
mod name;
mod plan;
mod renumbered;
mod rows;
mod splice;
mod statement;
mod sum;
mod toc;
mod wide;

pub use chunk::{CHUNK_BYTES, Range, ranges};
pub use form::{Form, TypeFacts, TypeShape, Types};
pub use grants::Grants;
pub use manifest::{Manifest, Signed, TableRecord};
pub use mark::{Mark, Stage};
pub use name::{before_name, working_name};
pub use plan::{Aims, ColumnCopy, CopyPlan, Place, TableCopy, Take, Wire};
pub use renumbered::Renumbered;
pub use rows::{HEADER, MAX_ROW_BYTES, Malformed, Rows, TRAILER};
pub use splice::{Refused, Splicer};
pub use statement::{copy_in, copy_out, copy_outs};
pub use sum::{ContentSum, RowSum};
pub use toc::{carried, granted};
pub use wide::{WIDE_ROW_BYTES, may_be_wide, widest_rows};
