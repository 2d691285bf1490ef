//! Archives read back: fed to `pg_restore` part by part, so that nothing is put down on the way.

use std::fs::File;
use std::io::{ErrorKind, Write as _};

use tokio::io::AsyncReadExt as _;
use tokio::process::ChildStdin;

use super::super::verify::Finding;
use crate::error::{Error, Kind, Result};
use crate::recovery::{Archive, Contents, LogicalManifest};
use crate::service::programs::Programs;
use crate::storage::{Repository, Sealed};

/// Bytes that are handed over at once.
const BUFFER: usize = 256 * 1024;

/// Hands an archive to a program that reads it, up to where the program has had enough. It comes out
/// before its end was seen: what hangs on it must be taken back when this fails.
pub(super) async fn feed(
    repository: &Repository,
    parts: Vec<String>,
    stdin: ChildStdin,
) -> Result<()> {
    let mut pipe = Some(File::from(stdin.into_owned_fd()?));
    for name in parts {
        let Some(open) = pipe.take() else { break };
        let sealed = repository.sealed(&name).await?;
        let pumped = tokio::task::spawn_blocking(move || pump(sealed, open)).await;
        pipe = pumped.map_err(|error| Error::new(Kind::Internal, error.to_string()))??;
    }
    Ok(())
}

/// Writes one part; the pipe, as long as somebody reads from it.
fn pump(sealed: Sealed, mut pipe: File) -> Result<Option<File>> {
    let mut text = sealed.open()?;
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = text.read(&mut buffer)?;
        if read == 0 {
            return Ok(Some(pipe));
        }
        match pipe.write_all(&buffer[..read]) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(None),
            written => written?,
        }
    }
}

/// The names of the parts of an archive of the backup `id`.
pub(super) fn names(id: &str, number: usize, archive: &Archive) -> Vec<String> {
    let name = LogicalManifest::archive_name(number);
    let parts = 0..archive.parts.len();
    parts
        .map(|part| LogicalManifest::part_name(id, &name, part))
        .collect()
}

/// The table of contents of an archive.
///
/// # Errors
/// [`Kind::BackupTool`] when it is no archive; those of the repository.
pub(super) async fn list(
    repository: &Repository,
    programs: &Programs,
    (id, number, archive): (&str, usize, &Archive),
) -> Result<Contents> {
    let mut program = programs.piped("pg_restore", None, &["--list".into()])?;
    let (stdin, mut stdout) = (program.stdin()?, program.stdout()?);
    let mut list = Vec::new();
    let listed = async { Ok::<usize, Error>(stdout.read_to_end(&mut list).await?) };
    tokio::try_join!(feed(repository, names(id, number, archive), stdin), listed)?;
    program.end().await?;
    Ok(Contents::parse(&String::from_utf8_lossy(&list)))
}

/// Makes sure that `pg_restore` reads the table of contents of an archive, and that it promises the
/// rows of every table that should be in it.
///
/// # Errors
/// [`Kind::SealBroken`] names a table whose rows are not there; as [`list`].
pub(super) async fn check(
    repository: &Repository,
    programs: &Programs,
    (id, number, archive): (&str, usize, &Archive),
) -> Result<()> {
    let contents = list(repository, programs, (id, number, archive)).await?;
    match archive
        .rows_of
        .iter()
        .find(|table| !contents.has_rows_of(table))
    {
        None => Ok(()),
        Some(table) => Err(Error::new(
            Kind::SealBroken,
            format!(
                "its table of contents does not name the rows of {}",
                table.plain()
            ),
        )),
    }
}

/// What is wrong with the tables of contents of a backup whose parts are what was written; and how
/// many were read. None are where there are no programs for it on this machine.
///
/// # Errors
/// Those of the repository.
pub(in crate::service::backup) async fn unreadable(
    repository: &Repository,
    backup: &LogicalManifest,
) -> Result<(u64, Vec<Finding>)> {
    let major = i32::try_from(backup.programs).unwrap_or_default();
    let programs = match Programs::find(major).await {
        Err(error) if error.kind() == Kind::PostgresMissing => {
            tracing::warn!(%error, "the tables of contents of logical backups are not read");
            return Ok((0, Vec::new()));
        }
        found => found?,
    };
    let (mut count, mut findings) = (0, Vec::new());
    for (number, archive) in backup.archives.iter().enumerate() {
        match check(repository, &programs, (&backup.id, number, archive)).await {
            Ok(()) => count += 1,
            Err(error) if matches!(error.kind(), Kind::SealBroken | Kind::BackupTool) => {
                let name = LogicalManifest::archive_name(number);
                findings.push(Finding {
                    file: LogicalManifest::part_name(&backup.id, &name, 0),
                    problem: format!("pg_restore cannot use the archive: {error}"),
                });
            }
            Err(error) => return Err(error),
        }
    }
    Ok((count, findings))
}
