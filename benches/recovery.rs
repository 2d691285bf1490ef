//! Compares backups, restores and replay with what they cannot beat, in the same run on the same
//! server: `pg_basebackup`, `cp -a` and opening the sealed parts, recovery by `cp`, pgBackRest by hand.
//! `TIDEGATE_BENCH_MB=2048 cargo bench --bench recovery` prints a line a measurement; the rows do not
//! compress. `pgbackrest` and GNU `time` are used where they are installed.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a runner of its own"
)]

#[path = "recovery_rivals.rs"]
mod rivals;
#[path = "server.rs"]
mod server;

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use rivals::{PgBackRest, Replay, cp, pg_basebackup};
use serde_json::Value;
use server::{psql, start};
use tidegate::postgres::private::{Ephemeral, Identity, Running};
use tidegate::storage::{Location, Opener, Repository, SealKey, Sealer};

const ROUNDS: usize = 3;
const KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
/// Megabytes of WAL that are replayed.
const WAL_MB: u64 = 512;

const FILL: &str = "create table load (id int, part int, bytes bytea);
alter table load alter bytes set storage external;
insert into load select g, 0, (select string_agg(sha512((g || '/' || h)::bytea), '') from generate_series(1, 15) h)
    from generate_series(1, $MB * 930) g; checkpoint";

#[tokio::main]
async fn main() {
    let size = std::env::var("TIDEGATE_BENCH_MB").ok();
    let size: u64 = size.map_or(2048, |size| size.parse().expect("megabytes"));
    sealing();
    let bench = Bench::new(size).await;
    for round in 1..=ROUNDS {
        bench.native(round);
    }
    for round in 1..=ROUNDS {
        bench.replay(round).await;
    }
    bench.driven();
    bench.server.stop().await;
}

/// Text a second through one core, of bytes that do not compress.
fn sealing() {
    let key = SealKey::parse(&KEY.to_owned().into()).unwrap();
    let mut text = vec![0; 256 << 20];
    let mut state = 1_u64;
    for word in text.chunks_exact_mut(8) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        word.copy_from_slice(&state.to_le_bytes());
    }
    let began = Instant::now();
    let mut sealer =
        Sealer::new(Vec::with_capacity(text.len() + (1 << 20)), &key, [7; 32]).unwrap();
    sealer.write_all(&text).unwrap();
    let sealed = sealer.finish().unwrap();
    let seal = began.elapsed().as_secs_f64();
    let began = Instant::now();
    let mut opened = Opener::new(sealed.as_slice(), &key).unwrap();
    let read = std::io::copy(&mut opened, &mut std::io::sink()).unwrap();
    let open = began.elapsed().as_secs_f64();
    assert_eq!(read, text.len() as u64);
    let rate = |seconds: f64| text.len() as f64 / 1e9 / seconds;
    println!(
        "one core: compress and seal {:.2} GB/s, open {:.2} GB/s",
        rate(seal),
        rate(open)
    );
}

struct Bench {
    server: Ephemeral,
    folder: tempfile::TempDir,
}

impl Bench {
    async fn new(size: u64) -> Self {
        let server = start(&[
            ("max_wal_size", "16GB"),
            ("wal_level", "replica"),
            ("max_wal_senders", "5"),
            ("archive_mode", "on"),
            ("archive_command", "true"),
        ])
        .await;
        psql(&server, "postgres", &FILL.replace("$MB", &size.to_string()));
        let folder = tempfile::Builder::new().prefix("tgb-").tempdir().unwrap();
        own(folder.path());
        Self { server, folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn repository(&self, name: &str) -> String {
        format!("file:{}", self.path(name).display())
    }

    /// A backup into the repository `native`.
    fn back_up(&self) -> Said {
        let (url, repository) = (self.server.url("postgres"), self.repository("native"));
        let create = ["backup", "create", "--database-url", &url];
        tidegate(&[&create[..], &["--repository", &repository]].concat())
    }

    /// A restore of it into the folder `restored`.
    fn restore(&self) -> Said {
        let (to, repository) = (self.path("restored"), self.repository("native"));
        let restore = ["restore", "--repository", &repository, "--to"];
        tidegate(&[&restore[..], &[to.to_str().unwrap()]].concat())
    }

    /// A backup against `pg_basebackup`, its restore against `cp -a` and opening its parts.
    fn native(&self, round: usize) {
        let (raw, by_hand) = timed(|| pg_basebackup(&self.server, &self.path("raw")));
        let (made, ours) = timed(|| self.back_up());
        println!(
            "round {round}: backup {ours:.2} s, pg_basebackup {by_hand:.2} s: {:.2}x; peak memory {}",
            ours / by_hand,
            made.memory()
        );
        let ((), copy) = timed(|| cp(&raw, &self.path("copied")));
        let id = made.data["id"].as_str().unwrap();
        let (bytes, open) = timed(|| opened(&self.path("native").join("backups").join(id)));
        let (back, ours) = timed(|| self.restore());
        let phases = back.phases();
        println!(
            "round {round}: restore {ours:.2} s ({phases}), cp -a {copy:.2} s and opening {} MB {open:.2} s: {:.2}x; peak memory {}",
            bytes >> 20,
            ours / (copy + open),
            back.memory()
        );
        for name in ["raw", "copied", "native", "restored"] {
            std::fs::remove_dir_all(self.path(name)).unwrap();
        }
    }

    /// Replay through `restore_command` of a restore, against one that is `cp`.
    async fn replay(&self, round: usize) {
        let archive = self.path("archive");
        std::fs::create_dir(&archive).unwrap();
        own(&archive);
        let command = format!("cp %p {}/%f", archive.display());
        self.archive_with(&command).await;
        let raw = pg_basebackup(&self.server, &self.path("raw"));
        let repository = self.repository("native");
        self.back_up();
        let write = format!(
            "update load set part = part + 1 where id <= {}",
            WAL_MB * 930
        );
        psql(&self.server, "postgres", &write);
        psql(&self.server, "postgres", "select pg_switch_wal()");
        let segments = Replay::settle(&archive);
        for segment in &segments {
            let segment = segment.to_str().unwrap();
            tidegate(&["wal", "push", "--repository", &repository, segment]);
        }
        self.archive_with("true").await;
        let theirs = Replay::by_cp(&self.server.binaries, &raw, &archive);
        self.restore();
        let ours = Replay::of(&self.path("restored"));
        println!(
            "round {round}: replay of {} segments {ours:.2} s, by cp {theirs:.2} s: {:.2}x",
            segments.len(),
            ours / theirs
        );
        for name in ["raw", "archive", "native", "restored"] {
            std::fs::remove_dir_all(self.path(name)).unwrap();
        }
    }

    async fn archive_with(&self, command: &str) {
        let sql = format!("alter system set archive_command = '{command}'");
        psql(&self.server, "postgres", &sql);
        psql(&self.server, "postgres", "select pg_reload_conf()");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    }

    /// A backup that pgBackRest takes for Tidegate against one that it takes by hand.
    fn driven(&self) {
        let Some(program) = PgBackRest::found(&self.path("kept")) else {
            println!("pgbackrest is not installed");
            return;
        };
        let own = self.path("tidegate");
        std::fs::copy(env!("CARGO_BIN_EXE_tidegate"), &own).unwrap();
        let repository = self.repository("kept");
        let push = format!(
            "TIDEGATE_SEAL_KEY={KEY} {} wal push --engine pgbackrest --repository {repository} %p",
            own.display()
        );
        let sql = format!("alter system set archive_command = '{push}'");
        psql(&self.server, "postgres", &sql);
        psql(&self.server, "postgres", "select pg_reload_conf()");
        let url = self.server.url("postgres");
        let create = [
            "backup",
            "create",
            "--encrypted-volume",
            "--engine",
            "pgbackrest",
        ];
        let create = [
            &create[..],
            &["--database-url", &url, "--repository", &repository],
        ]
        .concat();
        tidegate(&create);
        let pass = pass(&repository);
        for round in 1..=ROUNDS {
            let ((), by_hand) = timed(|| program.backup(&pass));
            let (_, ours) = timed(|| tidegate(&create));
            println!(
                "round {round}: backup by pgBackRest {ours:.2} s, by hand {by_hand:.2} s: {:.2}x",
                ours / by_hand
            );
        }
    }
}

/// The pass phrase of the repository that pgBackRest keeps.
fn pass(repository: &str) -> String {
    let location: Location = repository.parse().unwrap();
    let key = SealKey::parse(&KEY.to_owned().into()).unwrap();
    let repository = Repository::open(&location, Vec::new(), key).unwrap();
    hex::encode(*repository.derive("pgbackrest repository cipher").unwrap())
}

/// What a command said, and the most memory that it had.
struct Said {
    data: Value,
    kilobytes: Option<u64>,
}

impl Said {
    fn memory(&self) -> String {
        match self.kilobytes {
            Some(kilobytes) => format!("{} MB", kilobytes >> 10),
            None => "unknown".to_owned(),
        }
    }

    fn phases(&self) -> String {
        let phases = self.data["phases"].as_array().unwrap().iter();
        let shown = phases.map(|phase| {
            let name = phase["name"].as_str().unwrap();
            format!("{name} {:.2}", phase["seconds"].as_f64().unwrap())
        });
        shown.collect::<Vec<_>>().join(", ")
    }
}

/// Runs `tidegate`, under GNU time where it is.
fn tidegate(args: &[&str]) -> Said {
    let time = Path::new("/usr/bin/time").exists();
    let own = env!("CARGO_BIN_EXE_tidegate");
    let mut command = if time {
        let mut command = Command::new("/usr/bin/time");
        command.args(["-q", "-f", "%M", own]);
        command
    } else {
        Command::new(own)
    };
    let mut child = command
        .args(args)
        .args(["--format", "json", "--quiet"])
        .env("TIDEGATE_SEAL_KEY", KEY)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut said, mut errors) = (Vec::new(), String::new());
    child.stdout.take().unwrap().read_to_end(&mut said).unwrap();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut errors)
        .unwrap();
    assert!(child.wait().unwrap().success(), "{args:?}: {errors}");
    Said {
        data: serde_json::from_slice::<Value>(&said)
            .map_or(Value::Null, |mut all| all["data"].take()),
        kilobytes: errors
            .lines()
            .last()
            .and_then(|line| line.trim().parse().ok()),
    }
}

/// Opens every part of a backup; bytes of their text.
fn opened(backup: &Path) -> u64 {
    let key = SealKey::parse(&KEY.to_owned().into()).unwrap();
    let mut bytes = 0;
    for stream in backup.read_dir().unwrap().flatten() {
        for part in stream.path().read_dir().into_iter().flatten().flatten() {
            let file = std::io::BufReader::new(std::fs::File::open(part.path()).unwrap());
            let mut text = Opener::new(file, &key).unwrap();
            bytes += std::io::copy(&mut text, &mut std::io::sink()).unwrap();
        }
    }
    bytes
}

/// Nobody waits for the disk because of what another wrote before.
fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    assert!(Command::new("sync").status().unwrap().success());
    let began = Instant::now();
    let done = work();
    (done, began.elapsed().as_secs_f64())
}

/// Gives a folder to the user of the server, who may not be this one.
fn own(folder: &Path) {
    let identity = Identity::current().unwrap();
    if identity.switched {
        std::os::unix::fs::chown(folder, Some(identity.uid), Some(identity.gid)).unwrap();
    }
}

/// A program as the user of the server.
fn as_server(program: &Path) -> Command {
    use std::os::unix::process::CommandExt as _;
    let identity = Identity::current().unwrap();
    let mut command = Command::new(program);
    if identity.switched {
        command.uid(identity.uid).gid(identity.gid);
    }
    command.current_dir("/");
    command
}

fn program(server: &Running, name: &str) -> PathBuf {
    server.binaries.program(name).unwrap()
}
