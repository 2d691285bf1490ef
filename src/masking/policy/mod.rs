//! The masking policy: files of rules, the shipped packs, and how both become a
//! [`super::MaskPlan`] for a catalog.

mod decide;
mod declared;
mod entry;
mod extras;
mod facts;
mod family;
mod format;
mod key_source;
mod limits;
mod lock;
mod merge;
mod pack;
mod pattern;
mod pending;
mod reader;
mod resolve;
mod structural;
mod targets;
mod uncovered;
mod unique;
mod words;

pub use declared::{Declared, Fate};
pub use format::{Unclassified, schema};
pub use key_source::KeySource;
pub(super) use limits::{decides_partition, limits};
pub use lock::{LOCK_FILE, Lock, LockedColumn, LockedTable};
pub use merge::Policy;
pub(super) use pattern::Pattern;
pub use reader::SourceText;
pub use resolve::Resolved;
pub use targets::Context;
pub use uncovered::Uncovered;
