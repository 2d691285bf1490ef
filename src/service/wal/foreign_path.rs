//! WAL that would lead a server to files of its source.

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind};
use crate::recovery::made_tablespaces;

/// The first place in a segment at which a tablespace is made at a path that is not one of `shared`, which
/// somebody allowed, and the error that says so: whoever replays it writes there, where the source's own
/// files may lie.
pub(in crate::service) fn foreign_path(
    name: &str,
    content: &[u8],
    shared: &[PathBuf],
) -> Option<(usize, Error)> {
    let made = made_tablespaces(content).into_iter().find(|made| {
        let allowed = |path: &String| shared.iter().any(|one| one == Path::new(path));
        !made.path.as_ref().is_some_and(allowed)
    })?;
    let path = made.path.as_deref().unwrap_or("a path in the next segment");
    let text = format!(
        "a tablespace is made after the base backup, at {path} (segment {name}): a server that replays it writes there, to the source's own files when they lie on this machine"
    );
    let hint = format!(
        "begin with a base backup from after it (take one now), or go to a moment before it; on a machine where {path} is nobody's, make it an empty folder of the server's user and say --tablespace-mapping {path}={path}"
    );
    Some((made.place, Error::new(Kind::RestoreFailed, text).hint(hint)))
}
