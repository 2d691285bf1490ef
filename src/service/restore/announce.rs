//! What a promoted cluster has to archive once it is told to archive at all.

use std::os::unix::fs::chown;
use std::path::Path;

use crate::error::Result;
use crate::postgres::private::Identity;
use crate::recovery::TimelineHistory;

/// Leaves word for the archiver that the histories of timelines are to be archived. A server does
/// that at its promotion, but only when it archives then, and a restored one does not yet
/// (PostgreSQL, `writeTimeLineHistory` in `timeline.c`). Without the history of its timeline an
/// archive cannot lead any recovery onto it.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn announce(data: &Path, identity: &Identity) -> Result<()> {
    let wal = data.join("pg_wal");
    let status = wal.join("archive_status");
    for entry in wal.read_dir()?.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else {
            continue;
        };
        if TimelineHistory::timeline_of(name).is_none()
            || status.join(format!("{name}.done")).exists()
        {
            continue;
        }
        let ready = status.join(format!("{name}.ready"));
        std::fs::write(&ready, "")?;
        if identity.switched {
            chown(&ready, Some(identity.uid), Some(identity.gid))?;
        }
    }
    Ok(())
}
