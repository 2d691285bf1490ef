//! Restores: a base backup from a repository, WAL up to a target, a server that takes connections.

mod announce;
mod beneath;
mod commit_times;
mod deadline;
mod fetch;
mod follow;
mod follow_mark;
mod join;
mod kept;
mod neutral;
mod pick;
mod place;
mod point;
mod preflight;
mod program;
mod promise;
mod recover;
mod run;

pub use deadline::{Deadline, Deadlines, RestorePhase};
pub use follow::{Follow, Following, Progress};
pub use follow_mark::FollowMark;
pub use pick::{PassedOver, Picked, newest_living, pick};
pub use place::TablespaceMapping;
pub use point::{Before, Marked, Points, mark, points};
pub use program::reachable;
pub use run::{Phase, Restore, Restored, is_unmet};
