//! Files of the policy.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::Config;
use crate::error::{Error, Kind, Result};
use crate::masking::policy::SourceText;

/// The path as the user would name it: relative to the project's folder.
pub(super) fn shorten(config: &Config, path: &Path) -> PathBuf {
    path.strip_prefix(&config.root)
        .map_or_else(|_| path.to_owned(), Path::to_owned)
}

/// Reads every `*.toml` of the folder, sorted by name.
///
/// # Errors
/// [`Kind::ConfigNotFound`] when there is none; an unreadable file.
pub(super) fn read_all(config: &Config) -> Result<Vec<SourceText>> {
    let dir = config.masking_dir();
    let mut paths = Vec::new();
    match std::fs::read_dir(&dir) {
        Ok(entries) => {
            for entry in entries {
                let path = entry?.path();
                let hidden = path
                    .file_name()
                    .is_none_or(|name| name.to_string_lossy().starts_with('.'));
                if !hidden && path.extension().is_some_and(|kind| kind == "toml") {
                    paths.push(path);
                }
            }
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(unreadable(&dir, &error)),
    }
    if paths.is_empty() {
        return Err(Error::new(
            Kind::ConfigNotFound,
            format!("there are no masking rules in {}", dir.display()),
        )
        .hint(format!(
            "run `tidegate mask scan --write masking-rules/{}.toml` and review what it drafts",
            config.project
        )));
    }
    paths.sort();
    paths
        .into_iter()
        .map(|path| {
            let text = std::fs::read_to_string(&path).map_err(|error| unreadable(&path, &error))?;
            Ok(SourceText {
                path: shorten(config, &path),
                text: Arc::from(text),
            })
        })
        .collect()
}

pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Io, format!("cannot read {}: {error}", path.display()))
}
