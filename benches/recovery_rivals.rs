//! What backups, restores and replay are compared with.
#![allow(clippy::unwrap_used, reason = "part of benchmarks")]

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tidegate::postgres::private::{Binaries, Running};

use super::{as_server, program};

/// A backup of the server's own program.
pub(crate) fn pg_basebackup(server: &Running, to: &Path) -> PathBuf {
    let done = as_server(&program(server, "pg_basebackup"))
        .args([
            "-c",
            "fast",
            "-X",
            "stream",
            "-d",
            &server.url("postgres"),
            "-D",
        ])
        .arg(to)
        .status()
        .unwrap();
    assert!(done.success());
    to.to_owned()
}

/// `cp -a`.
pub(crate) fn cp(from: &Path, to: &Path) {
    assert!(
        Command::new("cp")
            .arg("-a")
            .args([from, to])
            .status()
            .unwrap()
            .success()
    );
}

/// Recoveries, and how long they replayed.
pub(crate) struct Replay;

impl Replay {
    /// Waits until no segment has been archived for a while; all of them.
    pub(crate) fn settle(archive: &Path) -> Vec<PathBuf> {
        let all = || {
            let entries = archive.read_dir().unwrap().flatten();
            let mut all: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
            all.sort();
            all
        };
        let (mut before, mut since) = (all(), Instant::now());
        while since.elapsed() < Duration::from_secs(4) {
            std::thread::sleep(Duration::from_millis(200));
            if all().len() != before.len() {
                (before, since) = (all(), Instant::now());
            }
        }
        before
    }

    /// Recovers a base backup from a folder of segments with `cp`.
    pub(crate) fn by_cp(binaries: &Binaries, data: &Path, archive: &Path) -> f64 {
        use std::io::Write as _;
        let signal = data.join("recovery.signal");
        std::fs::write(&signal, "").unwrap();
        super::own(&signal);
        let settings = data.join("postgresql.auto.conf");
        let mut file = std::fs::OpenOptions::new()
            .append(true)
            .open(settings)
            .unwrap();
        writeln!(
            file,
            "archive_mode = off\nhot_standby = off\nmax_wal_size = 4GB\nrestore_command = 'cp {}/%f %p'\nlisten_addresses = ''\nlogging_collector = off",
            archive.display()
        )
        .unwrap();
        let socket = tempfile::Builder::new().prefix("tgb-").tempdir().unwrap();
        super::own(socket.path());
        let log = data.join("replay.log");
        let control = binaries.program("pg_ctl").unwrap();
        let started = as_server(&control)
            .arg("-D")
            .arg(data)
            .arg("-l")
            .arg(&log)
            .args(["-w", "-t", "600", "-o"])
            .arg(format!("-k {}", socket.path().display()))
            .arg("start")
            .stdout(Stdio::null())
            .status()
            .unwrap();
        let text = || std::fs::read_to_string(&log).unwrap();
        assert!(started.success(), "{}", text());
        // A server that recovers counts as started.
        while !text().contains("ready to accept connections") {
            std::thread::sleep(Duration::from_millis(50));
        }
        let stopped = as_server(&control)
            .arg("-D")
            .arg(data)
            .args(["-m", "immediate", "stop"])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(stopped.success());
        elapsed(&text())
    }

    /// How long the server of a restore replayed, by its own log.
    pub(crate) fn of(restored: &Path) -> f64 {
        let logs = restored.join("log").read_dir().unwrap().flatten();
        let logs = logs
            .map(|entry| entry.path())
            .chain([restored.join("start.log")]);
        let texts = logs.filter_map(|log| std::fs::read_to_string(log).ok());
        elapsed(&texts.collect::<String>())
    }
}

/// Seconds of the line `redo done at ... elapsed: 1.23 s`.
fn elapsed(log: &str) -> f64 {
    let line = log.lines().rev().find(|line| line.contains("redo done at"));
    assert!(line.is_some(), "no redo in {log}");
    let (_, rest) = line.unwrap().split_once("elapsed: ").unwrap();
    rest.trim_end_matches(" s").parse().unwrap()
}

/// pgBackRest, run over the repository that Tidegate made for it.
pub(crate) struct PgBackRest {
    program: PathBuf,
    configuration: PathBuf,
}

impl PgBackRest {
    /// Where it is installed.
    pub(crate) fn found(repository: &Path) -> Option<Self> {
        let path = std::env::var_os("PATH")?;
        let program = std::env::split_paths(&path).map(|folder| folder.join("pgbackrest"));
        Some(Self {
            program: program.into_iter().find(|program| program.is_file())?,
            configuration: repository.join("pgbackrest/pgbackrest.conf"),
        })
    }

    /// A full backup by hand.
    pub(crate) fn backup(&self, pass: &str) {
        let done = as_server(&self.program)
            .arg("--config")
            .arg(&self.configuration)
            .args([
                "--stanza=tidegate",
                "--type=full",
                "--log-level-console=off",
                "backup",
            ])
            .env("PGBACKREST_REPO1_CIPHER_PASS", pass)
            .status()
            .unwrap();
        assert!(done.success());
    }
}
