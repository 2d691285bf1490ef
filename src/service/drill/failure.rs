//! What a restore that fails means for a drill: it is the very result that a drill is for, not an
//! error of the command.

use crate::error::{Error, Kind};
use crate::recovery::{BackupManifest, DrillCheck};
use crate::service::backup::Shelf;
use crate::storage::Repository;

/// Errors that tell of the backup, of its WAL or of the place where it is to be restored.
const RESULTS: [Kind; 7] = [
    Kind::BackupMissing,
    Kind::BackupTool,
    Kind::DiskFull,
    Kind::RestoreFailed,
    Kind::SealBroken,
    Kind::SealKey,
    Kind::WalMissing,
];

/// The check `name` that failed with this error of a restore of `backup`.
///
/// # Errors
/// The error itself when it tells nothing of the backup: no programs, no network.
pub(super) async fn of_restore(
    name: &str,
    error: Error,
    (repository, backup): (&Repository, &BackupManifest),
) -> Result<DrillCheck, Error> {
    if RESULTS.contains(&error.kind()) {
        return Ok(of_check(name, &error));
    }
    // For a store, a part that is not there is an error as any other.
    if error.kind() == Kind::Storage
        && let Ok(shelf) = Shelf::read(repository).await
        && let Some(problem) = shelf.problem(backup)
    {
        return Ok(failed(name, format!("backup {}: {problem}", backup.id)));
    }
    Err(error)
}

/// A check that failed with an error.
pub(super) fn of_check(name: &str, error: &Error) -> DrillCheck {
    failed(name, words(error))
}

/// A check that failed.
pub(super) fn failed(name: &str, found: String) -> DrillCheck {
    DrillCheck {
        name: name.to_owned(),
        passed: Some(false),
        found,
    }
}

/// The error with its details and causes, in one line.
pub(super) fn words(error: &Error) -> String {
    let mut text = error.to_string();
    for detail in error.details().iter().take(4) {
        text.push_str("; ");
        text.push_str(detail.trim());
    }
    if let Some(cause) = error.cause() {
        let cause = cause.to_string();
        if !text.contains(&cause) {
            text.push_str("; ");
            text.push_str(&cause);
        }
    }
    text.replace('\n', " ")
}
