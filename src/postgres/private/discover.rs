//! Looks for the programs of PostgreSQL on this machine.

use std::path::{Path, PathBuf};

use super::binaries::{Binaries, is_program};
use crate::config::vars;
use crate::error::{Error, Kind, Result};

/// What to look for.
#[derive(Debug, Clone, Default)]
pub struct Search {
    /// Look in this folder only.
    pub bin: Option<PathBuf>,
    /// Take this major version only.
    pub major: Option<u32>,
    /// Tidegate's own folder, which may hold installed programs [default: the usual one].
    pub home: Option<PathBuf>,
}

/// The first set of programs that serves: the folder asked for or `PG_BIN` (then nothing else is
/// looked at), `postgres` in `PATH` with links resolved, `pg_config --bindir`, the folders of
/// Debian, Red Hat and Homebrew with the highest version first, and what `server install` made.
///
/// # Errors
/// [`Kind::PostgresMissing`] with the places looked at and why each did not serve.
pub async fn discover(search: &Search) -> Result<Binaries> {
    let explicit = search.bin.clone().or_else(vars::pg_bin);
    let places = match &explicit {
        Some(dir) => vec![dir.clone()],
        None => places(search).await,
    };
    let mut refused = Vec::new();
    for dir in places {
        match probe(&dir, search.major).await {
            Ok(found) => return Ok(found),
            Err(reason) => refused.push(format!("{}: {reason}", dir.display())),
        }
    }
    let wanted = search.major.map_or_else(
        || "PostgreSQL".to_owned(),
        |major| format!("PostgreSQL {major}"),
    );
    let message = match &explicit {
        Some(dir) => format!("{} does not hold the programs of {wanted}", dir.display()),
        None => format!("no programs of {wanted} on this machine"),
    };
    let mut error = Error::new(Kind::PostgresMissing, message);
    if let (None, Some(major)) = (&explicit, search.major) {
        error = error.hint(format!(
            "run `tidegate server install --pg-version {major} --yes`"
        ));
    }
    Err(refused.into_iter().fold(error, Error::detail))
}

async fn probe(dir: &Path, major: Option<u32>) -> Result<Binaries, String> {
    let found = Binaries::probe(dir).await?;
    match major {
        Some(major) if major != found.version.major => {
            return Err(format!("it is PostgreSQL {}", found.version));
        }
        _ => {}
    }
    Ok(found)
}

async fn places(search: &Search) -> Vec<PathBuf> {
    let mut places: Vec<PathBuf> = vars::search_path()
        .iter()
        .map(|dir| dir.join("postgres"))
        .filter(|program| is_program(program))
        .filter_map(|program| Some(program.canonicalize().ok()?.parent()?.to_owned()))
        .collect();
    if let Ok(output) = tokio::process::Command::new("pg_config")
        .arg("--bindir")
        .output()
        .await
        && output.status.success()
    {
        places.push(PathBuf::from(
            String::from_utf8_lossy(&output.stdout).trim(),
        ));
    }
    places.extend(versioned("/usr/lib/postgresql", "", "bin"));
    places.extend(versioned("/usr", "pgsql-", "bin"));
    places.push(PathBuf::from("/usr/local/pgsql/bin"));
    for brew in [
        "/opt/homebrew/opt",
        "/usr/local/opt",
        "/home/linuxbrew/.linuxbrew/opt",
    ] {
        places.extend(versioned(brew, "postgresql@", "bin"));
    }
    places.extend(versioned(
        "/Applications/Postgres.app/Contents/Versions",
        "",
        "bin",
    ));
    if let Some(home) = search.home.clone().or_else(vars::tidegate_home) {
        places.extend(versioned(home.join("postgresql"), "", "bin"));
    }
    let mut seen = std::collections::HashSet::new();
    places.retain(|place| seen.insert(place.canonicalize().unwrap_or_else(|_| place.clone())));
    places
}

/// `PARENT/<prefix><version>/<inner>`, the highest version first.
fn versioned(parent: impl AsRef<Path>, prefix: &str, inner: &str) -> Vec<PathBuf> {
    let Ok(entries) = parent.as_ref().read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<(Vec<u32>, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name();
            let version = name.to_str()?.strip_prefix(prefix)?;
            let numbers = version
                .split('.')
                .map(str::parse)
                .collect::<Result<_, _>>()
                .ok()?;
            Some((numbers, entry.path().join(inner)))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_version_comes_first_and_strangers_are_skipped() {
        let root = tempfile::tempdir().unwrap();
        for name in ["9.6", "14", "16.3", "16.12", "15", "old", "16.x", ".new"] {
            std::fs::create_dir(root.path().join(name)).unwrap();
        }
        let names: Vec<_> = versioned(root.path(), "", "bin")
            .iter()
            .map(|path| {
                path.strip_prefix(root.path())
                    .unwrap()
                    .display()
                    .to_string()
            })
            .collect();
        assert_eq!(
            names,
            ["16.12/bin", "16.3/bin", "15/bin", "14/bin", "9.6/bin"]
        );
        assert!(versioned(root.path().join("none"), "", "bin").is_empty());
    }

    #[tokio::test]
    async fn a_folder_asked_for_is_the_only_one_looked_at() {
        let empty = tempfile::tempdir().unwrap();
        let search = Search {
            bin: Some(empty.path().to_owned()),
            ..Search::default()
        };
        let error = discover(&search).await.unwrap_err();
        assert_eq!(error.kind(), Kind::PostgresMissing);
        assert_eq!(error.details().len(), 1);
    }
}
