//! Increments: the backups of a lineage are unpacked beside each other, and PostgreSQL's own
//! `pg_combinebackup` makes one cluster of them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, TryRecvError, channel};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::place::{Place, Spot, link};
use crate::error::{Error, Kind, Result};
use crate::postgres::private::Binaries;
use crate::recovery::BackupManifest;

/// The first major version whose program can link files instead of copying them.
const LINKS: u32 = 18;
/// How often the program is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// What the program says.
const LOG: &str = "join.log";
/// Lines of it that an error carries.
const KEPT: usize = 5;

/// The data folders of a lineage that was unpacked; the full backup's comes first.
#[derive(Debug)]
pub(super) struct Unjoined<'a> {
    /// The backup that is restored.
    pub(super) backup: &'a BackupManifest,
    /// One for each backup.
    pub(super) folders: Vec<PathBuf>,
    /// Where the tablespaces of the last one lie before they are joined.
    pub(super) last: Vec<Spot>,
}

impl Unjoined<'_> {
    /// Joins them in the folders of `place`. What was unpacked goes afterwards.
    ///
    /// # Errors
    /// The program is missing, or fails ([`Kind::RestoreFailed`]).
    pub(super) async fn join(self, binaries: &Binaries, place: &Place) -> Result<()> {
        let major = self.backup.postgres / 10_000;
        let program = binaries.program("pg_combinebackup").ok_or_else(|| {
            Error::new(
                Kind::PostgresMissing,
                format!("no pg_combinebackup in {}", binaries.dir.display()),
            )
            .hint(format!("install all programs of PostgreSQL {major}"))
        })?;
        let log = place.within(LOG);
        let mut command = Command::new(program);
        command
            .args(self.arguments(place, major))
            .env_clear()
            .envs(binaries.environment())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log)?);
        let (alive, gone) = channel::<()>();
        let writing = Arc::clone(&place.writing);
        let ended = tokio::task::spawn_blocking(move || {
            let _writing = writing.lock().unwrap_or_else(PoisonError::into_inner);
            run(command, &gone)
        })
        .await;
        drop(alive);
        let ended = ended.map_err(|error| Error::new(Kind::Internal, error.to_string()))??;
        if !ended {
            let text = format!(
                "backup {} cannot be joined with those that it is an increment of",
                self.backup.id
            );
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            let said: Vec<&str> = said.lines().collect();
            let last = said.iter().skip(said.len().saturating_sub(KEPT));
            let error = Error::new(Kind::RestoreFailed, text);
            return Err(last.fold(error, |error, line| error.detail(*line)));
        }
        std::fs::remove_file(log)?;
        place.clear_lineage()
    }

    fn arguments(&self, place: &Place, major: u32) -> Vec<OsString> {
        let option = |name: &str, value: &Path| {
            let mut text = OsString::from(name);
            text.push(value);
            text
        };
        let mut arguments: Vec<OsString> = vec![
            // As nothing that a restore writes.
            "--no-sync".into(),
            "--manifest-checksums=SHA256".into(),
            option("--output=", place.data()),
        ];
        if major >= LINKS && place.one_device() {
            arguments.push("--link".into());
        }
        for (from, to) in self.last.iter().zip(&place.spots).skip(1) {
            let mut mapping = option("--tablespace-mapping=", &escaped(&from.folder));
            mapping.push("=");
            mapping.push(escaped(&to.folder));
            arguments.push(mapping);
        }
        arguments.extend(self.folders.iter().map(Into::into));
        arguments
    }
}

/// The program takes `=` for the end of a path unless there is a backslash before it.
fn escaped(path: &Path) -> PathBuf {
    path.to_string_lossy().replace('=', "\\=").into()
}

/// Runs a program to its end; whether it succeeded. It is killed when nobody waits any more, and
/// nothing is written by it when this returns.
fn run(mut command: Command, gone: &Receiver<()>) -> Result<bool> {
    if gone.try_recv() == Err(TryRecvError::Disconnected) {
        return Ok(false);
    }
    let mut child = command
        .spawn()
        .map_err(|error| Error::new(Kind::RestoreFailed, format!("pg_combinebackup: {error}")))?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        if gone.recv_timeout(LOOK) == Err(RecvTimeoutError::Disconnected) {
            child.kill()?;
            child.wait()?;
            return Ok(false);
        }
    }
}

/// Points the `pg_tblspc` of an unpacked backup at its tablespaces.
pub(super) fn linked(spots: &[Spot]) -> Result<()> {
    spots
        .first()
        .map_or(Ok(()), |base| link(&base.folder, spots))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_that_nobody_waits_for_ends() {
        let mut sleeps = Command::new("sleep");
        sleeps.arg("60");
        let (alive, gone) = channel();
        drop(alive);
        let begun = std::time::Instant::now();
        assert!(!run(sleeps, &gone).unwrap());
        assert!(begun.elapsed() < Duration::from_secs(10));
        let (_alive, gone) = channel();
        assert!(run(Command::new("true"), &gone).unwrap());
        assert!(!run(Command::new("false"), &gone).unwrap());
    }

    #[test]
    fn paths_with_an_equals_sign_stay_one() {
        assert_eq!(escaped(Path::new("/a=b/c")), Path::new("/a\\=b/c"));
    }
}
