//! One real PostgreSQL for the whole test run.
//!
//! The first process that needs it starts it, every process that uses it holds a shared lock on
//! the file `users`, and a detached watcher stops and removes it soon after the last such process
//! has ended, however it ended. So `cargo test` (one process) and `cargo nextest` (a process a
//! test) behave alike, and a test that is killed leaves nothing behind.

use std::fs::{self, File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, OnceLock};
use std::time::Duration;

use tidegate::postgres::private::{Binaries, Search, discover};

/// `fsync=off` is for this server alone: its data dies with the test run.
const SETTINGS: &[&str] = &[
    "listen_addresses=",
    "max_connections=300",
    "fsync=off",
    "full_page_writes=off",
    "shared_buffers=64MB",
    "max_wal_size=1GB",
    "wal_level=logical",
    "max_prepared_transactions=20",
    "logging_collector=off",
    "log_min_messages=warning",
];

/// Waits for the last user, gives the next one some seconds to come, then stops and removes the
/// server. `$1` is the folder. The `users` lock is held while stopping, so that a process that
/// starts meanwhile waits and then makes a new server.
const WATCHER: &str = r#"
cd / || exit 1
while :; do
    flock -x "$1/users" true
    sleep 5
    exec 9<"$1/users"
    if flock -n -x 9; then break; fi
    exec 9<&-
done
pid=$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)
if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$1/data" ]; then
    kill -QUIT "$pid"
    while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
fi
rm -rf "$1/data" "$1/run" "$1/log"
"#;

/// The shared server, running.
#[derive(Debug)]
pub(crate) struct Server {
    /// Folder of its Unix socket.
    pub(crate) socket_dir: PathBuf,
    /// Folder of its programs.
    pub(crate) bin: PathBuf,
    /// Major version.
    pub(crate) major: u32,
    /// Held until the process ends; the watcher waits for it.
    _users: File,
}

impl Server {
    /// The server of this test run; started when it does not run yet.
    pub(crate) fn shared() -> &'static Self {
        static SERVER: OnceLock<Server> = OnceLock::new();
        SERVER.get_or_init(Self::find_or_start)
    }

    /// The connection string of a database on it, as superuser.
    pub(crate) fn url(&self, database: &str) -> String {
        format!(
            "postgresql:///{database}?host={}&user=postgres",
            self.socket_dir.display()
        )
    }

    fn find_or_start() -> Self {
        let Binaries { dir: bin, version } = programs().clone();
        let major = version.major;
        let folder = folder(&bin, major);
        fs::create_dir_all(&folder).expect("test folder");
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).expect("test folder");
        let gate = lock_file(&folder.join("gate"));
        gate.lock().expect("gate lock");
        let users = lock_file(&folder.join("users"));
        users.lock_shared().expect("users lock");
        let server = Self {
            socket_dir: folder.join("run"),
            bin,
            major,
            _users: users,
        };
        if !runs(&folder.join("data")) {
            server.start(&folder);
            super::database::prepare(&server);
            watch(&folder);
        }
        gate.unlock().expect("gate unlock");
        server
    }

    fn start(&self, folder: &Path) {
        let data = folder.join("data");
        let owner = unprivileged();
        for dir in [&data, &self.socket_dir] {
            let _ = fs::remove_dir_all(dir);
            fs::create_dir(dir).expect("server folder");
            fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).expect("server folder");
            if let Some((uid, gid)) = owner {
                chown(dir, Some(uid), Some(gid)).expect("chown");
            }
        }
        let initdb = self
            .program("initdb", folder, owner)
            .args(["-N", "-A", "trust", "-U", "postgres", "-E", "UTF8"])
            .args(["--locale=C", "--wal-segsize=1", "-D"])
            .arg(&data)
            .output()
            .expect("initdb");
        assert!(
            initdb.status.success(),
            "initdb: {}",
            String::from_utf8_lossy(&initdb.stderr)
        );
        let log = File::create(folder.join("log")).expect("server log");
        let mut postgres = self.program("postgres", folder, owner);
        postgres
            .arg("-D")
            .arg(&data)
            .arg("-k")
            .arg(&self.socket_dir);
        for setting in SETTINGS {
            postgres.arg("-c").arg(setting);
        }
        if self.has_library("pg_stat_statements") {
            postgres.args(["-c", "shared_preload_libraries=pg_stat_statements"]);
        }
        #[expect(
            clippy::zombie_processes,
            reason = "it outlives this process; the watcher ends it"
        )]
        let mut child = postgres
            .stdout(log.try_clone().expect("server log"))
            .stderr(log)
            .process_group(0)
            .spawn()
            .expect("postgres");
        while !runs(&data) {
            if let Some(status) = child.try_wait().expect("postgres") {
                let log = fs::read_to_string(folder.join("log")).unwrap_or_default();
                panic!("the test server did not start ({status}):\n{log}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// A program of this PostgreSQL, as the user that the server runs as.
    pub(crate) fn program(&self, name: &str, dir: &Path, owner: Option<(u32, u32)>) -> Command {
        let mut command = Command::new(self.bin.join(name));
        command
            .env_clear()
            .envs(programs().environment())
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C")
            .current_dir(dir)
            .stdin(Stdio::null());
        if let Some((uid, gid)) = owner {
            command.uid(uid).gid(gid);
        }
        command
    }

    fn has_library(&self, name: &str) -> bool {
        let file = format!("{name}.so");
        ["../lib", "../lib/postgresql"]
            .iter()
            .any(|dir| self.bin.join(dir).join(&file).exists())
    }
}

/// The programs that the product itself would take.
pub(crate) fn programs() -> &'static Binaries {
    static FOUND: LazyLock<Binaries> = LazyLock::new(|| {
        super::database::blocking(async {
            discover(&Search::default())
                .await
                .expect("PostgreSQL 14 or newer: run .ci/setup, or set PG_BIN")
        })
    });
    &FOUND
}

/// The folder of the programs when a process with another home would not find them: they were named,
/// or lie in the home of whoever runs the tests.
pub(crate) fn programs_of_home() -> Option<&'static Path> {
    static FOUND: LazyLock<bool> = LazyLock::new(|| {
        let elsewhere = Search {
            home: Some("/nonexistent".into()),
            ..Search::default()
        };
        let found = super::database::blocking(async move { discover(&elsewhere).await });
        std::env::var_os("PG_BIN").is_some() || found.is_err()
    });
    FOUND.then(|| programs().dir.as_path())
}

/// One folder a checkout, user and set of programs; short, because a socket's path holds at most
/// 107 bytes.
fn folder(bin: &Path, major: u32) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (env!("CARGO_MANIFEST_DIR"), bin, uid()).hash(&mut hasher);
    let name = format!("tgt{major}-{:08x}", hasher.finish() >> 32);
    let temp = std::env::temp_dir();
    let base = if temp.as_os_str().len() < 40 {
        temp
    } else {
        PathBuf::from("/tmp")
    };
    // The watcher compares with the real path of the server's working directory.
    fs::canonicalize(&base).unwrap_or(base).join(name)
}

fn lock_file(path: &Path) -> File {
    OpenOptions::new()
        .create(true)
        .append(true)
        .open(path)
        .expect("lock file")
}

/// Whether the server with this data folder accepts connections.
fn runs(data: &Path) -> bool {
    let Ok(text) = fs::read_to_string(data.join("postmaster.pid")) else {
        return false;
    };
    let mut lines = text.lines();
    let alive = lines
        .next()
        .and_then(|pid| fs::read_link(format!("/proc/{}/cwd", pid.trim())).ok())
        .is_some_and(|cwd| cwd == data);
    alive && lines.nth(6).is_some_and(|state| state.trim() == "ready")
}

#[expect(clippy::zombie_processes, reason = "it outlives this process")]
fn watch(folder: &Path) {
    Command::new("setsid")
        .args(["sh", "-c", WATCHER, "watcher"])
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("watcher");
}

fn uid() -> u32 {
    fs::metadata("/proc/self").map_or(0, |meta| meta.uid())
}

/// User and group of the server when the tests run as root, whom PostgreSQL refuses.
pub(crate) fn unprivileged() -> Option<(u32, u32)> {
    if uid() != 0 {
        return None;
    }
    let passwd = fs::read_to_string("/etc/passwd").expect("/etc/passwd");
    ["postgres", "nobody"].iter().find_map(|name| {
        let line = passwd
            .lines()
            .find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    })
}
