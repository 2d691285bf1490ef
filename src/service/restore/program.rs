//! This very program in a place where the server's user can run it.

use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::postgres::private::Identity;

/// The path of this program for `identity`; when that user cannot reach it, a link or a copy in
/// `folder`, which it must be able to reach.
///
/// # Errors
/// The path of this program is not known, or the copy fails.
pub fn reachable(identity: &Identity, folder: &Path) -> Result<PathBuf> {
    let own = std::env::current_exe()?;
    if own
        .parent()
        .is_some_and(|parent| identity.may_reach(parent))
    {
        return Ok(own);
    }
    let there = folder.join("tidegate");
    if !there.exists() && std::fs::hard_link(&own, &there).is_err() {
        std::fs::copy(&own, &there)?;
    }
    Ok(there)
}
