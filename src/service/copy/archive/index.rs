//! What an archive consists of.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::copy::Signed;
use crate::error::{Error, Kind, Result};
use crate::storage::Repository;

/// Version of the form.
pub(super) const VERSION: u32 = 2;
/// Where the indexes lie.
const RUNS: &str = "copies";

/// One run, complete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Index {
    /// 2: the whole index is signed.
    pub version: u32,
    /// The run.
    pub run: String,
    /// Environment that the data comes from.
    pub from: String,
    /// The region that the data must not leave.
    pub region: Option<String>,
    /// Major version of the server that wrote the dump.
    pub major: i32,
    /// The options of `CREATE DATABASE` for encoding and locale.
    pub database: String,
    /// Hash of the plan.
    pub plan: String,
    /// What was proven, signed.
    pub manifest: Signed,
    /// The files of the dump.
    pub files: Vec<File>,
}

/// One file of the dump (`pg_dump --format=directory`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// Its name.
    pub name: String,
    /// Its parts, in order.
    pub parts: Vec<Part>,
}

/// A piece of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// SHA-256 of its bytes before they were sealed, in hexadecimal digits.
    pub sha256: String,
    /// Bytes before they were sealed.
    pub bytes: u64,
}

impl Part {
    /// Describes these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            sha256: hex::encode(Sha256::digest(bytes)),
            bytes: bytes.len() as u64,
        }
    }

    /// Its name in the repository: one place may hold parts under several keys.
    pub(super) fn name(&self, repository: &Repository) -> String {
        format!("parts/{}/{}", repository.key_id(), self.sha256)
    }

    /// Reads it back, and checks that it is what was written.
    pub(super) async fn read(&self, repository: &Repository) -> Result<Vec<u8>> {
        // Under the name of the key that sealed it, which may be a former one.
        let mut name = self.name(repository);
        if !repository.exists(&name).await? {
            for id in repository.key_ids().await?.into_iter().skip(1) {
                name = format!("parts/{id}/{}", self.sha256);
                if repository.exists(&name).await? {
                    break;
                }
            }
        }
        let bytes = repository.get(&name).await?;
        if Self::of(&bytes) != *self {
            return Err(Error::new(
                Kind::SealBroken,
                format!("the part {} holds something else", self.sha256),
            ));
        }
        Ok(bytes)
    }
}

impl Index {
    /// The name of a run's index.
    pub(super) fn name(run: &str) -> String {
        format!("{RUNS}/{run}/index")
    }

    /// The newest run of a repository, when one of the signers has signed it: the index names the parts by
    /// their hashes, so that its signature holds for all of them.
    pub(super) async fn newest(repository: &Repository, signers: &[String]) -> Result<Self> {
        let files = repository.list(RUNS).await?;
        let mut runs: Vec<&str> = files
            .iter()
            .filter_map(|(name, _)| {
                let run = name.strip_prefix(RUNS)?.strip_suffix("/index")?;
                Some(run.trim_start_matches('/'))
            })
            .collect();
        runs.sort_unstable();
        let newest = runs.pop().ok_or_else(|| {
            Error::new(
                Kind::Storage,
                format!("{} holds no complete copy", repository.location()),
            )
            .hint("tidegate copy run --from ENV --to LOCATION writes one")
        })?;
        let text = repository.get(&Self::name(newest)).await?;
        let signed: Signed = serde_json::from_slice(&text)
            .map_err(|error| Error::new(Kind::SealBroken, format!("the index: {error}")))?;
        let index: Self = signed.verify_by(signers)?;
        if index.version != VERSION {
            return Err(Error::new(
                Kind::SealBroken,
                format!("the archive has version {}, not {VERSION}", index.version),
            )
            .hint("use the Tidegate that wrote it, or a newer one"));
        }
        Ok(index)
    }
}
