//! Programs that must not outlive this process, however it ends.
//!
//! A process that is killed cannot end its children, and a backup program that lost its starter goes
//! on for hours. So a shell waits for the end of a pipe whose other end is ours alone: the kernel
//! closes it with us, and the shell ends the program's whole group.

use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, Stdio};

/// A line means "it has ended by itself"; the end of the pipe means that nobody waits for it any more.
/// Who does not end within the grace is killed.
const SCRIPT: &str = "IFS= read -r word && exit 0; kill -s TERM -- \"-$1\" 2>/dev/null || exit 0; \
    n=0; while [ $n -lt 100 ] && kill -s 0 -- \"-$1\" 2>/dev/null; do sleep 0.1; n=$((n+1)); done; \
    kill -s KILL -- \"-$1\" 2>/dev/null";

/// Ends a group of processes when this value is dropped or this process is gone, unless it is let go.
#[derive(Debug)]
pub struct Leash {
    shell: Option<Child>,
}

impl Leash {
    /// Holds the group whose leader is the process `leader`, which was started with
    /// `process_group(0)`. Without a shell nothing is held, and the log says so.
    #[must_use]
    pub fn on(leader: Option<u32>) -> Self {
        let shell = leader.and_then(|leader| {
            let shell = Command::new("/bin/sh")
                .args(["-c", SCRIPT, "leash", &leader.to_string()])
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .current_dir("/")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                // What is typed at a terminal is for us; we end what we started.
                .process_group(0)
                .spawn();
            shell
                .inspect_err(|error| tracing::warn!(%error, "a program may outlive its starter"))
                .ok()
        });
        Self { shell }
    }

    /// The program has ended by itself.
    pub fn release(mut self) {
        if let Some(mut shell) = self.shell.take() {
            let told = shell
                .stdin
                .take()
                .map(|mut pipe| pipe.write_all(b"ended\n"));
            if matches!(told, Some(Ok(()))) {
                let _ = shell.wait();
            }
        }
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        if let Some(mut shell) = self.shell.take() {
            drop(shell.stdin.take());
            // It may take the whole grace; nobody has to wait for that.
            std::thread::spawn(move || shell.wait());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// A group of two that would go on for a minute; its output ends with its last process.
    fn group() -> Child {
        Command::new("sh")
            .args(["-c", "echo ready; sleep 60 & sleep 60"])
            .stdout(Stdio::piped())
            .process_group(0)
            .spawn()
            .unwrap()
    }

    fn ready(child: &mut Child) -> std::process::ChildStdout {
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0; 6]).unwrap();
        stdout
    }

    #[test]
    fn what_is_held_ends_with_the_value_all_of_its_group() {
        let mut child = group();
        let mut stdout = ready(&mut child);
        drop(Leash::on(Some(child.id())));
        let status = child.wait().unwrap();
        assert!(!status.success());
        stdout.read_to_end(&mut Vec::new()).unwrap();
    }

    #[test]
    fn what_is_let_go_goes_on() {
        let mut child = group();
        let stdout = ready(&mut child);
        Leash::on(Some(child.id())).release();
        assert!(child.try_wait().unwrap().is_none());
        drop(Leash::on(Some(child.id())));
        child.wait().unwrap();
        drop(stdout);
        Leash::on(None).release();
    }
}
