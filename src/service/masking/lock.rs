//! `masking-rules/mask.lock` on disk.

use std::path::PathBuf;

use super::text;
use crate::catalog::Catalog;
use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::masking::MaskPlan;
use crate::masking::policy::{LOCK_FILE, Lock};

/// The lock of the project; `None` when there is none.
///
/// # Errors
/// An unreadable file, or one that is no lock.
pub fn read_lock(config: &Config) -> Result<Option<Lock>> {
    let path = config.masking_dir().join(LOCK_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => Lock::parse(&text).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(text::unreadable(&path, &error)),
    }
}

/// Writes the lock and returns its path; a reader sees the old file or the new one, whole.
///
/// # Errors
/// Those of the file system.
pub fn write_lock(config: &Config, lock: &Lock) -> Result<PathBuf> {
    let path = config.masking_dir().join(LOCK_FILE);
    let beside = path.with_extension("lock.new");
    let failed = |error: std::io::Error| {
        Error::new(
            Kind::Io,
            format!("cannot write {}: {error}", path.display()),
        )
    };
    std::fs::write(&beside, lock.text()?).map_err(failed)?;
    std::fs::rename(&beside, &path).map_err(failed)?;
    Ok(text::shorten(config, &path))
}

/// Compares the plan with the lock, when there is one.
///
/// # Errors
/// [`Kind::Drift`] with everything that is different.
pub fn check_lock(config: &Config, plan: &MaskPlan, catalog: &Catalog) -> Result<()> {
    let Some(lock) = read_lock(config)? else {
        return Ok(());
    };
    let drift = lock.drift(&Lock::of(plan, catalog));
    if drift.is_empty() {
        return Ok(());
    }
    let mut error = Error::new(
        Kind::Drift,
        "masking rules or schema are not those of masking-rules/mask.lock",
    )
    .hint("review what changed, then run `tidegate mask lock`");
    for line in drift {
        error = error.detail(line);
    }
    Err(error)
}
