//! A place for files, with the few operations that are needed: nothing that was written is ever
//! overwritten.

use std::error::Error as _;
use std::os::unix::fs::DirBuilderExt as _;
use std::sync::Arc;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures_util::{StreamExt, TryStreamExt};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
};
use sha2::{Digest, Sha256};

use super::Location;
use super::reader::Reader;
use super::root::Root;
use crate::error::{Error, Kind, Result};
use crate::postgres::bring_cryptography;

/// How often an operation is begun once more that the network has cut, and the first of the waits
/// between. What certainly did not arrive, and what a server asks to be repeated, the store's crate
/// repeats by itself.
const TRIES: usize = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// The mode of a folder that is made.
const FOLDER_MODE: u32 = 0o711;
/// Settings of S3 that hold unless others are named. With a checksum the server refuses an upload
/// that is not what was sent, and a bucket with an object lock takes no upload without one; files are
/// removed one by one, which every server knows and tells the reason of a refusal.
const S3_OPTIONS: [(&str, &str); 2] = [
    ("aws_checksum_algorithm", "sha256"),
    ("aws_disable_bulk_delete", "true"),
];

/// An opened [`Location`].
#[derive(Debug, Clone)]
pub struct Store {
    inner: Arc<dyn ObjectStore>,
    location: Location,
    /// The folder, in a file system.
    root: Option<Arc<Root>>,
}

impl Store {
    /// Opens a location; a folder is made when it is not there, and never again after that. `options` are the credentials and
    /// settings of the object store, named as its own tools name them (`aws_region`, ...).
    ///
    /// # Errors
    /// [`Kind::Storage`] when it cannot be reached or the options do not fit.
    pub fn open(location: &Location, options: Vec<(String, String)>) -> Result<Self> {
        let wrong = |error: object_store::Error| Self::error(location, &error);
        let mut root = None;
        let inner: Arc<dyn ObjectStore> = match location {
            Location::Folder(path) => {
                // Others may pass through it, as the owner of a cluster does, and not list it.
                let made = std::fs::DirBuilder::new()
                    .recursive(true)
                    .mode(FOLDER_MODE)
                    .create(path);
                made.map_err(|error| {
                    let text = format!("cannot make {}: {error}", path.display());
                    Error::new(Kind::Storage, text).because(error)
                })?;
                root = Some(Arc::new(Root::of(path)?));
                Arc::new(
                    LocalFileSystem::new_with_prefix(path)
                        .map_err(wrong)?
                        .with_fsync(true),
                )
            }
            Location::Bucket {
                scheme,
                bucket,
                prefix,
            } => {
                bring_cryptography();
                let url = format!("{scheme}://{bucket}")
                    .parse()
                    .map_err(|error| Error::new(Kind::Storage, format!("{location}: {error}")))?;
                let options = settled(scheme, options);
                let (store, _) = object_store::parse_url_opts(&url, options).map_err(wrong)?;
                Arc::new(PrefixStore::new(store, prefix.as_str()))
            }
        };
        Ok(Self {
            inner,
            location: location.clone(),
            root,
        })
    }

    /// Where it is.
    #[must_use]
    pub fn location(&self) -> &Location {
        &self.location
    }

    /// Refuses a folder that is not there any more: in its place another would be made, or nothing be
    /// found.
    async fn stands(&self) -> Result<()> {
        let Some(root) = self.root.clone() else {
            return Ok(());
        };
        let looked = tokio::task::spawn_blocking(move || root.check()).await;
        looked.map_err(|error| Error::new(Kind::Internal, error.to_string()))?
    }

    /// Writes a new file as a whole; it is there completely or not at all.
    ///
    /// # Errors
    /// [`Kind::StorageExists`] when there is one of that name with other content; [`Kind::Storage`] when
    /// the place is out of reach.
    pub async fn create(&self, name: &str, content: Bytes) -> Result<()> {
        self.stands().await?;
        let done = again(|| async {
            let options = PutOptions::from(PutMode::Create);
            let payload = PutPayload::from_bytes(content.clone());
            let path = Path::from(name);
            self.inner.put_opts(&path, payload, options).await
        });
        match done.await {
            Ok(_) => Ok(()),
            // When the answer to a request was lost, its repetition meets the file that it made.
            Err(object_store::Error::AlreadyExists { .. }) if self.read(name).await? == content => {
                Ok(())
            }
            Err(error) => Err(self.wrong(&error)),
        }
    }

    /// Reads a file as a whole; for manifests and chunks, whose size is bounded.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not there or out of reach.
    pub async fn read(&self, name: &str) -> Result<Bytes> {
        let read = || async { self.inner.get(&Path::from(name)).await?.bytes().await };
        again(read).await.map_err(|error| self.wrong(&error))
    }

    /// A file as a stream, and its bytes; for threads that may wait.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not there or out of reach.
    pub(super) async fn reader(&self, name: &str) -> Result<(Reader, u64)> {
        let found = again(|| async { self.inner.get(&Path::from(name)).await }).await;
        let found = found.map_err(|error| self.wrong(&error))?;
        let bytes = found.meta.size;
        let reader = match found.payload {
            GetResultPayload::File(file, _) => Reader::of_file(file),
            GetResultPayload::Stream(stream) => {
                let location = self.location.clone();
                let told =
                    stream.map(move |piece| piece.map_err(|error| Self::error(&location, &error)));
                Reader::of_stream(told.boxed())
            }
        };
        Ok((reader, bytes))
    }

    /// Bytes and SHA-256 (in hexadecimal digits) of a file of any size.
    ///
    /// # Errors
    /// [`Kind::Storage`] when it is not there or out of reach.
    pub async fn digest(&self, name: &str) -> Result<(u64, String)> {
        let wrong = |error| self.wrong(&error);
        let found = again(|| async { self.inner.get(&Path::from(name)).await }).await;
        let found = found.map_err(wrong)?;
        let (mut stream, mut bytes, mut hash) = (found.into_stream(), 0, Sha256::new());
        while let Some(piece) = stream.try_next().await.map_err(wrong)? {
            bytes += piece.len() as u64;
            hash.update(&piece);
        }
        Ok((bytes, hex::encode(hash.finalize())))
    }

    /// Whether there is a file of that name.
    ///
    /// # Errors
    /// [`Kind::Storage`] when the place is out of reach.
    pub async fn exists(&self, name: &str) -> Result<bool> {
        match again(|| async { self.inner.head(&Path::from(name)).await }).await {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(self.wrong(&error)),
        }
    }

    /// Names and sizes of all files below a folder, in no order.
    ///
    /// # Errors
    /// [`Kind::Storage`] when the place is out of reach.
    pub async fn list(&self, folder: &str) -> Result<Vec<(String, u64)>> {
        let files = self.entries(folder).await?.into_iter();
        Ok(files
            .map(|file| (file.location.to_string(), file.size))
            .collect())
    }

    /// The same, with the time at which the store got each file.
    ///
    /// # Errors
    /// [`Kind::Storage`] when the place is out of reach.
    pub async fn list_dated(&self, folder: &str) -> Result<Vec<(String, DateTime<Utc>)>> {
        let files = self.entries(folder).await?.into_iter();
        Ok(files
            .map(|file| (file.location.to_string(), file.last_modified))
            .collect())
    }

    /// All of a listing, or an error: half of one would say that files are not there.
    async fn entries(&self, folder: &str) -> Result<Vec<ObjectMeta>> {
        self.stands().await?;
        let folder = Path::from(folder);
        let listed = again(|| async { self.inner.list(Some(&folder)).try_collect().await }).await;
        listed.map_err(|error| self.wrong(&error))
    }

    /// Names, sizes and tags of all files, in no order. Another file of the same name has another tag;
    /// in a folder it is made of the inode and the time of the last change.
    ///
    /// # Errors
    /// [`Kind::Storage`] when the place is out of reach.
    pub async fn list_tagged(&self) -> Result<Vec<(String, u64, Option<String>)>> {
        let wrong = |error| self.wrong(&error);
        let top = self.inner.list_with_delimiter(None).await.map_err(wrong)?;
        let mut files = top.objects;
        for folder in top.common_prefixes {
            // At the root of a file system, for its owner alone.
            if folder.as_ref() == "lost+found" {
                continue;
            }
            let inside = self.inner.list(Some(&folder)).try_collect::<Vec<_>>().await;
            files.extend(inside.map_err(wrong)?);
        }
        let files = files.into_iter();
        Ok(files
            .map(|file| (file.location.to_string(), file.size, file.e_tag))
            .collect())
    }

    /// Removes a file; one that is not there is no error.
    ///
    /// # Errors
    /// [`Kind::StorageLocked`] when the store does not allow it; [`Kind::Storage`] when it is out of
    /// reach.
    pub async fn remove(&self, name: &str) -> Result<()> {
        use object_store::Error as Refused;
        match again(|| async { self.inner.delete(&Path::from(name)).await }).await {
            Ok(()) | Err(Refused::NotFound { .. }) => Ok(()),
            // Policies of immutability answer with a conflict, locks and roles with a refusal.
            Err(
                error @ (Refused::PermissionDenied { .. }
                | Refused::AlreadyExists { .. }
                | Refused::Precondition { .. }),
            ) if matches!(self.location, Location::Bucket { .. }) => Err(Error::new(
                Kind::StorageLocked,
                format!("{} does not let {name} be removed: {error}", self.location),
            )),
            Err(error) => Err(self.wrong(&error)),
        }
    }

    /// Removes a folder with everything in it; nothing there is no error. In a file system this
    /// takes uploads along that were cut off, which no listing shows.
    ///
    /// # Errors
    /// As [`Self::remove`].
    pub async fn remove_folder(&self, folder: &str) -> Result<()> {
        for (name, _) in self.list(folder).await? {
            self.remove(&name).await?;
        }
        let Location::Folder(root) = &self.location else {
            return Ok(());
        };
        let path = root.join(Path::from(folder).as_ref());
        match tokio::fs::remove_dir_all(&path).await {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                let text = format!("cannot remove {}: {error}", path.display());
                Err(Error::new(Kind::Storage, text).because(error))
            }
            _ => Ok(()),
        }
    }

    fn wrong(&self, error: &object_store::Error) -> Error {
        Self::error(&self.location, error)
    }

    fn error(location: &Location, error: &object_store::Error) -> Error {
        let kind = match error {
            object_store::Error::AlreadyExists { .. } => Kind::StorageExists,
            _ => Kind::Storage,
        };
        Error::new(kind, format!("{location}: {error}"))
    }
}

/// The options of a store, with what holds unless they say otherwise. `none` leaves one out.
fn settled(scheme: &str, mut options: Vec<(String, String)>) -> Vec<(String, String)> {
    if scheme != "s3" {
        return options;
    }
    for (name, value) in S3_OPTIONS {
        let short = name.trim_start_matches("aws_");
        if !options.iter().any(|(own, _)| own == name || own == short) {
            options.push((name.to_owned(), value.to_owned()));
        }
        options.retain(|(own, value)| (own != name && own != short) || value != "none");
    }
    options
}

/// Does what can be done any number of times, once more when the network has cut it.
async fn again<T, F>(work: impl Fn() -> F) -> object_store::Result<T>
where
    F: Future<Output = object_store::Result<T>>,
{
    let waits = ExponentialBuilder::default()
        .with_min_delay(FIRST_WAIT)
        .with_max_times(TRIES - 1)
        .with_jitter();
    work.retry(waits).when(is_cut).await
}

/// Whether a request or its answer was cut on its way, so that nobody knows what became of it. A
/// request that took too long is not: it would take as long again.
fn is_cut(error: &object_store::Error) -> bool {
    let mut cause = error.source();
    while let Some(inner) = cause {
        if let Some(http) = inner.downcast_ref::<HttpError>() {
            let cut = matches!(
                http.kind(),
                HttpErrorKind::Interrupted | HttpErrorKind::Decode | HttpErrorKind::Unknown
            );
            if cut {
                tracing::info!(%error, "a request was cut and is sent once more");
            }
            return cut;
        }
        cause = inner.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_in_a_folder() {
        let dir = tempfile::tempdir().unwrap();
        let location = Location::Folder(dir.path().join("a/b"));
        let store = Store::open(&location, Vec::new()).unwrap();
        store
            .create("x/1", Bytes::from_static(b"one"))
            .await
            .unwrap();
        assert_eq!(store.read("x/1").await.unwrap(), "one");
        let again = store.create("x/1", Bytes::from_static(b"two")).await;
        assert_eq!(again.unwrap_err().kind(), Kind::StorageExists);
        assert_eq!(store.read("x/1").await.unwrap(), "one");
        assert_eq!(store.list("x").await.unwrap(), [("x/1".to_owned(), 3)]);
        assert!(store.exists("x/1").await.unwrap());
        store.remove("x/1").await.unwrap();
        store.remove("x/1").await.unwrap();
        assert!(!store.exists("x/1").await.unwrap());
        let gone = store.read("x/1").await.unwrap_err();
        assert_eq!(gone.kind(), Kind::Storage);
    }
}
