//! Its archive of WAL, under the names that a repository gives it. The files lie there in the clear.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use md5::{Digest as _, Md5};
use tokio_util::sync::CancellationToken;

use super::Barman;
use super::call::SERVER;
use crate::engines::kept_files::{at, walk};
use crate::error::{Error, Kind, Result};
use crate::recovery::{history_name, wal_folder};
use crate::storage::{Entry, Files, Location, SealKey};

/// Digits of a segment's name, and of them those that name its folder.
const DIGITS: usize = 24;
const GROUP: usize = 16;
/// Its archiver runs once at a time; another one's work is waited for.
const TURNS: u32 = 40;
const TURN: Duration = Duration::from_millis(250);

/// The archive.
#[derive(Debug, Clone)]
pub(super) struct Archive {
    engine: Barman,
}

impl Archive {
    pub(super) fn of(engine: Barman) -> Self {
        Self { engine }
    }

    fn folder(&self) -> PathBuf {
        self.engine.program.home().join("wals")
    }

    fn place(&self, server: &str) -> PathBuf {
        if server.len() == DIGITS {
            self.folder().join(&server[..GROUP]).join(server)
        } else {
            self.folder().join(server)
        }
    }

    async fn entries(&self) -> Result<Vec<Entry>> {
        let folder = self.folder();
        let done = tokio::task::spawn_blocking(move || entries(&folder));
        done.await
            .map_err(|error| Error::new(Kind::Internal, error.to_string()))?
    }

    async fn opened(&self, name: &str) -> Result<Vec<u8>> {
        let server = server_name(name)?;
        let path = self.place(&server);
        let content = tokio::fs::read(&path)
            .await
            .map_err(|error| at(&path, &error))?;
        self.engine.seals.check(&server, &content)?;
        Ok(content)
    }

    async fn pushed(&self, name: &str, content: Bytes) -> Result<u64> {
        let server = server_name(name)?;
        let place = self.place(&server);
        if let Ok(there) = tokio::fs::read(&place).await {
            if there == content {
                return Ok(there.len() as u64);
            }
            let text = format!("{name} is in the archive with another content");
            return Err(Error::new(Kind::StorageExists, text));
        }
        let never = CancellationToken::new();
        let program = &self.engine.program;
        self.engine.seals.put(&server, &content)?;
        let input = parcel(&server, &content)?;
        let said = program.fed(&["put-wal", SERVER], &[], Some(input), &never);
        said.await?.good()?;
        for _ in 0..TURNS {
            let said = program.run(&["archive-wal", SERVER], &[], &never).await?;
            match tokio::fs::read(&place).await {
                Ok(there) if there == content => return Ok(there.len() as u64),
                Ok(_) => {
                    let text = format!("barman put another content under {name}");
                    return Err(Error::new(Kind::BackupTool, text));
                }
                // Another archiver of the same server is at work.
                Err(_) => tracing::debug!(name, said = said.text(), "not archived yet"),
            }
            tokio::time::sleep(TURN).await;
        }
        let text = format!("barman took {name}, but it is not in its archive");
        Err(Error::new(Kind::BackupTool, text))
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

    fn elsewhere(&self, location: &Location, key: &SealKey) -> Result<Arc<dyn Files>> {
        let engine = Barman::at(location, &*key.derive(Barman::PURPOSE)?)?;
        Ok(Arc::new(Self { engine }))
    }
}

/// What `put-wal` reads: a tar file of the file and its checksum.
fn parcel(server: &str, content: &[u8]) -> Result<Vec<u8>> {
    let mut sums = Vec::new();
    writeln!(sums, "{} *{server}", hex::encode(Md5::digest(content)))?;
    let mut tar = tar::Builder::new(Vec::with_capacity(content.len() + 4096));
    for (name, content) in [(server, content), ("MD5SUMS", &sums)] {
        let mut header = tar::Header::new_ustar();
        header.set_size(content.len() as u64);
        header.set_mode(0o600);
        tar.append_data(&mut header, name, content)?;
    }
    Ok(tar.into_inner()?)
}

fn entries(folder: &Path) -> Result<Vec<Entry>> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    if folder.is_dir() {
        walk(folder, "", &mut found)?;
    }
    let mut entries = Vec::new();
    for (_, path) in found {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = repository_name(&file) else {
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

fn repository_name(file: &str) -> Option<String> {
    let hex = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if let Some(timeline) = file.strip_suffix(".history") {
        let timeline = (timeline.len() == 8).then(|| u32::from_str_radix(timeline, 16).ok())??;
        return Some(history_name(timeline));
    }
    let timeline = u32::from_str_radix(file.get(..8)?, 16).ok()?;
    (file.len() == DIGITS && hex(file)).then(|| format!("{}/{file}", wal_folder(timeline)))
}

/// The server's name of a file of the repository.
fn server_name(name: &str) -> Result<String> {
    let parts: Vec<&str> = name.split('/').collect();
    match parts.as_slice() {
        ["wal", "history", timeline] => Ok(format!("{timeline}.history")),
        ["wal", _, segment] if segment.len() == DIGITS => Ok((*segment).to_owned()),
        ["wal", _, partial, piece] if piece.starts_with("00000000-") => Ok((*partial).to_owned()),
        _ => Err(Error::new(
            Kind::Unsupported,
            format!("{name}: the archive of Barman takes whole segments, no pieces of them"),
        )
        .hint("archive with `tidegate wal push`; `tidegate wal receive` is for the engine native")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_translated_both_ways() {
        let segment = "00000002000000000000000B";
        let name = repository_name(segment).unwrap();
        assert_eq!(name, format!("wal/00000002/{segment}"));
        assert_eq!(server_name(&name).unwrap(), segment);
        assert_eq!(repository_name("00000003.history"), Some(history_name(3)));
        for stranger in ["xlog.db", "00000002000000000000000B.partial", "short"] {
            assert_eq!(repository_name(stranger), None, "{stranger}");
        }
    }

    #[test]
    fn a_parcel_carries_its_checksum() {
        let parcel = parcel("0A", b"test").unwrap();
        let mut archive = tar::Archive::new(parcel.as_slice());
        let entries = archive.entries().unwrap();
        let texts: Vec<String> = entries
            .map(|entry| std::io::read_to_string(entry.unwrap()).unwrap())
            .collect();
        assert_eq!(texts, ["test", "098f6bcd4621d373cade4e832627b4f6 *0A\n"]);
    }
}
