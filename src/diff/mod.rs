//! The comparison of two tables that lie in different databases: how rows become digests that mean
//! the same on both servers, how chunks are cut and bisected, how rows are matched and counted.
//! Everything here is a decision or a text of SQL; `service::diff` asks the servers.
//!
//! **The digest of a row** is two 64-bit hashes of `record_send(row(...))`: each column in the
//! binary form of the wire, cast to a built-in type where the form is exact ([`Form`]), else as
//! text. It is *not* `hash_record_extended(row(...))` of the columns themselves, which is quicker
//! and wrong for a comparison: it folds 64-bit values to 32 bits (`-1` and `4294967295` hash alike
//! under every seed), hashes numerics, floats, arrays and intervals by their equality and not by
//! their content, and joins the columns linearly, so that a sum over rows does not notice when two
//! rows exchange the values of a column.

mod align;
mod bisection;
mod digest;
mod form;
mod patch;
mod reconcile;
mod result;
mod statement;

pub use align::{Alignment, Side, align};
pub use bisection::{ChunkSum, Chunks, Level, Limits, Next, next};
pub use digest::{Method, PROBE};
pub use form::{Compared, Form, Types};
pub use patch::Patch;
pub use reconcile::{Advance, Counts, Difference, Finding, Reconciler, RowDigest};
pub use result::{Comparison, Remark, RowDiff, TableDiff};
pub use statement::Reading;
