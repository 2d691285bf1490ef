//! Seals of WAL: Barman keeps no checksum of a segment, so that a changed byte behind its last record
//! would go unseen, and one before it would look like the end of the log.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use ring::hmac::{HMAC_SHA256, Key, sign, verify};

use crate::engines::kept_files::{lay_down, settle, walk};
use crate::error::{Error, Kind, Result};

/// One small file for each file of WAL: HMAC-SHA-256 over its name and its content.
#[derive(Clone)]
pub(super) struct Seals {
    folder: PathBuf,
    key: Arc<Key>,
}

impl fmt::Debug for Seals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Seals")
            .field("folder", &self.folder)
            .finish_non_exhaustive()
    }
}

impl Seals {
    pub(super) fn new(folder: PathBuf, key: &[u8; 32]) -> Self {
        Self {
            folder,
            key: Arc::new(Key::new(HMAC_SHA256, key)),
        }
    }

    /// Seals a file that is not in the archive yet.
    pub(super) fn put(&self, name: &str, content: &[u8]) -> Result<()> {
        let seal = hex::encode(sign(&self.key, &text(name, content)));
        let new = self
            .folder
            .join(format!("{name}.{:08x}.new", rand::random::<u32>()));
        lay_down(&new, seal.as_bytes())?;
        std::fs::rename(new, self.folder.join(name))?;
        settle(&self.folder)
    }

    /// Whether a file is what was sealed.
    pub(super) fn check(&self, name: &str, content: &[u8]) -> Result<()> {
        let broken = |why: &str| {
            let text = format!("the WAL file {name} does not open: {why}");
            Err(Error::new(Kind::SealBroken, text))
        };
        let Ok(seal) = std::fs::read(self.folder.join(name)) else {
            return broken("it came without a seal");
        };
        match hex::decode(seal) {
            Ok(seal) if verify(&self.key, &text(name, content), &seal).is_ok() => Ok(()),
            _ => broken("its seal does not hold"),
        }
    }

    /// Removes the seals of files that are not in the archive any more.
    pub(super) fn sweep(&self, archive: &[PathBuf]) -> Result<()> {
        let mut files = Vec::new();
        for folder in archive {
            walk(folder, "", &mut files)?;
        }
        let names: std::collections::BTreeSet<String> = files
            .iter()
            .filter_map(|(name, _)| Some(name.rsplit_once('/')?.1.to_owned()))
            .collect();
        let newest = names.iter().rfind(|name| name.len() == 24);
        for entry in self.folder.read_dir()?.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            // One that is newer than the archive is of a file that is on its way.
            let older = newest.is_some_and(|newest| name.as_str() < newest.as_str());
            if older && !names.contains(&name) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }
}

fn text(name: &str, content: &[u8]) -> Vec<u8> {
    [name.as_bytes(), b"\0", content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_for_its_file_under_its_name_and_key_alone() {
        let dir = tempfile::tempdir().unwrap();
        let seals = Seals::new(dir.path().to_owned(), &[7; 32]);
        seals.put("0A", b"wal").unwrap();
        seals.check("0A", b"wal").unwrap();
        seals.put("0B", b"other").unwrap();
        for (name, content, word) in [
            ("0A", &b"waL"[..], "does not hold"),
            ("0B", b"wal", "does not hold"),
            ("0C", b"wal", "without a seal"),
        ] {
            let error = seals.check(name, content).unwrap_err();
            assert_eq!(error.kind(), Kind::SealBroken);
            assert!(error.to_string().contains(word), "{error}");
        }
        let stranger = Seals::new(dir.path().to_owned(), &[8; 32]);
        assert!(stranger.check("0A", b"wal").is_err());
    }
}
