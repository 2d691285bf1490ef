//! Processes of this machine, as Linux shows them (proc(5), pidfd_open(2)).
//!
//! Only what everybody may read of a process is read: root in a container may not see the program
//! or the folder of another user's process.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};

/// A process, held so that its number cannot pass to another one unseen.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    /// None where the kernel (before 5.3) or a sandbox has no handles.
    handle: Option<OwnedFd>,
}

impl Process {
    /// The process of that number; none when there is none.
    #[must_use]
    pub fn open(pid: Pid) -> Option<Self> {
        let handle = match pidfd_open(pid, PidfdFlags::empty()) {
            Err(Errno::SRCH) => return None,
            opened => opened.ok(),
        };
        Some(Self { pid, handle })
    }

    /// All processes that can be seen; those that come meanwhile may be missing.
    pub fn all() -> impl Iterator<Item = Self> {
        let entries = Path::new("/proc").read_dir();
        entries.into_iter().flatten().flatten().filter_map(|entry| {
            let number = entry.file_name().to_str()?.parse().ok()?;
            Self::open(Pid::from_raw(number)?)
        })
    }

    /// Its number.
    #[must_use]
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Whether it runs as the user `uid`. False when it is gone.
    #[must_use]
    pub fn runs_as(&self, uid: u32) -> bool {
        real_uid(&self.text("status")) == Some(uid)
    }

    /// Its command line, each word ended by a zero byte; a title that a server gave itself has none
    /// inside. Empty when it is gone.
    #[must_use]
    pub fn command(&self) -> Vec<u8> {
        std::fs::read(self.folder().join("cmdline")).unwrap_or_default()
    }

    /// Its parent; none when it is gone.
    #[must_use]
    pub fn parent(&self) -> Option<Pid> {
        parent(&self.text("stat")).and_then(Pid::from_raw)
    }

    /// Sends `signal`, to this process and, where there are handles, to no other that got its number
    /// since.
    pub fn signal(&self, signal: Signal) {
        let _ = match &self.handle {
            Some(handle) => pidfd_send_signal(handle, signal),
            None => kill_process(self.pid, signal),
        };
    }

    fn folder(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}", self.pid.as_raw_nonzero()))
    }

    fn text(&self, file: &str) -> String {
        std::fs::read_to_string(self.folder().join(file)).unwrap_or_default()
    }
}

fn real_uid(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("Uid:"))?;
    ids.split_whitespace().next()?.parse().ok()
}

/// The fourth field of `/proc/PID/stat`; the second, the name, may hold anything.
fn parent(stat: &str) -> Option<i32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_proc_are_read() {
        assert_eq!(parent("7 (a) S 9) (b) R 42 7 7 0"), Some(42));
        assert_eq!(parent(""), None);
        assert_eq!(
            real_uid("Name:\tpostgres\nUid:\t0\t101\t101\t101\n"),
            Some(0)
        );
        assert_eq!(real_uid("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_is_among_all() {
        let own = rustix::process::getpid();
        let found = Process::all().find(|process| process.pid() == own).unwrap();
        assert!(found.runs_as(rustix::process::getuid().as_raw()));
        assert_eq!(found.parent(), rustix::process::getppid());
        assert!(!found.command().is_empty());
    }
}
