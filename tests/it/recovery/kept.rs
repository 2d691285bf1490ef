//! Backups that pgBackRest and Barman make and keep: the same commands, the same promises. Where the
//! program is not installed, or does not know the server's version, these tests say so and do
//! nothing.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::Value;
use tidegate::postgres::private::{Ephemeral, Options, PrivateServer, Search, discover};
use tidegate::recovery::Lsn;

use super::drill::Place;
use super::stage::{KEY, OTHER_KEY, Shelf, run, value};
use crate::support::Cli;

/// Whether the engine can be driven here; says why not.
async fn possible(engine: &str) -> bool {
    if engine == BARMAN {
        let there = std::process::Command::new("barman")
            .arg("--version")
            .output();
        if there.is_err() {
            eprintln!("skipped: barman is not installed");
        }
        return there.is_ok();
    }
    let version = std::process::Command::new("pgbackrest")
        .arg("version")
        .output();
    let Ok(version) = version else {
        eprintln!("skipped: pgbackrest is not installed");
        return false;
    };
    let version = String::from_utf8_lossy(&version.stdout).trim().to_owned();
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

const PGBACKREST: &str = "pgbackrest";
const BARMAN: &str = "barman";

/// A server whose archiver hands WAL to the engine, and a repository that it keeps.
struct Kept {
    engine: &'static str,
    shelf: Shelf,
    primary: Ephemeral,
    url: String,
}

impl Kept {
    async fn new(engine: &'static str) -> Self {
        let shelf = Shelf::new();
        let root = shelf.path().parent().unwrap().to_owned();
        // The server's user passes through when this is root.
        std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o711)).unwrap();
        let program = root.join("tidegate");
        let own = Path::new(env!("CARGO_BIN_EXE_tidegate"));
        if std::fs::hard_link(own, &program).is_err() {
            std::fs::copy(own, &program).unwrap();
        }
        let command = format!(
            "TIDEGATE_SEAL_KEY={KEY} {} wal push --engine {engine} --repository file:{} %p",
            program.display(),
            shelf.path().display()
        );
        let primary = archiving(&command).await;
        let url = primary.url("postgres");
        run(&primary, "create table t (id int primary key, what text)").await;
        Self {
            engine,
            shelf,
            primary,
            url,
        }
    }

    fn command(&self, args: &[&str]) -> Cli {
        let location = format!("file:{}", self.shelf.path().display());
        Cli::new(args.iter().copied())
            .args(["--repository", &location])
            .env("TIDEGATE_SEAL_KEY", KEY)
            .env("TMPDIR", self.shelf.temp())
    }

    fn create(&self) -> Cli {
        self.command(&[
            "backup",
            "create",
            "--encrypted-volume",
            "--engine",
            self.engine,
            "--database-url",
            &self.url,
        ])
    }

    async fn insert(&self, id: i32, what: &str) {
        let sql = format!("insert into t values ({id}, '{what}')");
        run(&self.primary, &sql).await;
    }

    /// Waits until everything that was committed until now is in the repository.
    async fn archived(&self) {
        let now = value(&self.primary, "select pg_switch_wal()::text").await;
        let now: Lsn = now.parse().unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let audit = self.command(&["wal", "audit", "--format", "json"]).run();
            let data = &audit.json()["data"];
            let to = data["backups"][0]["to"].as_str().unwrap_or("0/0");
            if to.parse::<Lsn>().unwrap() >= now {
                return;
            }
            assert!(Instant::now() < until, "{now} did not arrive: {data:#}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    fn folder(&self, name: &str) -> PathBuf {
        self.shelf.path().with_file_name(name)
    }

    async fn restored(&self, name: &str, target: &[&str]) -> Vec<String> {
        let folder = self.folder(name);
        let to = folder.to_str().unwrap().to_owned();
        let args = [&["restore", "--to", &to, "--keep-running"][..], target].concat();
        let data = self.command(&args).data();
        let url = data["url"].as_str().unwrap().to_owned();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let rows = client.query("select what from t order by id", &[]).await;
        let rows = rows.unwrap().iter().map(|row| row.get(0)).collect();
        PrivateServer::open(&folder).unwrap().stop().await.unwrap();
        rows
    }

    fn restore_fails(&self, name: &str, word: &str) {
        let folder = self.folder(name);
        let to = folder.to_str().unwrap().to_owned();
        let failed = self.command(&["restore", "--to", &to, "--format", "json"]);
        let error = failed.exits(3).error().to_string();
        assert!(error.contains(word), "{word}: {error}");
    }

    /// What `verify` finds.
    fn findings(&self) -> Vec<String> {
        let verify = self.command(&["backup", "verify", "--format", "json"]);
        let data = verify.exits(3).json()["data"].take();
        let all = data["findings"].as_array().unwrap().iter();
        all.map(ToString::to_string).collect()
    }

    /// The engine's own manifest of the oldest backup.
    fn manifest(&self) -> PathBuf {
        let name = match self.engine {
            PGBACKREST => "F/backup.manifest",
            _ => "data/backup_manifest",
        };
        self.files("backup", name).remove(0)
    }

    /// The files of the engine's backups or WAL whose names hold `word`, sorted.
    fn files(&self, inside: &str, word: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let folder = match (self.engine, inside) {
            (PGBACKREST, inside) => format!("pgbackrest/repo/{inside}"),
            (_, "archive") => "barman/home/tidegate/wals/0000000100000000".to_owned(),
            _ => "barman/home/tidegate/base".to_owned(),
        };
        gather(&self.shelf.path().join(folder), &mut found);
        found.retain(|path| {
            let path = path.to_string_lossy();
            path.contains(word) && !path.ends_with(".backup")
        });
        found.sort();
        found
    }
}

fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in folder.read_dir().unwrap().flatten() {
        if entry.file_type().unwrap().is_dir() {
            gather(&entry.path(), found);
        } else {
            found.push(entry.path());
        }
    }
}

async fn archiving(command: &str) -> Ephemeral {
    let settings = [
        ("archive_mode", "on"),
        ("archive_command", command),
        ("max_wal_senders", "5"),
    ];
    let options = Options {
        settings: settings
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec(),
        wal_segsize: Some(1),
        ..Options::default()
    };
    Ephemeral::start(&options).await.unwrap()
}

/// Changes a file for as long as `check` runs; it keeps its owner.
fn with(path: &Path, change: impl FnOnce(&mut Vec<u8>), check: impl FnOnce()) {
    let good = std::fs::read(path).unwrap();
    let mut bad = good.clone();
    change(&mut bad);
    std::fs::write(path, bad).unwrap();
    check();
    std::fs::write(path, good).unwrap();
}

fn flip(bytes: &mut [u8]) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
}

async fn every_moment(engine: &'static str) {
    if !possible(engine).await {
        return;
    }
    let source = Kept::new(engine).await;
    source.insert(1, "before").await;
    let created = source.create().data();
    assert_eq!(created["wal_included"], engine == PGBACKREST, "{created:#}");
    source.insert(2, "first").await;
    run(&source.primary, "select pg_create_restore_point('here')").await;
    let lsn = value(&source.primary, "select pg_current_wal_lsn()::text").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let time = value(
        &source.primary,
        "select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"')",
    )
    .await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    let xid = value(
        &source.primary,
        "with new as (insert into t values (3, 'second') returning 1) select pg_current_xact_id()::text from new",
    )
    .await;
    run(&source.primary, "select pg_switch_wal()").await;
    source.insert(4, "third").await;
    source.archived().await;

    listed_and_whole(&source, &created);
    let two = ["before", "first"];
    assert_eq!(
        source.restored("name", &["--target-name", "here"]).await,
        two
    );
    assert_eq!(source.restored("lsn", &["--target-lsn", &lsn]).await, two);
    assert_eq!(
        source.restored("time", &["--target-time", &time]).await,
        two
    );
    assert_eq!(
        source.restored("xid", &["--target-xid", &xid]).await,
        ["before", "first", "second"]
    );
    assert_eq!(source.restored("now", &["--immediate"]).await, ["before"]);
    let all = ["before", "first", "second", "third"];
    assert_eq!(source.restored("latest", &[]).await, all);

    if engine == BARMAN {
        // Its drills are not covered yet.
        return;
    }
    // A passive drill restores from it, too.
    let drill = source
        .command(&["drill", "run", "--controls", "all"])
        .data();
    assert_eq!(drill["verdict"], "passed", "{drill:#}");
    reds(&drill);
}

/// It is in the list, and nothing speaks against it.
fn listed_and_whole(source: &Kept, created: &Value) {
    let list = source.command(&["backup", "list"]).data();
    let listed = &list["backups"][0];
    assert_eq!(listed["engine"], source.engine, "{list:#}");
    assert_eq!(listed["id"], created["id"]);
    assert_eq!(listed["missing"].as_array().unwrap().len(), 0);
    let verified = source.command(&["backup", "verify"]).data();
    assert_eq!(verified["opened"], created["parts"], "{verified:#}");
    let share = source
        .command(&["backup", "verify", "--part", "50%"])
        .data();
    assert!(share["coverage"]["proven"].as_u64() > Some(0), "{share:#}");
    source.command(&["wal", "audit", "--deep"]).ok();
}

/// Every control that could be tried is red.
fn reds(drill: &Value) {
    let controls = drill["negative_controls"].as_array().unwrap();
    assert!(controls.len() > 3, "{controls:#?}");
    for control in controls {
        assert_ne!(control["red"], false, "{control:#}");
    }
}

async fn each_damage(engine: &'static str) {
    if !possible(engine).await {
        return;
    }
    let source = Kept::new(engine).await;
    source.create().data();
    for number in 1..=4 {
        source.insert(number, "row").await;
        run(&source.primary, "select pg_switch_wal()").await;
    }
    source.archived().await;
    source.command(&["backup", "verify"]).ok();
    // pg_class, large enough that its middle is no header.
    let class = source.files("backup", "/base/5/1259").remove(0);
    let name = class.file_name().unwrap().to_string_lossy().into_owned();
    with(
        &class,
        |bytes| flip(bytes),
        || {
            let found = source.findings().join("\n");
            assert!(
                found.contains(&name) && found.contains("something else"),
                "{found}"
            );
            assert!(
                found.contains("pgbackrest calls it invalid")
                    || found.contains("checksum mismatch"),
                "{found}"
            );
            source.restore_fails("flipped", &name);
        },
    );
    let aside = source.shelf.temp().join("aside");
    std::fs::rename(&class, &aside).unwrap();
    let found = source.findings().join("\n");
    assert!(
        found.contains(&name) && found.contains("is not there"),
        "{found}"
    );
    std::fs::rename(&aside, &class).unwrap();
    // The program itself takes the copy, and calls all well.
    let manifest = source.manifest();
    with(
        &manifest,
        |bytes| flip(bytes),
        || {
            let found = source.findings();
            let all = if source.engine == PGBACKREST { 1 } else { 2 };
            assert_eq!(found.len(), all, "{found:?}");
            assert!(found.join(" ").contains("something else"), "{found:?}");
        },
    );

    damaged_wal(&source);
    let to = source.folder("key").to_str().unwrap().to_owned();
    let other = source
        .command(&["restore", "--to", &to, "--format", "json"])
        .env("TIDEGATE_SEAL_KEY", OTHER_KEY);
    assert_eq!(other.exits(2).error()["code"], "TG0832");
    assert_eq!(source.restored("again", &[]).await.len(), 4);
}

/// A segment that is changed, and one that is gone.
fn damaged_wal(source: &Kept) {
    let aside = source.shelf.temp().join("aside");
    let segments = source.files("archive", "/0000000100000000/0000");
    let victim = &segments[segments.len() - 2];
    let segment = victim.file_name().unwrap().to_string_lossy()[..24].to_owned();
    with(
        victim,
        |bytes| flip(bytes),
        || {
            let deep = source.command(&["wal", "audit", "--deep", "--format", "json"]);
            assert!(deep.exits(3).json().to_string().contains(&segment));
            if source.engine == PGBACKREST {
                let found = source.findings().join("\n");
                assert!(found.contains("damaged WAL"), "{found}");
            }

            source.restore_fails("damaged", &segment);
        },
    );
    // The program's own verification says ok to this one.
    std::fs::rename(victim, &aside).unwrap();
    let holed = source
        .command(&["wal", "audit", "--format", "json"])
        .exits(3);
    assert_eq!(holed.json()["data"]["holes"][0]["first"], segment.as_str());
    source.restore_fails("missing", &segment);
    std::fs::rename(&aside, victim).unwrap();
}

async fn what_is_needed(engine: &'static str) {
    if !possible(engine).await {
        return;
    }
    let source = Kept::new(engine).await;
    for number in 1..=3 {
        source.insert(number, "row").await;
        source.create().data();
    }
    source.insert(4, "row").await;
    source.archived().await;
    let before = source.files("archive", "/0000000100000000/0000").len();
    let dry = source
        .command(&["backup", "expire", "--keep-count", "2", "--dry-run"])
        .data();
    assert_eq!(dry["expired"].as_array().unwrap().len(), 1, "{dry:#}");
    assert_eq!(
        source.files("archive", "/0000000100000000/0000").len(),
        before
    );
    let gone = source
        .command(&["backup", "expire", "--keep-count", "2"])
        .data();
    let files = gone["wal"]["files"].as_u64().unwrap();
    assert!(files > 0, "{gone:#}");
    assert_eq!(
        source.files("archive", "/0000000100000000/0000").len() as u64,
        before as u64 - files
    );
    source.command(&["wal", "audit", "--deep"]).ok();
    source.command(&["backup", "verify"]).ok();
    let list = source.command(&["backup", "list"]).data();
    let kept = list["backups"].as_array().unwrap();
    assert_eq!(kept.len(), 2);
    let oldest = kept[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(
        source
            .restored("oldest", &["--backup", &oldest])
            .await
            .len(),
        4
    );

    // A backup whose engine has lost it is no backup.
    let label = source.manifest();
    let folder = label.parent().unwrap();
    std::fs::rename(folder, source.shelf.temp().join("label")).unwrap();
    let list = source.command(&["backup", "list"]).ok().stdout;
    assert!(list.contains("damaged"), "{list}");
    assert!(!source.findings().is_empty());
    std::fs::rename(source.shelf.temp().join("label"), folder).unwrap();
}

async fn strangers(engine: &'static str) {
    if !possible(engine).await {
        return;
    }
    let source = Kept::new(engine).await;
    source.create().data();
    let native = source
        .command(&[
            "backup",
            "create",
            "--engine",
            "native",
            "--database-url",
            &source.url,
        ])
        .exits(4);
    assert!(
        native
            .stderr
            .contains(&format!("kept by the engine {engine}")),
        "{}",
        native.stderr
    );
    let other = archiving("/bin/true # pgbackrest").await;
    let url = other.url("postgres");
    let args = [
        "backup",
        "create",
        "--engine",
        engine,
        "--encrypted-volume",
        "--database-url",
        &url,
    ];
    let stranger = source.command(&args).exits(4);
    assert!(
        stranger.stderr.contains("system identifier"),
        "{}",
        stranger.stderr
    );
    let shelf = Shelf::new();
    let root = shelf.path().parent().unwrap().to_owned();
    std::fs::set_permissions(&root, std::fs::Permissions::from_mode(0o711)).unwrap();
    let truly = archiving("/bin/true").await;
    let url = truly.url("postgres");
    let args = ["create", "--engine", engine, "--database-url", &url];
    if engine == BARMAN {
        let clear = shelf.backup(&args).exits(4);
        assert!(clear.stderr.contains("in the clear"), "{}", clear.stderr);
    }
    let args = [&args[..], &["--encrypted-volume"]].concat();
    let none = shelf.backup(&args).exits(1);
    assert!(
        none.stderr.contains("WAL does not arrive"),
        "{}",
        none.stderr
    );
    let receive = source.command(&["wal", "receive", "--database-url", &source.url]);
    assert!(receive.exits(4).stderr.contains("archive_command"));
}

async fn sandbox(engine: &'static str) {
    if !possible(engine).await {
        return;
    }
    let place = Place::new();
    let data = place
        .drill(&["--wal", "archive", "--engine", engine, "--controls", "all"])
        .data();
    assert_eq!(data["verdict"], "passed", "{data:#}");
    assert_eq!(data["oracle_equal"], true);
    reds(&data);
    assert_eq!(place.left(), [""; 0].map(PathBuf::from));
}

mod pgbackrest {
    #[tokio::test(flavor = "multi_thread")]
    async fn m10_backups_are_made_listed_verified_and_every_moment_can_be_had_back() {
        super::every_moment(super::PGBACKREST).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn m14_each_damage_is_found_though_the_program_ends_with_0() {
        super::each_damage(super::PGBACKREST).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_needed_stays_and_what_is_lost_is_named() {
        super::what_is_needed(super::PGBACKREST).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_cluster_another_engine_and_an_archive_that_is_none_are_refused() {
        super::strangers(super::PGBACKREST).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_sandbox_drill_is_green_and_its_controls_are_red() {
        super::sandbox(super::PGBACKREST).await;
    }
}

mod barman {
    #[tokio::test(flavor = "multi_thread")]
    async fn m10_backups_are_made_listed_verified_and_every_moment_can_be_had_back() {
        super::every_moment(super::BARMAN).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn m14_each_damage_is_found_though_the_program_ends_with_0() {
        super::each_damage(super::BARMAN).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_needed_stays_and_what_is_lost_is_named() {
        super::what_is_needed(super::BARMAN).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn another_cluster_another_engine_and_an_archive_that_is_none_are_refused() {
        super::strangers(super::BARMAN).await;
    }
}
