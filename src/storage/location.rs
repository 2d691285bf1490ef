//! Where files lie.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A place for files, as a configuration or a command names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// A folder: `file:PATH` or `file:///PATH`.
    Folder(PathBuf),
    /// An object store: `s3://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`, `gs://BUCKET/PREFIX`.
    Bucket {
        /// `s3`, `az` or `gs`.
        scheme: &'static str,
        /// The bucket or container.
        bucket: String,
        /// What all names begin with; empty or without slashes at its ends.
        prefix: String,
    },
}

/// The ways to write a scheme, and how the store's crate calls it.
const SCHEMES: [(&str, &str); 6] = [
    ("s3", "s3"),
    ("az", "az"),
    ("azure", "az"),
    ("gs", "gs"),
    ("gcs", "gs"),
    ("gcp", "gs"),
];

impl Location {
    /// Whether `text` names a location and not an environment.
    #[must_use]
    pub fn is_one(text: &str) -> bool {
        text.starts_with("file:") || text.contains("://") && !text.starts_with("postgres")
    }

    /// A folder that is relative to `root` becomes absolute.
    #[must_use]
    pub fn below(self, root: &Path) -> Self {
        match self {
            Self::Folder(path) => Self::Folder(root.join(path)),
            bucket @ Self::Bucket { .. } => bucket,
        }
    }
}

impl FromStr for Location {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("file:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            if path.is_empty() {
                return Err(format!("\"{text}\" names no folder"));
            }
            return Ok(Self::Folder(PathBuf::from(path)));
        }
        let (scheme, rest) = text.split_once("://").ok_or_else(|| {
            format!("\"{text}\" is not a location such as file:PATH or s3://BUCKET/PREFIX")
        })?;
        let scheme = SCHEMES
            .iter()
            .find(|(name, _)| *name == scheme)
            .map(|(_, scheme)| *scheme)
            .ok_or_else(|| format!("there is no store {scheme}: it is file, s3, az or gs"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        if bucket.is_empty() {
            return Err(format!("\"{text}\" names no bucket"));
        }
        Ok(Self::Bucket {
            scheme,
            bucket: bucket.to_owned(),
            prefix: prefix.trim_matches('/').to_owned(),
        })
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path) => write!(f, "file:{}", path.display()),
            Self::Bucket {
                scheme,
                bucket,
                prefix,
            } => write!(f, "{scheme}://{bucket}/{prefix}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locations_of_all_kinds() {
        for (text, shown) in [
            ("file:backups", "file:backups"),
            ("file:///var/backups", "file:/var/backups"),
            ("s3://shop-backups/prod/", "s3://shop-backups/prod"),
            ("azure://c", "az://c/"),
            ("gcs://b/a/b", "gs://b/a/b"),
        ] {
            let location: Location = text.parse().unwrap();
            assert_eq!(location.to_string(), shown);
            assert!(Location::is_one(text));
        }
        for wrong in ["", "file:", "backups", "ftp://a/b", "s3:///x"] {
            assert!(wrong.parse::<Location>().is_err(), "{wrong}");
        }
        assert!(!Location::is_one("staging") && !Location::is_one("postgres://h/d"));
    }
}
