//! The server's own log: where it begins, and its end for error messages.

use std::path::{Path, PathBuf};

use super::folder;
use super::layout::Layout;
use crate::error::Result;

/// Lines of each file that an error message carries.
const LINES: usize = 10;
/// What PostgreSQL says when its log collector takes over.
const HANDED_OVER: &str = "redirecting log output";

/// The file for what the server says before its log collector runs; empty at each start.
pub(super) fn create(layout: &Layout) -> Result<std::fs::File> {
    let path = first(layout);
    std::fs::File::create(&path).map_err(|error| folder::at(&path, error))
}

/// The last lines that the server wrote since it was last started.
pub(super) fn tail(layout: &Layout) -> Vec<String> {
    let mut lines = last_lines(&first(layout), LINES);
    if lines.iter().any(|line| line.contains(HANDED_OVER)) {
        lines.retain(|line| !line.contains(HANDED_OVER) && !line.contains("HINT:  Future log"));
        lines.extend(
            newest(&layout.log)
                .iter()
                .flat_map(|path| last_lines(path, LINES)),
        );
    }
    lines
}

fn first(layout: &Layout) -> PathBuf {
    layout.dir.join("start.log")
}

fn newest(folder: &Path) -> Option<PathBuf> {
    let entries = folder.read_dir().ok()?.flatten();
    entries
        .max_by_key(|entry| entry.metadata().and_then(|facts| facts.modified()).ok())
        .map(|entry| entry.path())
}

/// The last `count` lines among the last 16 kB of a file.
fn last_lines(path: &Path, count: usize) -> Vec<String> {
    use std::io::{Read, Seek, SeekFrom};
    let mut bytes = Vec::new();
    if let Ok(mut file) = std::fs::File::open(path) {
        let size = file.metadata().map_or(0, |facts| facts.len());
        let _ = file.seek(SeekFrom::Start(size.saturating_sub(16 * 1024)));
        let _ = file.take(16 * 1024).read_to_end(&mut bytes);
    }
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let skip = lines.len().saturating_sub(count);
    lines.into_iter().skip(skip).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_old_log_is_not_taken_for_this_start() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        std::fs::create_dir(&layout.log).unwrap();
        std::fs::write(layout.log.join("server-Mon.log"), "all is well\n").unwrap();
        std::fs::write(first(&layout), "FATAL:  no\n").unwrap();
        assert_eq!(tail(&layout), ["FATAL:  no"]);
        std::fs::write(first(&layout), "LOG:  redirecting log output to it\n").unwrap();
        assert_eq!(tail(&layout), ["all is well"]);
    }

    #[test]
    fn only_the_end_of_a_long_log_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("log");
        let text: String = (0..9999).map(|n| format!("line {n}\n")).collect();
        std::fs::write(&path, text).unwrap();
        assert_eq!(last_lines(&path, 2), ["line 9997", "line 9998"]);
        assert!(last_lines(&dir.path().join("none"), 2).is_empty());
    }
}
