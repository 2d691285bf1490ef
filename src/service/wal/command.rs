//! The lines that a server's shell runs.

use std::path::Path;

/// `restore_command` for a server whose WAL comes through `socket`.
///
/// PostgreSQL takes exit codes from 1 to 125 for "there is no such file", which in a recovery
/// means "the log ends here": it would promote. So everything that is not that very answer becomes
/// 255, which stops it (PostgreSQL, `src/backend/access/transam/xlogarchive.c`).
#[must_use]
pub fn restore_command(program: &Path, socket: &Path) -> String {
    format!(
        "{} wal fetch --socket {} '%f' '%p'; case $? in 0) exit 0;; 1) exit 1;; *) exit 255;; esac",
        quoted(program),
        quoted(socket)
    )
}

/// `archive_command` for a server whose WAL goes through `socket`.
#[must_use]
pub fn archive_command(program: &Path, socket: &Path) -> String {
    format!(
        "{} wal push --socket {} '%p'",
        quoted(program),
        quoted(socket)
    )
}

/// A path for the shell, after PostgreSQL has replaced what begins with `%`.
fn quoted(path: &Path) -> String {
    let path = path.display().to_string();
    format!("'{}'", path.replace('\'', r"'\''").replace('%', "%%"))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// Runs the line with a program that ends with `code`.
    fn ends(code: u8) -> Option<i32> {
        let dir = tempfile::Builder::new().prefix("it's 5% ").tempdir();
        let dir = dir.unwrap();
        let program = dir.path().join("program");
        let text = format!("#!/bin/sh\n[ \"$4\" = 's s' ] || exit 99\nexit {code}\n");
        std::fs::write(&program, text).unwrap();
        let mode = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(&program, mode).unwrap();
        let line = restore_command(&program, Path::new("s s")).replace("%%", "%");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &line]).status().unwrap().code()
    }

    #[test]
    fn only_the_end_of_the_log_is_told_as_such() {
        assert_eq!(ends(0), Some(0));
        assert_eq!(ends(1), Some(1));
        // A wrong option, a panic, a kill.
        for code in [2, 101, 125, 137, 255] {
            assert_eq!(ends(code), Some(255), "{code}");
        }
    }

    #[test]
    fn nothing_but_the_file_is_replaced() {
        let line = archive_command(Path::new("/a%p/b'c"), Path::new("/s"));
        assert_eq!(line, r"'/a%%p/b'\''c' wal push --socket '/s' '%p'");
    }
}
