//! Runs the real binary.

use std::ffi::OsStr;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use serde_json::Value;

/// A command line of the binary, with a clean environment and no terminal.
#[derive(Debug)]
pub(crate) struct Cli {
    command: Command,
    input: Option<Vec<u8>>,
    // The home folder when none was given, kept as long as the process.
    home: tempfile::TempDir,
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Outcome {
    status: ExitStatus,
    /// What it wrote on stdout.
    pub(crate) stdout: String,
    /// What it wrote on stderr.
    pub(crate) stderr: String,
}

/// The binary at work.
#[derive(Debug)]
pub(crate) struct Running {
    child: Option<Child>,
    _home: tempfile::TempDir,
}

impl Cli {
    /// The binary with these arguments.
    pub(crate) fn new<'a>(args: impl IntoIterator<Item = &'a str>) -> Self {
        let home = tempfile::Builder::new()
            .prefix("tgh-")
            .tempdir()
            .expect("home folder");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tidegate"));
        command
            .args(args)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", home.path())
            .env("LANG", "C.UTF-8")
            .env("TZ", "UTC")
            .current_dir(home.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(bin) = super::server::programs_of_home() {
            command.env("PG_BIN", bin);
        }
        Self {
            command,
            input: None,
            home,
        }
    }

    /// Further arguments.
    pub(crate) fn args<'a>(mut self, args: impl IntoIterator<Item = &'a str>) -> Self {
        self.command.args(args);
        self
    }

    /// The working directory.
    pub(crate) fn dir(mut self, dir: &Path) -> Self {
        self.command.current_dir(dir);
        self
    }

    /// A variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What the process reads from stdin.
    pub(crate) fn input(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.command.stdin(Stdio::piped());
        self.input = Some(bytes.into());
        self
    }

    /// Runs it in a network namespace; the process id is its own all the same.
    pub(crate) fn in_network(mut self, namespace: &str) -> Self {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/run/netns/{namespace}"))
            .arg(self.command.get_program())
            .args(self.command.get_args())
            .env_clear()
            .envs(
                self.command
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            )
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(dir) = self.command.get_current_dir() {
            command.current_dir(dir);
        }
        self.command = command;
        self
    }

    /// Starts it and does not wait.
    pub(crate) fn spawn(mut self) -> Running {
        let mut child = self.command.spawn().expect("the binary starts");
        if let (Some(bytes), Some(mut stdin)) = (self.input, child.stdin.take()) {
            // A process that does not read its input breaks the pipe; its outcome tells.
            let _ = stdin.write_all(&bytes);
        }
        Running {
            child: Some(child),
            _home: self.home,
        }
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Outcome {
        self.spawn().wait()
    }

    /// Runs it; the test fails unless it ends with exit code 0.
    pub(crate) fn ok(self) -> Outcome {
        self.exits(0)
    }

    /// Runs it; the test fails unless it ends with this exit code.
    pub(crate) fn exits(self, code: i32) -> Outcome {
        let line = format!("{:?}", self.command);
        let outcome = self.run();
        assert_eq!(
            outcome.code(),
            Some(code),
            "exit code of {line}\n--- stdout\n{}\n--- stderr\n{}",
            outcome.stdout,
            outcome.stderr
        );
        outcome
    }

    /// Runs it with `--format json`; the test fails unless it ends with exit code 0. Returns `data`.
    pub(crate) fn data(self) -> Value {
        self.args(["--format", "json"]).ok().json()["data"].take()
    }
}

impl Outcome {
    fn new(output: Output) -> Self {
        Self {
            status: output.status,
            stdout: String::from_utf8(output.stdout).expect("UTF-8 on stdout"),
            stderr: String::from_utf8(output.stderr).expect("UTF-8 on stderr"),
        }
    }

    /// The exit code; none when a signal ended it.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// The signal that ended it.
    pub(crate) fn signal(&self) -> Option<i32> {
        self.status.signal()
    }

    /// The JSON document on stdout.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| {
            panic!(
                "stdout is not one JSON document ({error})\n--- stdout\n{}\n--- stderr\n{}",
                self.stdout, self.stderr
            )
        })
    }

    /// The JSON document of an error: the last line of stderr.
    pub(crate) fn error(&self) -> Value {
        let line = self.stderr.lines().last().unwrap_or_default();
        serde_json::from_str(line)
            .unwrap_or_else(|error| panic!("no JSON error ({error}) in\n{}", self.stderr))
    }
}

impl Running {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Whether it has not ended yet.
    pub(crate) fn runs(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// `kill -9`, then the outcome.
    pub(crate) fn kill(mut self) -> Outcome {
        if let Some(child) = self.child.as_mut() {
            child.kill().expect("kill");
        }
        self.wait()
    }

    /// Ctrl-C; the process goes on until it has stopped cleanly.
    pub(crate) fn interrupt(&self) {
        self.signal(rustix::process::Signal::INT);
    }

    /// What a service manager and a container's runtime send first.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_raw(self.pid().cast_signed()).expect("a process id");
        rustix::process::kill_process(pid, signal).expect("signal");
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self) -> Outcome {
        let child = self.child.take().expect("a process is waited for once");
        Outcome::new(child.wait_with_output().expect("the outcome"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
