//! The variables that concern the private PostgreSQL, read here so that no other room reads any.

use std::ffi::OsString;
use std::path::PathBuf;

/// Folder that holds `postgres` and `initdb`; goes before every other place.
pub const PG_BIN: &str = "PG_BIN";
/// Folder of everything that Tidegate keeps on this machine.
pub const TIDEGATE_HOME: &str = "TIDEGATE_HOME";

/// Variables that a server process keeps; everything else of the caller's environment, secrets
/// and `PG*` variables included, is dropped.
const SERVER_KEEPS: &[&str] = &["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The value of [`PG_BIN`].
#[must_use]
pub fn pg_bin() -> Option<PathBuf> {
    path(PG_BIN)
}

/// Where Tidegate keeps the private server, its caches and installed programs: `TIDEGATE_HOME`,
/// else `/var/lib/tidegate` for root, else `$XDG_DATA_HOME/tidegate` or
/// `~/.local/share/tidegate`. `None` when a normal user has no home directory.
#[must_use]
pub fn tidegate_home() -> Option<PathBuf> {
    if let Some(home) = path(TIDEGATE_HOME) {
        return std::path::absolute(home).ok();
    }
    if rustix::process::geteuid().is_root() {
        return Some(PathBuf::from("/var/lib/tidegate"));
    }
    path("XDG_DATA_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| path("HOME").map(|home| home.join(".local/share")))
        .map(|folder| folder.join("tidegate"))
}

/// The folders of `PATH`, in order.
#[must_use]
pub fn search_path() -> Vec<PathBuf> {
    std::env::var_os("PATH")
        .map(|value| std::env::split_paths(&value).collect())
        .unwrap_or_default()
}

/// Whether `TIDEGATE_FORMAT` asks for JSON.
#[must_use]
pub fn json_is_the_default() -> bool {
    std::env::var_os("TIDEGATE_FORMAT").is_some_and(|value| value == "json")
}

/// Name of the variable that binds a process to the one that started it; its value is the process
/// id of the starter, so that it means nothing to processes further down.
pub const UNTIL_EOF: &str = "TIDEGATE_UNTIL_EOF";

/// Whether this process stops when its stdin ends, which happens when the process that started it
/// dies, however it does.
#[must_use]
pub fn until_eof() -> bool {
    let starter = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().to_string());
    starter.is_some() && std::env::var(UNTIL_EOF).ok() == starter
}

/// The folder for temporary files.
#[must_use]
pub fn temp_dir() -> PathBuf {
    std::env::temp_dir()
}

/// The folder of this login's sockets (`XDG_RUNTIME_DIR`), when there is one.
#[must_use]
pub fn runtime_dir() -> Option<PathBuf> {
    path("XDG_RUNTIME_DIR").filter(|folder| folder.is_absolute())
}

/// User and group of the person behind `sudo`, when that is not root.
#[must_use]
pub fn sudo_user() -> Option<(u32, u32)> {
    let number = |name| std::env::var(name).ok()?.parse::<u32>().ok();
    let uid = number("SUDO_UID")?;
    (uid != 0).then(|| (uid, number("SUDO_GID").unwrap_or(uid)))
}

/// The environment that a server process starts with.
#[must_use]
pub fn server_environment() -> Vec<(String, OsString)> {
    SERVER_KEEPS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), std::env::var_os(name)?)))
        .chain([
            ("LC_ALL".to_owned(), "C".into()),
            ("TZ".to_owned(), "UTC".into()),
        ])
        .collect()
}

/// The variables of the tools of object stores, in lower case as their crate wants them.
#[must_use]
pub fn object_stores() -> Vec<(String, String)> {
    const PREFIXES: [&str; 3] = ["AWS_", "AZURE_", "GOOGLE_"];
    std::env::vars()
        .filter(|(name, _)| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect()
}

/// Names of the variables set now that would change where a libpq client connects, or how.
#[must_use]
pub fn libpq_variables() -> Vec<OsString> {
    std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| name.to_str().is_some_and(is_libpq))
        .collect()
}

fn is_libpq(name: &str) -> bool {
    name.starts_with("PG") && name != PG_BIN && !name.starts_with("PG_")
}

fn path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// Whether libpq's variables name a database or a host.
#[must_use]
pub fn libpq_variables_set() -> bool {
    ["PGHOST", "PGDATABASE", "PGPORT"]
        .iter()
        .any(|name| std::env::var_os(name).is_some())
}

/// The value of one of libpq's variables.
#[must_use]
pub fn libpq(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_variables_are_told_from_ours() {
        assert!(is_libpq("PGHOSTADDR"));
        assert!(is_libpq("PGOPTIONS"));
        assert!(!is_libpq("PG_BIN"));
        assert!(!is_libpq("PATH"));
    }

    #[test]
    fn a_server_inherits_no_secrets() {
        let names: Vec<_> = server_environment()
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert!(names.contains(&"LC_ALL".to_owned()));
        assert!(
            !names
                .iter()
                .any(|name| name.starts_with("PG") || name == "HOME")
        );
    }
}
