//! Tells whether the server that `postmaster.pid` names is alive and ours, and signals it.
//!
//! The file belongs to the server's user, and this process may be root, so a process id in it is
//! only believed when the process runs as that user and was started on that cluster.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, Signal};

#[cfg(target_os = "linux")]
use super::process::Process;

/// What `postmaster.pid` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PidFile {
    /// The process.
    pub(super) pid: i32,
    /// The folder of its socket.
    pub(super) socket: PathBuf,
    /// Whether it takes connections.
    pub(super) ready: bool,
}

impl PidFile {
    /// Reads the file of the cluster in `data`; `None` when there is none or it is not complete.
    pub(super) fn read(data: &Path) -> Option<Self> {
        Self::read_file(&data.join("postmaster.pid"))
    }

    /// Reads `postmaster.pid`, or the lock file of a socket, which begins like it.
    pub(super) fn read_file(path: &Path) -> Option<Self> {
        Self::parse(&std::fs::read_to_string(path).ok()?)
    }

    /// The lines are: process, cluster, start, port, socket folder, address, memory, state
    /// (`pidfile.h` of PostgreSQL).
    fn parse(text: &str) -> Option<Self> {
        let lines: Vec<&str> = text.lines().collect();
        let pid = lines.first()?.trim().parse().ok().filter(|pid| *pid > 0)?;
        Some(Self {
            pid,
            socket: PathBuf::from(*lines.get(4).unwrap_or(&"")),
            ready: lines.get(7).is_some_and(|state| state.trim() == "ready"),
        })
    }
}

/// A process that was seen to be the server of a cluster.
#[derive(Debug)]
pub(super) struct Postmaster {
    pid: Pid,
    data: PathBuf,
    uid: u32,
}

impl Postmaster {
    /// The live server of the cluster in `data`, which belongs to user `uid`.
    pub(super) fn find(data: &Path, uid: u32) -> Option<(Self, PidFile)> {
        let file = PidFile::read(data)?;
        let found = Self {
            pid: Pid::from_raw(file.pid)?,
            data: data.to_owned(),
            uid,
        };
        found.alive().then_some((found, file))
    }

    /// Whether it still runs.
    pub(super) fn alive(&self) -> bool {
        #[cfg(target_os = "linux")]
        return Process::open(self.pid).is_some_and(|process| self.is(&process));
        #[cfg(not(target_os = "linux"))]
        is_server(self.pid.as_raw_nonzero().get(), &self.data, self.uid)
    }

    #[cfg(target_os = "linux")]
    fn is(&self, process: &Process) -> bool {
        process.runs_as(self.uid) && started_on(&process.command(), &self.data)
    }

    /// Sends `signal`, to this process and to no other that got its number since.
    pub(super) fn signal(&self, signal: Signal) {
        #[cfg(target_os = "linux")]
        if let Some(process) = Process::open(self.pid)
            && self.is(&process)
        {
            process.signal(signal);
        }
        #[cfg(not(target_os = "linux"))]
        if self.alive() {
            let _ = rustix::process::kill_process(self.pid, signal);
        }
    }

    /// Its process id.
    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits until it is gone; false when it still runs after `patience`.
    pub(super) async fn gone(&self, patience: Duration) -> bool {
        let wait = async {
            while self.alive() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(patience, wait).await.is_ok()
    }

    /// The same for places that cannot await.
    pub(super) fn gone_blocking(&self, patience: Duration) -> bool {
        let step = Duration::from_millis(5);
        for _ in 0..patience.as_millis() / step.as_millis() {
            if !self.alive() {
                return true;
            }
            std::thread::sleep(step);
        }
        !self.alive()
    }
}

/// Asks the back ends that a killed server titled `title` left to end. One that computes does
/// not notice by itself that its server is gone, and PostgreSQL rightly refuses to start beside
/// it. They are known by their titles: root in a container may not see where another user's
/// processes work.
#[cfg(target_os = "linux")]
pub(super) fn end_orphans(title: &str, uid: u32) {
    let title = format!("postgres: {title}: ");
    for process in Process::all() {
        if process.runs_as(uid) && process.command().starts_with(title.as_bytes()) {
            process.signal(Signal::TERM);
        }
    }
}

/// As on Linux; elsewhere the back ends are waited for.
#[cfg(not(target_os = "linux"))]
pub(super) fn end_orphans(_title: &str, _uid: u32) {}

/// Whether a process of that number exists and may be signalled by `uid`, so that PostgreSQL
/// would take a stale `postmaster.pid` for a live one.
pub(super) fn number_taken(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| rustix::process::test_kill_process(pid).is_ok())
}

#[cfg(target_os = "linux")]
fn started_on(command: &[u8], data: &Path) -> bool {
    let arguments: Vec<&[u8]> = command.split(|byte| *byte == 0).collect();
    let data = data.as_os_str().as_encoded_bytes();
    arguments
        .windows(2)
        .any(|pair| pair[0] == b"-D" && pair[1] == data)
}

#[cfg(not(target_os = "linux"))]
fn is_server(pid: i32, data: &Path, uid: u32) -> bool {
    let Ok(output) = std::process::Command::new("/bin/ps")
        .args(["-ww", "-o", "uid=,command=", "-p", &pid.to_string()])
        .output()
    else {
        return false;
    };
    let text = String::from_utf8_lossy(&output.stdout);
    let Some((owner, command)) = text.trim().split_once(char::is_whitespace) else {
        return false;
    };
    owner.parse() == Ok(uid) && command.contains(&format!("-D {}", data.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const READY: &str = "4711\n/x/data\n1700000000\n5432\n/x/socket\n\n  1234  5678\nready   \n";

    #[test]
    fn the_file_of_a_ready_server() {
        let file = PidFile::parse(READY).unwrap();
        assert_eq!((file.pid, file.ready), (4711, true));
        assert_eq!(file.socket, Path::new("/x/socket"));
    }

    #[test]
    fn a_file_that_is_being_written_is_not_ready() {
        for end in 0..READY.len() - "ready   \n".len() {
            assert!(!PidFile::parse(&READY[..end]).is_some_and(|file| file.ready));
        }
        assert!(
            !PidFile::parse(&READY.replace("ready   ", "starting"))
                .unwrap()
                .ready
        );
        assert_eq!(
            PidFile::parse("-4711\n"),
            None,
            "as a single-user back end writes it"
        );
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn another_process_with_the_number_is_not_the_server() {
        let dir = tempfile::tempdir().unwrap();
        let me = std::process::id();
        std::fs::write(
            dir.path().join("postmaster.pid"),
            READY.replace("4711", &me.to_string()),
        )
        .unwrap();
        let uid = rustix::process::geteuid().as_raw();
        assert!(Postmaster::find(dir.path(), uid).is_none());
        assert!(started_on(
            b"postgres\0-D\0/x/data\0-c\0",
            Path::new("/x/data")
        ));
        assert!(!started_on(
            b"postgres\0-D\0/x/data2\0",
            Path::new("/x/data")
        ));
    }
}
