//! Reads the change files of a project.

use std::path::Path;

use crate::error::{Error, Kind, Result};
use crate::migration::{Change, in_order, parse_change};

/// Reads one change file, with its down script when there is one.
///
/// # Errors
/// An unreadable file, and everything that is wrong with it.
pub fn load_change(path: &Path) -> Result<Change> {
    let read = |path: &Path| {
        std::fs::read_to_string(path).map_err(|error| {
            Error::new(Kind::Io, format!("cannot read {}: {error}", path.display())).because(error)
        })
    };
    let text = read(path)?;
    let down = path.with_extension("down.sql");
    let down = if path.extension().is_some_and(|kind| kind == "sql") && down.exists() {
        Some(read(&down)?)
    } else {
        None
    };
    parse_change(path, &text, down.as_deref())
}

/// Reads every change file of a folder, in order. A folder that is not there holds none.
///
/// # Errors
/// Those of [`load_change`], and two changes with one number.
pub fn load_changes(dir: &Path) -> Result<Vec<Change>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => {
            return Err(Error::new(
                Kind::Io,
                format!("cannot read {}: {error}", dir.display()),
            ));
        }
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let change =
            name.ends_with(".toml") || name.ends_with(".sql") && !name.ends_with(".down.sql");
        if change && !name.starts_with('.') {
            paths.push(path);
        }
    }
    paths.sort();
    in_order(
        paths
            .iter()
            .map(|path| load_change(&shorten(path)))
            .collect::<Result<_>>()?,
    )
}

/// The path as the user would name it: relative to the working directory when it lies below.
fn shorten(path: &Path) -> std::path::PathBuf {
    std::env::current_dir()
        .ok()
        .and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned))
        .unwrap_or_else(|| path.to_owned())
}
