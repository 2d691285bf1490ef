//! A repository: a store whose files are all sealed with one key.

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::level::level;
use super::reader::{reclaimed, room};
use super::ring::Ring;
use super::seal::{KEY_NAMED, key_named};
use super::{Entry, Files, Location, SealKey, Sealed, Sealer, Store, Text};
use crate::error::{Error, Kind, Result};

/// Room for the header, the tags of the frames and text that does not compress.
const OVERHEAD: usize = 64 * 1024;
/// Bytes that are hashed at once.
const BUFFER: usize = 256 * 1024;

/// A store whose files are all sealed. Cheap to clone; clones share the key.
///
/// One folder of it may be mounted: its files are then kept, and sealed, by another program.
#[derive(Debug, Clone)]
pub struct Repository {
    store: Store,
    ring: Arc<Ring>,
    mounted: Option<Arc<dyn Files>>,
}

impl Repository {
    /// Opens a location; a folder is made when it is not there. `options` are those of the store.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it cannot be reached or the options do not fit.
    pub fn open(location: &Location, options: Vec<(String, String)>, key: SealKey) -> Result<Self> {
        Ok(Self {
            store: Store::open(location, options)?,
            ring: Arc::new(Ring::new(key)),
            mounted: None,
        })
    }

    /// With a folder whose files another program keeps.
    #[must_use]
    pub fn mounted(self, files: Arc<dyn Files>) -> Self {
        Self {
            mounted: Some(files),
            ..self
        }
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        self.store.location()
    }

    /// The key's name; tells nothing about the key.
    #[must_use]
    pub fn key_id(&self) -> String {
        self.ring.key().id()
    }

    /// The names of the key and of those that it followed.
    ///
    /// # Errors
    /// [`Kind::Storage`]; [`Kind::SealBroken`] when a wrapped key is damaged.
    pub async fn key_ids(&self) -> Result<Vec<String>> {
        Ok(self.keys().await?.iter().map(SealKey::id).collect())
    }

    pub(super) fn ring(&self) -> &Ring {
        &self.ring
    }

    /// The same place, opened with another key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn with_key(&self, key: SealKey) -> Result<Self> {
        Ok(Self {
            store: self.store.clone(),
            mounted: self.elsewhere(self.location(), &key)?,
            ring: Arc::new(Ring::new(key)),
        })
    }

    /// Another place, opened with the same key.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn at(&self, location: &Location) -> Result<Self> {
        Ok(Self {
            store: Store::open(location, Vec::new())?,
            mounted: self.elsewhere(location, self.ring.key())?,
            ring: Arc::new(Ring::new(SealKey::clone(self.ring.key()))),
        })
    }

    fn elsewhere(&self, location: &Location, key: &SealKey) -> Result<Option<Arc<dyn Files>>> {
        let files = self.mounted.as_ref();
        files
            .map(|files| files.elsewhere(location, key))
            .transpose()
    }

    /// The files that another program keeps, when `name` is one of them or their folder.
    fn kept(&self, name: &str) -> Option<&Arc<dyn Files>> {
        let files = self.mounted.as_ref()?;
        let rest = name.strip_prefix(files.folder())?;
        (rest.is_empty() || rest.starts_with('/')).then_some(files)
    }

    /// Keys for something else than sealing, as [`SealKey::derive`]: of the key, and of those that it
    /// followed.
    ///
    /// # Errors
    /// As [`Self::key_ids`].
    pub async fn derive_all(&self, purpose: &str) -> Result<Vec<zeroize::Zeroizing<[u8; 32]>>> {
        let keys = self.keys().await?;
        keys.iter().map(|key| key.derive(purpose)).collect()
    }

    /// A key for something else than sealing, as [`SealKey::derive`].
    ///
    /// # Errors
    /// None in practice.
    pub fn derive(&self, purpose: &str) -> Result<zeroize::Zeroizing<[u8; 32]>> {
        self.ring.key().derive(purpose)
    }

    /// Seals `text` under a salt of its own and writes it as a new file. Returns its sealed bytes.
    /// Text and sealed file are in memory at once.
    ///
    /// # Errors
    /// [`Kind::StorageExists`] when there is a file of that name; [`Kind::Storage`].
    pub async fn put(&self, name: &str, text: impl Into<Bytes>) -> Result<u64> {
        let (length, _) = self.put_through(name, text.into(), Vec::new()).await?;
        Ok(length)
    }

    /// The same for one of many files: the sealed file is made in `buffer`, which comes back. A fresh
    /// one costs as much as sealing, since the system clears each page of it.
    ///
    /// # Errors
    /// As [`Self::put`].
    pub async fn put_through(
        &self,
        name: &str,
        text: Bytes,
        buffer: Vec<u8>,
    ) -> Result<(u64, Vec<u8>)> {
        if let Some(files) = self.kept(name) {
            return Ok((files.put(name, text).await?, buffer));
        }
        let key = Arc::clone(self.ring.key());
        let sealed = Bytes::from(blocking(move || seal(&text, &key, buffer)).await?);
        self.store.create(name, sealed.clone()).await?;
        let length = sealed.len() as u64;
        Ok((length, reclaimed(sealed)))
    }

    /// Reads and opens a file.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not there, [`Kind::SealKey`] when another key sealed it,
    /// [`Kind::SealBroken`] when it is damaged; all name it.
    pub async fn get(&self, name: &str) -> Result<Vec<u8>> {
        if let Some(files) = self.kept(name) {
            return files.get(name).await;
        }
        let sealed = self.sealed(name).await?;
        blocking(move || sealed.open()?.whole()).await
    }

    /// Reads a file that only the key of today can have sealed.
    pub(super) async fn get_own(&self, name: &str) -> Result<Vec<u8>> {
        let (reader, bytes) = self.store.reader(name).await?;
        let sealed = Sealed::new(name, (reader, bytes), self.ring.key());
        blocking(move || sealed.open()?.whole()).await
    }

    /// A file that is read piece by piece, by a thread that may wait.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not there, or the former keys are out of reach.
    pub async fn sealed(&self, name: &str) -> Result<Sealed> {
        let (mut reader, bytes) = self.store.reader(name).await?;
        let head = reader.ahead(KEY_NAMED).await;
        let key = match key_named(&head) {
            Some(id) => self.key_of(id).await?,
            // Whoever opens it says what is wrong.
            None => Arc::clone(self.ring.key()),
        };
        Ok(Sealed::new(name, (reader, bytes), &key))
    }

    /// Reads and opens a file, and tells the bytes and the SHA-256 (in hexadecimal digits) of its
    /// text, which is never in memory as a whole.
    ///
    /// # Errors
    /// As [`Repository::get`].
    pub async fn digest(&self, name: &str) -> Result<(u64, String)> {
        let sealed = self.sealed(name).await?;
        blocking(move || digest(sealed.open()?)).await
    }

    /// Bytes and SHA-256 (in hexadecimal digits) of a file as it lies there, opened by nobody.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not there or out of reach.
    pub async fn digest_as_is(&self, name: &str) -> Result<(u64, String)> {
        self.store.digest(name).await
    }

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn exists(&self, name: &str) -> Result<bool> {
        if let Some(files) = self.kept(name) {
            return files.exists(name).await;
        }
        self.store.exists(name).await
    }

    /// Names and sealed bytes of all files below a folder, sorted by name.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, u64)>> {
        let mut files: Vec<(String, u64)> = match self.kept(folder) {
            Some(kept) => below(kept.list().await?, folder)
                .map(|entry| (entry.name, entry.bytes))
                .collect(),
            None => self.store.list(folder).await?,
        };
        files.sort_unstable();
        Ok(files)
    }

    /// Names of all files below a folder, and when the store got them.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn list_dated(&self, folder: &str) -> Result<Vec<(String, DateTime<Utc>)>> {
        match self.kept(folder) {
            Some(kept) => Ok(below(kept.list().await?, folder)
                .map(|entry| (entry.name, entry.at))
                .collect()),
            None => self.store.list_dated(folder).await,
        }
    }

    /// Names, sizes and tags of all files as they lie there, those that another program keeps among
    /// them. Another file of the same name has another tag.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn list_tagged(&self) -> Result<Vec<(String, u64, Option<String>)>> {
        self.store.list_tagged().await
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn remove(&self, name: &str) -> Result<()> {
        if let Some(files) = self.kept(name) {
            return files.remove(name).await;
        }
        self.store.remove(name).await
    }

    /// Removes a folder with everything in it, unfinished uploads included; nothing there is no error.
    ///
    /// # Errors
    /// [`Kind::Storage`].
    pub async fn remove_folder(&self, folder: &str) -> Result<()> {
        self.store.remove_folder(folder).await
    }
}

/// The files below a folder.
fn below(files: Vec<Entry>, folder: &str) -> impl Iterator<Item = Entry> {
    let inside = move |entry: &Entry| {
        let rest = entry.name.strip_prefix(folder);
        rest.is_some_and(|rest| rest.starts_with('/'))
    };
    files.into_iter().filter(inside)
}

fn seal(text: &[u8], key: &SealKey, mut buffer: Vec<u8>) -> Result<Vec<u8>> {
    let salt = std::array::from_fn(|_| rand::random());
    let most = text.len() + text.len() / 1024 + OVERHEAD;
    buffer.clear();
    if buffer.capacity() < most {
        buffer = room(most);
    }
    let mut sealer = Sealer::at_level(buffer, key, salt, level(text)?)?;
    sealer.write_all(text)?;
    sealer.finish()
}

fn digest(mut text: Text) -> Result<(u64, String)> {
    let (mut bytes, mut hash) = (0, Sha256::new());
    let mut buffer = vec![0; BUFFER];
    loop {
        let read = text.read(&mut buffer)?;
        if read == 0 {
            return Ok((bytes, hex::encode(hash.finalize())));
        }
        hash.update(&buffer[..read]);
        bytes += read as u64;
    }
}

pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|error| Error::new(Kind::Internal, error.to_string()))?
}

#[cfg(test)]
mod tests {
    use secrecy::SecretString;

    use super::*;

    fn repository(dir: &std::path::Path, last: char) -> Repository {
        let text = format!("8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8{last}");
        let key = SealKey::parse(&SecretString::from(text)).unwrap();
        Repository::open(&Location::Folder(dir.to_owned()), Vec::new(), key).unwrap()
    }

    #[tokio::test]
    async fn what_was_put_comes_back_and_is_never_overwritten() {
        let dir = tempfile::tempdir().unwrap();
        let repository = repository(dir.path(), 'd');
        let text = vec![7; 600_000];
        let sealed = repository.put("b/2", text.clone()).await.unwrap();
        repository.put("b/1", Vec::new()).await.unwrap();
        let digest = hex::encode(Sha256::digest(&text));
        assert_eq!(repository.digest("b/2").await.unwrap(), (600_000, digest));
        assert_eq!(repository.get("b/2").await.unwrap(), text);
        let files = repository.list("b").await.unwrap();
        assert_eq!(files[1], ("b/2".to_owned(), sealed));
        assert_eq!(files[0].0, "b/1");
        let again = repository.put("b/2", Vec::new()).await.unwrap_err();
        assert_eq!(again.kind(), Kind::StorageExists);
        repository.remove_folder("b").await.unwrap();
        repository.remove_folder("b").await.unwrap();
        assert!(repository.list("b").await.unwrap().is_empty());
        assert!(!dir.path().join("b").exists());
    }

    #[tokio::test]
    async fn damage_and_wrong_keys_name_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let good = repository(dir.path(), 'd');
        good.put("x", &b"text"[..]).await.unwrap();
        let error = repository(dir.path(), 'e').get("x").await.unwrap_err();
        assert_eq!(error.kind(), Kind::SealKey);
        assert!(error.to_string().starts_with("x: "), "{error}");
        let path = dir.path().join("x");
        let mut bytes = std::fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let error = good.get("x").await.unwrap_err();
        assert_eq!(error.kind(), Kind::SealBroken);
        assert!(
            error.to_string().contains("x is damaged: its seal"),
            "{error}"
        );
        assert_eq!(good.digest("x").await.unwrap_err().kind(), Kind::SealBroken);
        assert_eq!(good.get("y").await.unwrap_err().kind(), Kind::Storage);
    }
}
