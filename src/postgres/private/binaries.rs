//! One set of server programs.

use std::ffi::OsString;
use std::fmt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::identity::Identity;
use crate::config::vars;

/// The oldest major version that Tidegate works with.
pub(super) const OLDEST: u32 = 14;

/// A version of PostgreSQL, for example 15.18.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Version {
    /// The major version: 15.
    pub major: u32,
    /// The minor version: 18; 0 for a beta or a release candidate.
    pub minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Version {
    /// Reads the output of `postgres --version`:
    /// `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)` or `postgres (PostgreSQL) 19beta1`.
    #[must_use]
    pub fn parse(output: &str) -> Option<Self> {
        let text = output.split_once("(PostgreSQL)")?.1.trim_start();
        let digits =
            |text: &str| -> String { text.chars().take_while(char::is_ascii_digit).collect() };
        let major = digits(text);
        let minor = text[major.len()..]
            .strip_prefix('.')
            .map(digits)
            .unwrap_or_default();
        Some(Self {
            major: major.parse().ok()?,
            minor: minor.parse().unwrap_or(0),
        })
    }
}

/// A folder with `postgres` and `initdb` of a version that serves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Binaries {
    /// The folder, links resolved.
    pub dir: PathBuf,
    /// Version of `postgres` in it.
    pub version: Version,
}

impl Binaries {
    /// Looks at one folder.
    ///
    /// # Errors
    /// In a few words, why the folder does not serve.
    pub async fn probe(dir: &Path) -> Result<Self, String> {
        let dir = dir.canonicalize().map_err(|error| error.to_string())?;
        for program in ["postgres", "initdb"] {
            if !is_program(&dir.join(program)) {
                return Err(format!("no {program} there"));
            }
        }
        let identity = Identity::current().map_err(|error| error.to_string())?;
        let mut command = tokio::process::Command::new(dir.join("postgres"));
        command.arg("--version").kill_on_drop(true);
        // Not as root: the folder may belong to a user, and the server's user must be able to.
        identity.prepare(&mut command, Path::new("/"));
        let output = command
            .output()
            .await
            .map_err(|error| format!("user {identity} cannot run postgres: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        match Version::parse(&text) {
            Some(version) if version.major >= OLDEST => Ok(Self { dir, version }),
            Some(version) => Err(format!("PostgreSQL {version} is older than {OLDEST}")),
            None => {
                let said = String::from_utf8_lossy(&output.stderr);
                let said = said.lines().next().unwrap_or("nothing");
                Err(format!("postgres --version: {said}"))
            }
        }
    }

    /// The path of `name`, when that program is in the folder.
    #[must_use]
    pub fn program(&self, name: &str) -> Option<PathBuf> {
        Some(self.dir.join(name)).filter(|path| is_program(path))
    }

    /// The environment that its programs start with. Packages that are unpacked anywhere keep their
    /// libraries beside the programs, where the loader does not look for those of a library
    /// (`libpqwalreceiver` needs `libpq`).
    #[must_use]
    pub fn environment(&self) -> Vec<(String, OsString)> {
        const PATHS: &str = "LD_LIBRARY_PATH";
        let mut all = vars::server_environment();
        let own = self.dir.with_file_name("lib");
        if own.join("libpq.so.5").exists() {
            let mut paths = own.into_os_string();
            if let Some(place) = all.iter().position(|(name, _)| name == PATHS) {
                paths.push(":");
                paths.push(all.swap_remove(place).1);
            }
            all.push((PATHS.to_owned(), paths));
        }
        all
    }

    /// A short name for this very build; a fresh cluster of one build may be copied for the next.
    pub(super) fn build(&self) -> String {
        let mut hash = Sha256::new();
        hash.update(self.dir.as_os_str().as_encoded_bytes());
        if let Ok(facts) = self.dir.join("postgres").metadata() {
            hash.update(facts.len().to_le_bytes());
            hash.update(facts.mtime().to_le_bytes());
            hash.update(facts.ino().to_le_bytes());
        }
        format!("{}-{}", self.version, &hex::encode(hash.finalize())[..12])
    }
}

pub(super) fn is_program(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|facts| facts.is_file() && facts.mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<(u32, u32)> {
        Version::parse(text).map(|version| (version.major, version.minor))
    }

    #[test]
    fn versions_of_packagers_and_betas() {
        assert_eq!(
            parse("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"),
            Some((15, 18))
        );
        assert_eq!(parse("postgres (PostgreSQL) 18.6"), Some((18, 6)));
        assert_eq!(parse("postgres (PostgreSQL) 19beta1"), Some((19, 0)));
        assert_eq!(parse("postgres (PostgreSQL) 19devel"), Some((19, 0)));
        assert_eq!(parse("postgres (GooglePG) fast"), None);
        assert_eq!(parse(""), None);
    }

    #[tokio::test]
    async fn a_folder_with_clients_only_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(
            Binaries::probe(dir.path()).await.unwrap_err(),
            "no postgres there"
        );
    }
}
