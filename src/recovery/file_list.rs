//! The files of a base backup, as PostgreSQL's own manifest lists them, against those that were
//! unpacked.

use std::collections::HashMap;

use serde::Deserialize;

/// The name of the manifest in a data folder.
pub const FILE_LIST: &str = "backup_manifest";

/// Size and SHA-256 of every file that was unpacked, by its path in the data folder. The paths of
/// tablespaces begin with `pg_tblspc/<oid>`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unpacked(HashMap<String, (u64, [u8; 32])>);

/// The part of the manifest that is compared (PostgreSQL documentation, "Backup Manifest Format").
#[derive(Debug, Deserialize)]
struct Manifest {
    #[serde(rename = "Files")]
    files: Vec<File>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File {
    path: Option<String>,
    /// In hexadecimal digits, when the path is no UTF-8.
    #[serde(rename = "Encoded-Path")]
    encoded_path: Option<String>,
    size: u64,
    #[serde(rename = "Checksum-Algorithm")]
    checksum_algorithm: Option<String>,
    checksum: Option<String>,
}

impl Unpacked {
    /// Notes a file.
    pub fn note(&mut self, path: String, bytes: u64, sha256: [u8; 32]) {
        self.0.insert(path, (bytes, sha256));
    }

    /// Takes the files of another stream.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// Files noted.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What is not as the manifest says, each with its file, at most ten of them; none when all is
    /// well. That no other file is there is not looked at.
    ///
    /// # Errors
    /// A sentence, when the manifest is none, or has checksums that are no SHA-256.
    pub fn differences(&self, manifest: &[u8]) -> Result<Vec<String>, String> {
        let manifest: Manifest = serde_json::from_slice(manifest)
            .map_err(|error| format!("{FILE_LIST} cannot be read: {error}"))?;
        let mut found = Vec::new();
        for file in manifest.files {
            let path = match (file.path, file.encoded_path) {
                (Some(path), _) => path,
                (None, Some(digits)) => match hex::decode(&digits) {
                    Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
                    Err(_) => return Err(format!("{FILE_LIST} has the path {digits}")),
                },
                (None, None) => return Err(format!("{FILE_LIST} has a file without a path")),
            };
            let (Some("SHA256"), Some(wanted)) =
                (file.checksum_algorithm.as_deref(), file.checksum)
            else {
                return Err(format!("{FILE_LIST} has no SHA-256 of {path}"));
            };
            match self.0.get(&path) {
                None => found.push(format!("{path} is not there")),
                Some((bytes, _)) if *bytes != file.size => {
                    found.push(format!("{path} has {bytes} bytes of {}", file.size));
                }
                Some((_, sha256)) if !hex::encode(sha256).eq_ignore_ascii_case(&wanted) => {
                    found.push(format!("{path} has another checksum"));
                }
                Some(_) => {}
            }
            if found.len() == 10 {
                break;
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;

    fn unpacked(content: &[u8]) -> Unpacked {
        let mut files = Unpacked::default();
        let bytes = content.len() as u64;
        files.note("base/1/2".to_owned(), bytes, Sha256::digest(content).into());
        files
    }

    #[test]
    fn each_file_is_the_one_that_the_manifest_names() {
        let digest = hex::encode(Sha256::digest(b"page")).to_uppercase();
        let line = |path: &str, size: u64, digest: &str| {
            format!(
                r#"{{"Files": [{{ {path}, "Size": {size}, "Last-Modified": "x", "Checksum-Algorithm": "SHA256", "Checksum": "{digest}" }}], "WAL-Ranges": []}}"#
            )
        };
        let plain = r#""Path": "base/1/2""#;
        let encoded = format!(r#""Encoded-Path": "{}""#, hex::encode("base/1/2"));
        let found = |text: String, content: &[u8]| unpacked(content).differences(text.as_bytes());
        assert_eq!(found(line(plain, 4, &digest), b"page"), Ok(Vec::new()));
        assert_eq!(found(line(&encoded, 4, &digest), b"page"), Ok(Vec::new()));
        for (text, content, words) in [
            (line(plain, 4, &digest), &b"pagf"[..], "another checksum"),
            (line(plain, 4, &digest), b"pages", "5 bytes of 4"),
            (
                line(r#""Path": "base/1/3""#, 4, &digest),
                b"page",
                "base/1/3 is not there",
            ),
        ] {
            let all = found(text, content).unwrap();
            assert!(all.len() == 1 && all[0].contains(words), "{all:?}");
        }
        assert!(found(line(plain, 4, &digest).replace("SHA256", "CRC32C"), b"page").is_err());
        assert!(found("{".to_owned(), b"page").is_err());
    }
}
