//! Its archive of WAL, under the names that a repository gives it.
//!
//! The listing is the folder's own: no program is asked what is there. The files are opened and
//! written by `archive-get` and `archive-push`, since they are encrypted.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use sha1::{Digest as _, Sha1};
use tokio_util::sync::CancellationToken;

use super::PgBackRest;
use super::program::STANZA;
use crate::config::vars;
use crate::engines::kept_files::{at, walk};
use crate::engines::local::give_like;
use crate::error::{Error, Kind, Result};
use crate::recovery::{history_name, wal_folder};
use crate::storage::{Entry, Files, Location, SealKey};

/// Digits of a segment's name.
const DIGITS: usize = 24;
/// Digits of them that name the folder of a segment, and of a SHA-1.
const GROUP: usize = 16;
const SUM: usize = 40;
/// Exit codes (pgBackRest, `src/common/error.auto.c`): no such file; there is one with another
/// content; and those of contents that do not open: `ChecksumError`, `CryptoError`, `FormatError`
/// and `ArchiveGetError`, which wraps them.
const NOT_FOUND: i32 = 1;
const DUPLICATE: i32 = 45;
const BROKEN: [i32; 4] = [26, 95, 29, 42];

/// The archive.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    engine: PgBackRest,
}

impl Archive {
    pub(super) fn of(engine: PgBackRest) -> Self {
        Self { engine }
    }

    async fn entries(&self) -> Result<Vec<Entry>> {
        let folder = self.engine.program.repo().join("archive").join(STANZA);
        let done = tokio::task::spawn_blocking(move || entries(&folder));
        done.await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?
    }

    async fn opened(&self, name: &str) -> Result<Vec<u8>> {
        let server = server_name(name)?;
        let place = scratch(&vars::temp_dir(), None)?;
        let to = place.path().join("file");
        let program = &self.engine.program;
        let get = program.call("archive-get").with(&server);
        let get = get.with(&to).at("--pg1-path=", &program.identity());
        let ended = get.ended(&CancellationToken::new()).await?;
        match ended.code {
            0 => {
                let content = tokio::fs::read(&to)
                    .await
                    .map_err(|error| at(&to, &error))?;
                self.check(&server, &content)?;
                Ok(content)
            }
            NOT_FOUND => Err(Error::new(
                Kind::Storage,
                format!("{name} is not in the archive of pgBackRest"),
            )),
            code if BROKEN.contains(&code) => Err(Error::new(
                Kind::SealBroken,
                format!("{name} does not open: {}", ended.error()),
            )),
            _ => Err(ended.error()),
        }
    }

    async fn pushed(&self, name: &str, content: Bytes) -> Result<u64> {
        let server = server_name(name)?;
        let program = &self.engine.program;
        let place = scratch(program.root(), Some(program.root()))?;
        let from = place.path().join(&server);
        std::fs::write(&from, &content)?;
        give_like(&from, program.root(), 0o600)?;
        let push = program.call("archive-push").by_owner().with(&from);
        // The WAL itself says which cluster it is of.
        let push = push.at("--pg1-path=", &program.identity());
        let ended = push.ended(&CancellationToken::new()).await?;
        match ended.code {
            0 => {}
            DUPLICATE => {
                return Err(Error::new(
                    Kind::StorageExists,
                    format!("{name} is in the archive with another content"),
                ));
            }
            _ => return Err(ended.error()),
        }
        // Its word is not enough.
        let Some((path, sum)) = self.lying(&server)?.into_iter().next() else {
            let text = format!("pgbackrest archive-push ended well, but {name} is not there");
            return Err(Error::new(Kind::BackupTool, text));
        };
        if sum.is_some_and(|sum| sum != hex::encode(Sha1::digest(&content))) {
            let text = format!("pgbackrest archive-push ended well, but {name} is another there");
            return Err(Error::new(Kind::BackupTool, text));
        }
        Ok(path.metadata()?.len())
    }

    /// `archive-get` of 2.45 compares nothing: what a changed byte decrypts and unpacks to is handed
    /// over as if it were WAL. The SHA-1 of each segment is in the name of its file.
    fn check(&self, server: &str, content: &[u8]) -> Result<()> {
        let found = hex::encode(Sha1::digest(content));
        for (_, sum) in self.lying(server)? {
            if sum.is_some_and(|sum| sum != found) {
                return Err(Error::new(
                    Kind::SealBroken,
                    format!("{server} does not open: it is not what its checksum says"),
                ));
            }
        }
        Ok(())
    }

    /// The files in which the archive has a file of the server, with the SHA-1 of its content.
    fn lying(&self, server: &str) -> Result<Vec<(PathBuf, Option<String>)>> {
        let folder = self.engine.program.repo().join("archive").join(STANZA);
        let mut found = Vec::new();
        if !folder.is_dir() {
            return Ok(found);
        }
        for cluster in folder.read_dir().map_err(|error| at(&folder, &error))? {
            let cluster = cluster.map_err(|error| at(&folder, &error))?.path();
            let history = cluster.join(server);
            if history.is_file() {
                found.push((history, None));
            }
            let group = cluster.join(server.get(..GROUP).unwrap_or(server));
            for file in group.read_dir().into_iter().flatten().flatten() {
                let name = file.file_name();
                let name = name.to_string_lossy();
                let rest = name
                    .strip_prefix(server)
                    .and_then(|rest| rest.strip_prefix('-'));
                if let Some(sum) = rest.and_then(|rest| rest.get(..SUM)) {
                    found.push((file.path(), Some(sum.to_owned())));
                }
            }
        }
        Ok(found)
    }
}

impl Files for Archive {
    fn folder(&self) -> &'static str {
        "wal"
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Entry>>> {
        self.entries().boxed()
    }

    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<u8>>> {
        self.opened(name).boxed()
    }

    fn put<'a>(&'a self, name: &'a str, content: Bytes) -> BoxFuture<'a, Result<u64>> {
        self.pushed(name, content).boxed()
    }

    fn exists<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        async { Ok(!self.lying(&server_name(name)?)?.is_empty()) }.boxed()
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async {
            for (path, _) in self.lying(&server_name(name)?)? {
                std::fs::remove_file(&path).map_err(|error| at(&path, &error))?;
            }
            Ok(())
        }
        .boxed()
    }

    fn elsewhere(&self, location: &Location, key: &SealKey) -> Result<Arc<dyn Files>> {
        let engine = PgBackRest::at(location, &*key.derive(PgBackRest::PURPOSE)?)?;
        Ok(Arc::new(Self { engine }))
    }
}

/// A folder for one file of WAL in the clear, that only this user, or the owner of `of`, can enter.
fn scratch(parent: &Path, of: Option<&Path>) -> Result<tempfile::TempDir> {
    let made = tempfile::Builder::new()
        .prefix("tidegate-wal-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(parent)
        .map_err(|error| at(parent, &error))?;
    if let Some(of) = of {
        give_like(made.path(), of, 0o700)?;
    }
    Ok(made)
}

fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    if folder.is_dir() {
        walk(folder, "", &mut found)?;
    }
    let mut entries = Vec::new();
    for (_, path) in found {
        let inside = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = repository_name(&inside) else {
            continue;
        };
        let facts = path.metadata().map_err(|error| at(&path, &error))?;
        let at: DateTime<Utc> = facts.modified()?.into();
        entries.push(Entry {
            name,
            bytes: facts.len(),
            at,
        });
    }
    Ok(entries)
}

/// The name in the repository of a file of the archive: `<24 hex>-<40 hex>.zst`, and
/// `<8 hex>.history`. The rest of a timeline that was left (`.partial`) is never needed: the
/// timeline after it has the same records; nor is a backup's history file.
fn repository_name(file: &str) -> Option<String> {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(timeline) = file.strip_suffix(".history") {
        let timeline = (timeline.len() == 8).then(|| u32::from_str_radix(timeline, 16).ok())??;
        return Some(history_name(timeline));
    }
    let segment = file.get(..DIGITS).filter(|digits| hex(digits))?;
    let sum = file.get(DIGITS..)?.strip_prefix('-')?;
    // One that is still being written ends with `.pgbackrest.tmp`.
    let (sum, extension) = sum.split_once('.').unwrap_or((sum, ""));
    if extension.contains('.') {
        return None;
    }
    let timeline = u32::from_str_radix(&segment[..8], 16).ok()?;
    (sum.len() == SUM && hex(sum)).then(|| format!("{}/{segment}", wal_folder(timeline)))
}

/// The server's name of a file of the repository.
fn server_name(name: &str) -> Result<String> {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["wal", "history", timeline] => Ok(format!("{timeline}.history")),
        ["wal", _, segment] => Ok((*segment).to_owned()),
        // The whole of a segment that a promotion left, in one piece.
        ["wal", _, partial, piece] if piece.starts_with("00000000-") => Ok((*partial).to_owned()),
        _ => Err(Error::new(
            Kind::Unsupported,
            format!("{name}: the archive of pgBackRest takes whole segments, no pieces of them"),
        )
        .hint("archive with `tidegate wal push`; `tidegate wal receive` is for the engine native")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_translated_both_ways() {
        let sum = "c762544ef4cd50ce43721e52a24d1dcb6d953bd7";
        let segment = "00000002000000000000000B";
        for extension in ["", ".zst", ".gz"] {
            let file = format!("{segment}-{sum}{extension}");
            let name = repository_name(&file).unwrap();
            assert_eq!(name, format!("wal/00000002/{segment}"));
            assert_eq!(server_name(&name).unwrap(), segment);
        }
        let history = repository_name("00000003.history").unwrap();
        assert_eq!(history, history_name(3));
        assert_eq!(server_name(&history).unwrap(), "00000003.history");
        for stranger in [
            "archive.info",
            "archive.info.copy",
            &format!("{segment}.00000028.backup"),
            &format!("{segment}.partial-{sum}.zst"),
            &format!("{segment}-{sum}.zst.pgbackrest.tmp"),
        ] {
            assert_eq!(repository_name(stranger), None, "{stranger}");
        }
        let piece = format!("wal/00000002/{segment}.partial/00000000-1048576");
        assert_eq!(server_name(&piece).unwrap(), format!("{segment}.partial"));
        let later = format!("wal/00000002/{segment}.partial/00000200-512");
        assert_eq!(server_name(&later).unwrap_err().kind(), Kind::Unsupported);
    }
}
