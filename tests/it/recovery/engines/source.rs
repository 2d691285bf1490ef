//! A server whose archiver hands WAL over, and a repository that one of the engines keeps.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tidegate::postgres::private::{Ephemeral, Options, PrivateServer, Search, discover};
use tidegate::recovery::Lsn;

use crate::recovery::stage::{KEY, Shelf, run, value};
use crate::support::Cli;

/// Who makes and keeps backups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Engine {
    Native,
    PgBackRest,
    Barman,
}

impl Engine {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::PgBackRest => "pgbackrest",
            Self::Barman => "barman",
        }
    }

    /// Whether it keeps its own files.
    pub(super) fn keeps(self) -> bool {
        self != Self::Native
    }

    /// Whether it can be driven here; says why not.
    pub(super) async fn possible(self) -> bool {
        let option = match self {
            Self::Native => return true,
            Self::PgBackRest => "version",
            Self::Barman => "--version",
        };
        let Ok(said) = Command::new(self.name()).arg(option).output() else {
            eprintln!("skipped: {} is not installed", self.name());
            return false;
        };
        if self == Self::Barman {
            return true;
        }
        let version = String::from_utf8_lossy(&said.stdout).trim().to_owned();
        let minor: u32 = version.rsplit_once('.').unwrap().1.parse().unwrap();
        let newest = match minor {
            ..48 => 15,
            48..54 => 16,
            54..57 => 17,
            _ => 18,
        };
        let server = discover(&Search::default()).await.unwrap().version;
        if server.major > newest {
            eprintln!("skipped: {version} knows PostgreSQL up to {newest}, not {server}");
            return false;
        }
        true
    }
}

/// The server and the repository.
pub(super) struct Source {
    pub(super) engine: Engine,
    pub(super) shelf: Shelf,
    pub(super) primary: Ephemeral,
    pub(super) url: String,
}

impl Source {
    pub(super) async fn new(engine: Engine) -> Self {
        let shelf = Shelf::new();
        open(&shelf);
        if engine == Engine::Native
            && let Some((uid, gid)) = crate::support::unprivileged()
        {
            // Its archiver writes there as the server's user; the other engines make folders of theirs.
            std::fs::create_dir(shelf.path()).unwrap();
            chown(shelf.path(), Some(uid), Some(gid)).unwrap();
        }
        let program = shelf.path().with_file_name("tidegate");
        let own = Path::new(env!("CARGO_BIN_EXE_tidegate"));
        if std::fs::hard_link(own, &program).is_err() {
            std::fs::copy(own, &program).unwrap();
        }
        let primary = archiving(&push(engine, &shelf)).await;
        let url = primary.url("postgres");
        run(&primary, "create table t (id int primary key, what text)").await;
        Self {
            engine,
            shelf,
            primary,
            url,
        }
    }

    pub(super) fn command(&self, args: &[&str]) -> Cli {
        let location = format!("file:{}", self.shelf.path().display());
        Cli::new(args.iter().copied())
            .args(["--repository", &location])
            .env("TIDEGATE_SEAL_KEY", KEY)
            .env("TMPDIR", self.shelf.temp())
    }

    pub(super) fn create(&self) -> Cli {
        self.create_of(&self.url)
    }

    pub(super) fn create_of(&self, url: &str) -> Cli {
        let engine = self.engine.name();
        let create = ["backup", "create", "--encrypted-volume", "--engine", engine];
        self.command(&[&create[..], &["--database-url", url]].concat())
    }

    /// Goes on with another server in place of the primary.
    pub(super) async fn replaced(self, primary: Ephemeral) -> Self {
        self.primary.stop().await;
        let url = primary.url("postgres");
        Self {
            primary,
            url,
            ..self
        }
    }

    /// What a server's archiver runs.
    pub(super) fn archive_command(&self) -> String {
        push(self.engine, &self.shelf)
    }

    pub(super) async fn insert(&self, id: i32, what: &str) {
        let sql = format!("insert into t values ({id}, '{what}')");
        run(&self.primary, &sql).await;
    }

    /// Waits until everything that was committed until now is in the repository.
    pub(super) async fn archived(&self) {
        let now = value(&self.primary, "select pg_switch_wal()::text").await;
        let now: Lsn = now.parse().unwrap();
        let segment = "select pg_walfile_name(pg_current_wal_lsn())";
        let segment = value(&self.primary, segment).await;
        let timeline = u32::from_str_radix(&segment[..8], 16).unwrap();
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            let audit = self.command(&["wal", "audit", "--format", "json"]).run();
            let data = &audit.json()["data"];
            let first = &data["backups"][0];
            let to = first["to"].as_str().unwrap_or("0/0");
            // Of a timeline that was left there may be more.
            if to.parse::<Lsn>().unwrap() >= now && first["timeline"] == timeline {
                return;
            }
            assert!(Instant::now() < until, "{now} did not arrive: {data:#}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    pub(super) fn folder(&self, name: &str) -> PathBuf {
        self.shelf.path().with_file_name(name)
    }

    /// Restores and gives the rows of the table.
    pub(super) async fn restored(&self, name: &str, target: &[&str]) -> Vec<String> {
        let folder = self.folder(name);
        let url = self.restore(&folder, target);
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let rows = client.query("select what from t order by id", &[]).await;
        let rows = rows.unwrap().iter().map(|row| row.get(0)).collect();
        self.stop(name).await;
        rows
    }

    /// Ends the server that was restored into the folder of that name.
    pub(super) async fn stop(&self, name: &str) {
        let server = PrivateServer::open(&self.folder(name)).unwrap();
        server.stop().await.unwrap();
    }

    /// Restores, and leaves the server running; its URL.
    pub(super) fn restore(&self, folder: &Path, target: &[&str]) -> String {
        let to = folder.to_str().unwrap();
        let args = [&["restore", "--to", to, "--keep-running"][..], target].concat();
        let data = self.command(&args).data();
        data["url"].as_str().unwrap().to_owned()
    }

    pub(super) fn restore_fails(&self, name: &str, word: &str) {
        self.fails(name, word, &[]);
    }

    /// The same, from a certain backup.
    pub(super) fn restore_fails_from(&self, backup: &str, word: &str) {
        self.fails("refused", word, &["--backup", backup]);
    }

    fn fails(&self, name: &str, word: &str, more: &[&str]) {
        let folder = self.folder(name);
        let to = folder.to_str().unwrap().to_owned();
        let restore = ["restore", "--to", &to, "--format", "json"];
        let failed = self.command(&[&restore[..], more].concat());
        let error = failed.exits(3).error().to_string();
        assert!(error.contains(word), "{word}: {error}");
        assert!(!folder.exists(), "something is left of {name}");
    }

    /// What `verify` finds.
    pub(super) fn findings(&self) -> Vec<String> {
        let verify = self.command(&["backup", "verify", "--format", "json"]);
        let data = verify.exits(3).json()["data"].take();
        let all = data["findings"].as_array().unwrap().iter();
        all.map(ToString::to_string).collect()
    }

    /// The folders of the backups that the engine has, oldest first.
    pub(super) fn backups(&self) -> Vec<PathBuf> {
        let inside = match self.engine {
            Engine::Native => "backups",
            Engine::PgBackRest => "pgbackrest/repo/backup/tidegate",
            Engine::Barman => "barman/home/tidegate/base",
        };
        let folder = self.shelf.path().join(inside);
        let mut found: Vec<PathBuf> = folder
            .read_dir()
            .into_iter()
            .flatten()
            .flatten()
            .filter(|entry| entry.file_type().unwrap().is_dir())
            .map(|entry| entry.path())
            .filter(|path| !path.ends_with("backup.history"))
            .collect();
        // Names alone do not tell which of two that began in one second was first.
        found.sort_by_key(|path| {
            let made = path.metadata().and_then(|about| about.created());
            (made.ok(), path.clone())
        });
        found
    }

    /// A file of the oldest backup that is large enough that its middle is no header.
    pub(super) fn data_file(&self) -> PathBuf {
        let backup = self.backups().remove(0);
        let inside = match self.engine {
            Engine::Native => return backup.join("data/000000"),
            Engine::PgBackRest => "pg_data",
            Engine::Barman => "data",
        };
        let mut found = files(&backup.join(inside).join("base/5"));
        found.retain(|file| file_name(file).starts_with("1259"));
        found.remove(0)
    }

    /// The segments of a timeline, in the order of their names.
    pub(super) fn segments(&self, timeline: u32) -> Vec<PathBuf> {
        let inside: &[&str] = match self.engine {
            Engine::Native => &["wal"],
            Engine::PgBackRest => &["pgbackrest/repo/archive"],
            Engine::Barman => &["barman/home/tidegate/incoming", "barman/home/tidegate/wals"],
        };
        let folders = inside.iter().map(|inside| self.shelf.path().join(inside));
        let mut found: Vec<PathBuf> = folders.flat_map(|folder| files(&folder)).collect();
        let timeline = format!("{timeline:08X}");
        found.retain(|file| {
            let name = file_name(file);
            let whole = name.len() == 24 || name.get(24..25) == Some("-");
            name.starts_with(&timeline) && whole
        });
        found.sort_by_key(|file| file_name(file));
        found
    }
}

/// Every file below a folder.
pub(in crate::recovery) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found
}

pub(super) fn file_name(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// The server's user passes through when this is root.
pub(super) fn open(shelf: &Shelf) {
    let root = shelf.path().parent().unwrap().to_owned();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o711)).unwrap();
}

fn push(engine: Engine, shelf: &Shelf) -> String {
    format!(
        "TIDEGATE_SEAL_KEY={KEY} {} wal push --engine {} --repository file:{} %p",
        shelf.path().with_file_name("tidegate").display(),
        engine.name(),
        shelf.path().display()
    )
}

/// Settings of a server that archives with `command`.
pub(super) fn settings(command: &str) -> Options {
    let settings = [
        ("archive_mode", "on"),
        ("archive_command", command),
        ("max_wal_senders", "5"),
    ];
    Options {
        settings: settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        wal_segsize: Some(1),
        ..Options::default()
    }
}

pub(super) async fn archiving(command: &str) -> Ephemeral {
    Ephemeral::start(&settings(command)).await.unwrap()
}

/// Moves a file or folder away for as long as `check` runs.
pub(super) fn without(path: &Path, shelf: &Shelf, check: impl FnOnce()) {
    let aside = shelf.temp().join("aside");
    std::fs::rename(path, &aside).unwrap();
    check();
    std::fs::rename(&aside, path).unwrap();
}

pub(super) fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
}
