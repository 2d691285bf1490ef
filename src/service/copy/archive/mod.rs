//! Copies outside of a server: a proven copy as sealed parts in a folder or an object store, and
//! back into a database.
//!
//! Parts are named by the hash of what is in them, so that a run that was interrupted uploads only
//! what is missing, and tables that did not change since last week are not stored twice. The index
//! of a run is written last: without it there is no archive.

mod index;
mod read;
mod write;

pub use index::{File, Index, Part};
pub use read::{From, Loaded, load};
pub use write::{Archived, archive};
