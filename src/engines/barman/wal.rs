//! Its archive of WAL, under the names that a repository gives it. The files lie there in the clear,
//! in two folders: the one that Barman takes WAL from, and the one that it takes it to.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio_util::sync::CancellationToken;

use super::Barman;
use crate::engines::kept_files::{at, lay_down, settle, walk};
use crate::engines::local::give_like;
use crate::error::{Error, Kind, Result};
use crate::recovery::{history_name, wal_folder};
use crate::storage::{Entry, Files, Location, SealKey};

/// Digits of a segment's name, and of them those that name its folder.
const DIGITS: usize = 24;
const GROUP: usize = 16;
/// Files that wait until Barman takes them over.
const BATCH: usize = 32;

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

    /// Where a file is once Barman has taken it over.
    fn place(&self, server: &str) -> PathBuf {
        // Histories are in no group.
        match server.get(..GROUP).filter(|_| server.len() >= DIGITS) {
            Some(group) => self.folder().join(group).join(server),
            None => self.folder().join(server),
        }
    }

    /// Whether it has a file. One may be on its way from one folder to the other.
    pub(super) fn holds(&self, server: &str) -> bool {
        self.places(server).iter().any(|place| place.is_file())
    }

    fn places(&self, server: &str) -> [PathBuf; 3] {
        let incoming = self.engine.program.incoming().join(server);
        [self.place(server), incoming, self.place(server)]
    }

    /// The content of a file, as it lies there; none when it is not there.
    fn lying(&self, server: &str) -> Result<Option<Vec<u8>>> {
        for place in self.places(server) {
            match std::fs::read(&place) {
                Ok(content) => return Ok(Some(content)),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(at(&place, &error)),
            }
        }
        Ok(None)
    }

    fn opened(&self, name: &str) -> Result<Vec<u8>> {
        let server = server_name(name)?;
        let content = self.lying(&server)?.ok_or_else(|| {
            let text = format!("{name} is not in the archive of Barman");
            Error::new(Kind::Storage, text)
        })?;
        self.engine.seals.check(&server, &content)?;
        Ok(content)
    }

    /// Puts a file where Barman takes WAL from: that is what an `archive_command` for Barman does.
    /// Its own `put-wal` does no more, and takes a start of Python for each segment.
    fn pushed(&self, name: &str, content: &[u8]) -> Result<u64> {
        let server = server_name(name)?;
        let program = &self.engine.program;
        if !program.incoming().is_dir() {
            let text = "Barman takes no WAL before the first backup has begun";
            return Err(Error::new(Kind::BackupTool, text));
        }
        let conflict = || {
            let text = format!("{name} is in the archive with another content");
            Err(Error::new(Kind::StorageExists, text))
        };
        match self.lying(&server)? {
            None => {}
            Some(there) if there == content => return Ok(there.len() as u64),
            Some(_) => return conflict(),
        }
        self.engine.seals.put(&server, content)?;
        // Barman overlooks such a name.
        let chance = rand::random::<u32>();
        let new = program
            .incoming()
            .join(format!("{server}.{chance:08x}.tmp"));
        let place = program.incoming().join(&server);
        let put = lay_down(&new, content)
            .and_then(|()| give_like(&new, program.root(), 0o640))
            .and_then(|()| Ok(std::fs::hard_link(&new, &place)?));
        let _ = std::fs::remove_file(&new);
        put?;
        settle(&program.incoming())?;
        Ok(content.len() as u64)
    }

    /// Has Barman take over what came, when that is much.
    async fn hand_over(&self) {
        let incoming = self.engine.program.incoming();
        let waiting = incoming.read_dir().map_or(0, Iterator::count);
        if waiting < BATCH {
            return;
        }
        let never = CancellationToken::new();
        match self.engine.take_over(&never).await {
            Ok(said) if said.well => {}
            // What came is safe where it is.
            Ok(said) => tracing::warn!(said = said.text(), "barman archive-wal failed"),
            Err(error) => tracing::warn!(%error, "barman archive-wal failed"),
        }
    }
}

/// Runs what waits for the disk.
async fn blocking<T: Send + 'static>(
    archive: &Archive,
    work: impl FnOnce(&Archive) -> Result<T> + Send + 'static,
) -> Result<T> {
    let archive = archive.clone();
    let done = tokio::task::spawn_blocking(move || work(&archive)).await;
    done.map_err(|error| Error::new(Kind::Internal, error.to_string()))?
}

impl Files for Archive {
    fn folder(&self) -> &'static str {
        "wal"
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<Entry>>> {
        blocking(self, |archive| {
            // In the order in which files move, so that none is overlooked.
            let folders = [archive.engine.program.incoming(), archive.folder()];
            entries(&folders)
        })
        .boxed()
    }

    fn exists<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<bool>> {
        async { Ok(self.holds(&server_name(name)?)) }.boxed()
    }

    fn get<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Vec<u8>>> {
        let name = name.to_owned();
        blocking(self, move |archive| archive.opened(&name)).boxed()
    }

    fn put<'a>(&'a self, name: &'a str, content: Bytes) -> BoxFuture<'a, Result<u64>> {
        let name = name.to_owned();
        async {
            let put = blocking(self, move |archive| archive.pushed(&name, &content)).await?;
            self.hand_over().await;
            Ok(put)
        }
        .boxed()
    }

    fn remove<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<()>> {
        async {
            for place in self.places(&server_name(name)?) {
                match std::fs::remove_file(&place) {
                    Err(error) if error.kind() != ErrorKind::NotFound => {
                        return Err(at(&place, &error));
                    }
                    _ => {}
                }
            }
            Ok(())
        }
        .boxed()
    }

    fn elsewhere(&self, location: &Location, key: &SealKey) -> Result<Arc<dyn Files>> {
        let engine = Barman::at(location, &*key.derive(Barman::PURPOSE)?)?;
        Ok(Arc::new(Self { engine }))
    }
}

fn entries(folders: &[PathBuf]) -> Result<Vec<Entry>> {
    let mut found: Vec<(String, PathBuf)> = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        walk(folder, "", &mut found)?;
    }
    let mut entries = BTreeMap::new();
    for (_, path) in found {
        let file = path.file_name().unwrap_or_default().to_string_lossy();
        let Some(name) = repository_name(&file) else {
            continue;
        };
        let facts = match path.metadata() {
            // It moves on; the other folder has it.
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            facts => facts.map_err(|error| at(&path, &error))?,
        };
        let entry = Entry {
            name: name.clone(),
            bytes: facts.len(),
            at: DateTime::<Utc>::from(facts.modified()?),
        };
        entries.insert(name, entry);
    }
    Ok(entries.into_values().collect())
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

    #[tokio::test]
    async fn wal_is_found_in_both_folders_and_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Folder(dir.path().to_owned());
        let engine = Barman::at(&location, &[7; 32]).unwrap();
        let archive = Archive::of(engine.clone());
        let name = "wal/00000001/000000010000000000000003";
        let early = archive.put(name, Bytes::from_static(b"a")).await;
        assert_eq!(early.unwrap_err().kind(), Kind::BackupTool);
        std::fs::create_dir_all(engine.program.incoming()).unwrap();
        std::fs::create_dir_all(dir.path().join("barman/seals")).unwrap();
        archive.put(name, Bytes::from_static(b"a")).await.unwrap();
        archive.put(name, Bytes::from_static(b"a")).await.unwrap();
        let other = archive.put(name, Bytes::from_static(b"b")).await;
        assert_eq!(other.unwrap_err().kind(), Kind::StorageExists);
        assert_eq!(archive.list().await.unwrap().len(), 1);

        // Barman takes it over.
        let place = archive.place("000000010000000000000003");
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        let incoming = engine.program.incoming();
        std::fs::rename(incoming.join("000000010000000000000003"), &place).unwrap();
        let names: Vec<String> = archive
            .list()
            .await
            .unwrap()
            .into_iter()
            .map(|one| one.name)
            .collect();
        assert_eq!(names, [name]);
        assert_eq!(archive.get(name).await.unwrap(), b"a");
        assert!(archive.exists(name).await.unwrap());
        std::fs::write(&place, b"b").unwrap();
        assert_eq!(
            archive.get(name).await.unwrap_err().kind(),
            Kind::SealBroken
        );

        // The rest of a timeline that a promotion left.
        let rest = format!("{name}.partial/00000000-1");
        archive.put(&rest, Bytes::from_static(b"r")).await.unwrap();
        assert!(archive.exists(&rest).await.unwrap());
        assert_eq!(archive.list().await.unwrap().len(), 1);

        let history = history_name(2);
        std::fs::write(archive.folder().join("00000002.history"), "1 0/3").unwrap();
        assert!(archive.exists(&history).await.unwrap());
        let unsealed = archive.get(&history).await.unwrap_err();
        assert!(
            unsealed.to_string().contains("without a seal"),
            "{unsealed}"
        );

        archive.remove(name).await.unwrap();
        archive.remove(name).await.unwrap();
        assert!(!archive.exists(name).await.unwrap());
    }
}
