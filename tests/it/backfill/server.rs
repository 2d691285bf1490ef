//! A PostgreSQL server in a temporary folder, with one database, for tests and benchmarks.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tidegate::postgres::private::{Search, discover};

/// Stops and removes itself when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    dir: tempfile::TempDir,
    bin: PathBuf,
    user: Option<(u32, u32)>,
}

fn bin() -> PathBuf {
    // Tests call this inside of a runtime of their own.
    let found = std::thread::spawn(|| {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(discover(&Search::default()))
    });
    found.join().unwrap().unwrap().dir
}

/// The server refuses to run as root; the account `postgres` or `nobody` takes its place.
fn user() -> Option<(u32, u32)> {
    if std::fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let passwd = std::fs::read_to_string("/etc/passwd").ok()?;
    ["postgres:", "nobody:"].iter().find_map(|name| {
        let line = passwd.lines().find(|line| line.starts_with(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}

impl Server {
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("tgb").tempdir().unwrap();
        let server = Self {
            dir,
            bin: bin(),
            user: user(),
        };
        if let Some((uid, gid)) = server.user {
            chown(server.path(), Some(uid), Some(gid)).unwrap();
        }
        let data = server.data();
        let data = data.to_str().unwrap();
        server.run(
            "initdb",
            &[
                "-A",
                "trust",
                "-U",
                "postgres",
                "-E",
                "UTF8",
                "--locale=C",
                "-N",
                "-D",
                data,
            ],
        );
        let mut options = format!("-c listen_addresses= -k {}", server.path().display());
        for setting in settings {
            options.push_str(&format!(" -c {setting}"));
        }
        let log = server.path().join("log");
        server.run(
            "pg_ctl",
            &[
                "-D",
                data,
                "-o",
                &options,
                "-l",
                log.to_str().unwrap(),
                "-w",
                "start",
            ],
        );
        server
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn data(&self) -> PathBuf {
        self.path().join("data")
    }

    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "host={} user=postgres dbname={database}",
            self.path().display()
        )
    }

    /// Process id of the postmaster.
    #[allow(dead_code, reason = "benchmarks alone use it")]
    pub(crate) fn pid(&self) -> u32 {
        let text = std::fs::read_to_string(self.data().join("postmaster.pid")).unwrap();
        text.lines().next().unwrap().parse().unwrap()
    }

    /// Leaves a small watcher that stops and removes the server when this process has ended.
    #[allow(dead_code, reason = "benchmarks do not use it")]
    #[expect(clippy::zombie_processes, reason = "it outlives this process")]
    pub(crate) fn end_with_this_process(&self) {
        let script = format!(
            "while [ -d /proc/{} ]; do sleep 0.5; done; '{}' -D '{}' -m immediate stop; rm -rf '{}'",
            std::process::id(),
            self.bin.join("pg_ctl").display(),
            self.data().display(),
            self.path().display()
        );
        let mut command = Command::new("sh");
        command
            .args(["-c", &script])
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command.spawn().unwrap();
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.bin.join(program));
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn run(&self, program: &str, args: &[&str]) {
        let status = self.command(program).args(args).status().unwrap();
        assert!(status.success(), "{program} failed");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self
            .command("pg_ctl")
            .args([
                "-D",
                data.to_str().unwrap_or_default(),
                "-m",
                "immediate",
                "stop",
            ])
            .status();
    }
}
