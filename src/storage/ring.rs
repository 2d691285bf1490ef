//! The keys of a repository: the one that seals, and those before it, each in a file that the key of
//! today opens (an envelope, NIST SP 800-57 part 1, "key wrapping"). What they sealed stays as it is.
//!
//! A file names the key that sealed it, and the envelope of that key is looked for when such a file comes:
//! most processes, such as one for each segment of WAL, never meet one.

use std::collections::BTreeMap;
use std::sync::Arc;

use secrecy::SecretString;
use tokio::sync::Mutex;
use zeroize::Zeroizing;

use super::key::KEY_ID;
use super::repository::blocking;
use super::{Repository, SealKey};
use crate::error::{Error, Kind, Result};

/// Where the wrapped keys lie: `keys/<id of the key that opens it>/<id of the key in it>`.
const FOLDER: &str = "keys";
/// Files that are tried with a key that is said to have sealed them.
const LOOKS: usize = 64;

/// The key that seals, and of those that it followed the ones that were asked for.
#[derive(Debug)]
pub(super) struct Ring {
    key: Arc<SealKey>,
    former: Mutex<BTreeMap<[u8; KEY_ID], Arc<SealKey>>>,
}

impl Ring {
    pub(super) fn new(key: SealKey) -> Self {
        Self {
            key: Arc::new(key),
            former: Mutex::default(),
        }
    }

    /// The key that seals.
    pub(super) fn key(&self) -> &Arc<SealKey> {
        &self.key
    }
}

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rotated {
    /// The name of the key that seals from now on.
    pub key: String,
    /// The names of the keys that it opens files of, newest first.
    pub former: Vec<String>,
}

impl Repository {
    /// The key of this name, when the repository has it; else the one that seals, which says that it
    /// does not open the file.
    ///
    /// # Errors
    /// As [`Self::keys`].
    pub(super) async fn key_of(&self, id: [u8; KEY_ID]) -> Result<Arc<SealKey>> {
        let own = self.ring().key();
        if own.id_bytes() == id {
            return Ok(Arc::clone(own));
        }
        let mut known = self.ring().former.lock().await;
        if let Some(key) = known.get(&id) {
            return Ok(Arc::clone(key));
        }
        let name = format!("{FOLDER}/{}/{}", own.id(), hex::encode(id));
        if !self.exists(&name).await? {
            return Ok(Arc::clone(own));
        }
        let key = Arc::new(self.unwrapped(&name).await?);
        known.insert(id, Arc::clone(&key));
        Ok(key)
    }

    /// The key that seals, and those that it followed.
    ///
    /// # Errors
    /// [`Kind::Storage`]; [`Kind::SealBroken`] when a wrapped key is damaged.
    pub(super) async fn keys(&self) -> Result<Vec<SealKey>> {
        let own = SealKey::clone(self.ring().key());
        let mut keys = vec![own];
        keys.extend(self.former().await?);
        Ok(keys)
    }

    async fn former(&self) -> Result<Vec<SealKey>> {
        let mut former = Vec::new();
        for (name, _) in self.list(&format!("{FOLDER}/{}", self.key_id())).await? {
            former.push(self.unwrapped(&name).await?);
        }
        Ok(former)
    }

    /// The key in an envelope. Only the key of today opens one: no other is looked for.
    async fn unwrapped(&self, name: &str) -> Result<SealKey> {
        let text = Zeroizing::new(self.get_own(name).await?);
        let text = std::str::from_utf8(&text)
            .map_err(|_| Error::new(Kind::SealBroken, format!("{name} holds no key")))?;
        let key = SealKey::parse(&SecretString::from(text))?;
        if !name.ends_with(&key.id()) {
            let why = format!("{name} holds the key {}", key.id());
            return Err(Error::new(Kind::SealBroken, why));
        }
        Ok(key)
    }

    /// Lets this repository's key open what `old` and the keys before it have sealed. The wrapped keys
    /// under `old` go last, so that a rotation that was killed is done again.
    ///
    /// # Errors
    /// [`Kind::SealKey`] when `old` is the key itself, or has sealed nothing here; [`Kind::Storage`].
    pub async fn rotate(&self, old: SealKey) -> Result<Rotated> {
        if old.id() == self.key_id() {
            return Err(
                Error::new(Kind::SealKey, "the old key is the one that seals already")
                    .hint("put the new key where TIDEGATE_SEAL_KEY or [storage] key points to, and name the old one"),
            );
        }
        let before = self.with_key(old.clone())?;
        let mut keys = before.former().await?;
        if keys.is_empty() && !before.opens_something().await? {
            return Err(Error::new(
                Kind::SealKey,
                format!(
                    "the key {} has sealed nothing in {}",
                    old.id(),
                    self.location()
                ),
            ));
        }
        keys.push(old);
        let own = self.key_id();
        // A key that comes back needs no envelope of its own.
        keys.retain(|key| key.id() != own);
        for key in &keys {
            let name = format!("{FOLDER}/{own}/{}", key.id());
            if !self.exists(&name).await? {
                self.put(&name, key.text().as_bytes().to_vec()).await?;
            }
        }
        // What was written is read back before the only other copies go.
        let former: Vec<String> = self.former().await?.iter().rev().map(SealKey::id).collect();
        if let Some(lost) = keys.iter().find(|key| !former.contains(&key.id())) {
            let why = format!("the key {} did not come back as it was written", lost.id());
            return Err(Error::new(Kind::SealBroken, why));
        }
        before
            .remove_folder(&format!("{FOLDER}/{}", before.key_id()))
            .await?;
        Ok(Rotated { key: own, former })
    }

    /// Whether there is a file that this key opens, among the first ones.
    async fn opens_something(&self) -> Result<bool> {
        for (name, _) in self.list("").await?.into_iter().take(LOOKS) {
            let sealed = self.sealed(&name).await?;
            match blocking(move || sealed.open().map(drop)).await {
                Ok(()) => return Ok(true),
                Err(error) if matches!(error.kind(), Kind::SealKey | Kind::SealBroken) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::storage::Location;

    fn key(last: char) -> SealKey {
        let text = format!("8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8{last}");
        SealKey::parse(&SecretString::from(text)).unwrap()
    }

    fn repository(dir: &Path, last: char) -> Repository {
        let location = Location::Folder(dir.to_owned());
        Repository::open(&location, Vec::new(), key(last)).unwrap()
    }

    #[tokio::test]
    async fn files_of_every_former_key_open_with_the_newest_alone() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        repository(dir, '1').put("one", "a").await.unwrap();
        let second = repository(dir, '2');
        assert_eq!(
            second.rotate(key('1')).await.unwrap().former,
            [key('1').id()]
        );
        let second = repository(dir, '2');
        second.put("two", "b").await.unwrap();
        assert_eq!(second.get("one").await.unwrap(), b"a");
        let third = repository(dir, '3');
        let former = third.rotate(key('2')).await.unwrap().former;
        assert_eq!(former.len(), 2, "{former:?}");
        // A rotation that was killed at its end is done again.
        assert_eq!(third.rotate(key('2')).await.unwrap().former, former);
        let third = repository(dir, '3');
        for (name, text) in [("one", b"a"), ("two", b"b")] {
            assert_eq!(third.get(name).await.unwrap(), text);
        }
        let ids = third.key_ids().await.unwrap();
        assert_eq!(ids.len(), 3);
        // The one before opens its own files still, and no later key's.
        let second = repository(dir, '2');
        assert_eq!(second.get("two").await.unwrap(), b"b");
        assert_eq!(second.get("one").await.unwrap_err().kind(), Kind::SealKey);
        third.put("three", "c").await.unwrap();
        assert_eq!(second.get("three").await.unwrap_err().kind(), Kind::SealKey);
    }

    #[tokio::test]
    async fn a_key_that_sealed_nothing_is_no_former_one() {
        let dir = tempfile::tempdir().unwrap();
        repository(dir.path(), '1').put("one", "a").await.unwrap();
        for old in ['3', '2'] {
            let error = repository(dir.path(), '2').rotate(key(old)).await;
            assert_eq!(error.unwrap_err().kind(), Kind::SealKey, "{old}");
        }
        assert!(!dir.path().join("keys").exists());
    }

    #[tokio::test]
    async fn a_wrapped_key_that_was_exchanged_is_damage() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        repository(dir, '1').put("one", "a").await.unwrap();
        repository(dir, '2').rotate(key('1')).await.unwrap();
        let folder = format!("keys/{}", key('2').id());
        let other = format!("{folder}/{}", key('9').id());
        std::fs::rename(
            dir.join(format!("{folder}/{}", key('1').id())),
            dir.join(other),
        )
        .unwrap();
        repository(dir, '9').put("nine", "b").await.unwrap();
        let second = repository(dir, '2');
        let error = second.get("nine").await.unwrap_err();
        assert_eq!(error.kind(), Kind::SealBroken);
        let error = second.key_ids().await.unwrap_err();
        assert_eq!(error.kind(), Kind::SealBroken);
        assert_eq!(second.get("one").await.unwrap_err().kind(), Kind::SealKey);
    }
}
