//! Rotation of the key that seals: a repository keeps its former keys, each in a file that the key of
//! today opens (an envelope, NIST SP 800-57 part 1, "key wrapping"). What they sealed stays as it is.

use std::sync::Arc;

use secrecy::SecretString;
use zeroize::Zeroizing;

use super::repository::blocking;
use super::{Repository, SealKey};
use crate::error::{Error, Kind, Result};

/// Where the wrapped keys lie: `keys/<id of the key that opens it>/<id of the key in it>`.
const FOLDER: &str = "keys";
/// Files that are tried with a key that is said to have sealed them.
const LOOKS: usize = 64;

/// What a rotation did.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Rotated {
    /// The name of the key that seals from now on.
    pub key: String,
    /// The names of the keys that it opens files of, newest first.
    pub former: Vec<String>,
}

impl Repository {
    /// With the former keys that the key of this repository opens; files of them open, too.
    ///
    /// # Errors
    /// [`Kind::Storage`]; [`Kind::SealBroken`] when a wrapped key is damaged.
    pub async fn with_former_keys(self) -> Result<Self> {
        let former = self.former().await?;
        Ok(match former.is_empty() {
            true => self,
            false => self.opening(former),
        })
    }

    async fn former(&self) -> Result<Vec<SealKey>> {
        let mut former = Vec::new();
        for (name, _) in self.list(&format!("{FOLDER}/{}", self.key_id())).await? {
            let text = Zeroizing::new(self.get(&name).await?);
            let text = std::str::from_utf8(&text)
                .map_err(|_| Error::new(Kind::SealBroken, format!("{name} holds no key")))?;
            let key = SealKey::parse(&SecretString::from(text))?;
            if !name.ends_with(&key.id()) {
                let why = format!("{name} holds the key {}", key.id());
                return Err(Error::new(Kind::SealBroken, why));
            }
            former.push(key);
        }
        Ok(former)
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

    fn opening(self, former: Vec<SealKey>) -> Self {
        let key = Arc::new(self.key().with_former(former));
        self.keyed(key)
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

    async fn ringed(dir: &Path, last: char) -> Repository {
        repository(dir, last).with_former_keys().await.unwrap()
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
        let second = ringed(dir, '2').await;
        second.put("two", "b").await.unwrap();
        assert_eq!(second.get("one").await.unwrap(), b"a");
        let third = repository(dir, '3');
        let former = third.rotate(key('2')).await.unwrap().former;
        assert_eq!(former.len(), 2, "{former:?}");
        // A rotation that was killed at its end is done again.
        assert_eq!(third.rotate(key('2')).await.unwrap().former, former);
        let third = ringed(dir, '3').await;
        for (name, text) in [("one", b"a"), ("two", b"b")] {
            assert_eq!(third.get(name).await.unwrap(), text);
        }
        let ids: Vec<String> = third.key_ids().collect();
        assert_eq!(ids.len(), 3);
        // The one before opens its own files still, and no later key's.
        let second = ringed(dir, '2').await;
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
        let error = repository(dir, '2').with_former_keys().await.unwrap_err();
        assert_eq!(error.kind(), Kind::SealBroken);
    }
}
