//! M11: an instance that is restored once and then replays all the time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tidegate::postgres::private::{Ephemeral, PrivateServer};

use super::pitr::{Received, command, stop};
use super::stage::{Shelf, run, run_at, server, value, with};
use crate::support::{Outcome, Project, Running};

const ROWS: &str = "select coalesce(string_agg(what, ' ' order by id), '') from t";

/// The daemon, and where it works.
pub(super) struct Instance {
    pub(super) to: PathBuf,
    pub(super) daemon: Running,
}

impl Instance {
    pub(super) fn start(shelf: &Shelf) -> Self {
        Self::start_with(shelf, &["--format", "json"])
    }

    pub(super) fn start_with(shelf: &Shelf, more: &[&str]) -> Self {
        let to = shelf.path().with_file_name("followed");
        let args = ["restore", "--follow", "--to", to.to_str().unwrap()];
        let daemon = command(shelf, &[&args[..], more].concat()).spawn();
        Self { to, daemon }
    }

    pub(super) fn url(&self) -> String {
        PrivateServer::open(&self.to).unwrap().url("postgres")
    }

    /// Waits until a query gives a value.
    pub(super) async fn shows(&mut self, sql: &str, wanted: &str) {
        let until = Instant::now() + Duration::from_secs(90);
        loop {
            let found = match self.to.join("data/postmaster.pid").exists() {
                true => asked(&self.url(), sql).await,
                false => None,
            };
            if found.as_deref() == Some(wanted) {
                return;
            }
            let late = Instant::now() > until;
            if late || !self.daemon.runs() {
                let mut daemon = std::mem::replace(&mut self.daemon, command_of_nothing());
                if daemon.runs() {
                    daemon.terminate();
                }
                panic!("not {wanted:?} but {found:?}: {:#?}", daemon.wait());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What a service manager sends; the server must be gone, and the exit code be 0.
    pub(super) fn stopped(self) -> Outcome {
        self.daemon.terminate();
        let ended = self.daemon.wait();
        assert_eq!(ended.code(), Some(0), "{ended:#?}");
        assert!(!self.to.join("data/postmaster.pid").exists());
        ended
    }
}

fn command_of_nothing() -> Running {
    crate::support::Cli::new(["--version"]).spawn()
}

async fn asked(url: &str, sql: &str) -> Option<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .ok()?;
    tokio::spawn(connection);
    client.query_one(sql, &[]).await.ok()?.try_get(0).ok()
}

fn backup(source: &Received) -> String {
    let url = source.primary.url("postgres");
    let data = source
        .shelf
        .backup(&["create", "--database-url", &url])
        .data();
    data["id"].as_str().unwrap().to_owned()
}

fn file_number(path: &Path) -> u64 {
    std::os::unix::fs::MetadataExt::ino(&path.metadata().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_what_comes_later_appears_and_every_end_is_gone_on_from() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.insert(1, "before").await;
    let id = backup(&source);
    source.insert(2, "after").await;
    let mut instance = Instance::start_with(&source.shelf, &["-v"]);
    instance.shows(ROWS, "before after").await;
    // Pieces of a segment, then the whole of it and pieces of the next.
    source.insert(3, "piece").await;
    instance.shows(ROWS, "before after piece").await;
    run(&source.primary, "select pg_switch_wal()").await;
    source.insert(4, "whole").await;
    instance.shows(ROWS, "before after piece whole").await;
    let writes = asked(&instance.url(), "select pg_is_in_recovery()::text").await;
    assert_eq!(writes.as_deref(), Some("true"));
    let delay = asked(&instance.url(), "show max_standby_archive_delay").await;
    assert_eq!(delay.as_deref(), Some("-1"), "readers would be cancelled");
    let second = Instance::start(&source.shelf).daemon.wait();
    assert_eq!(second.code(), Some(2), "{second:#?}");
    let ended = instance.stopped();
    assert!(
        ended.stderr.contains("answers readers at postgresql://"),
        "{ended:#?}"
    );
    assert!(ended.stderr.contains("replayed to "), "{ended:#?}");

    // The base backup is not fetched again: it is not there any more.
    let cluster = source
        .shelf
        .path()
        .with_file_name("followed/data/PG_VERSION");
    let first = file_number(&cluster);
    std::fs::remove_dir_all(source.shelf.path().join("backups").join(&id)).unwrap();
    run(&source.primary, "select pg_switch_wal()").await;
    source.insert(5, "stopped").await;
    let mut instance = Instance::start(&source.shelf);
    instance
        .shows(ROWS, "before after piece whole stopped")
        .await;

    // The process is killed, its server is not.
    let Instance { daemon, .. } = instance;
    daemon.kill();
    source.insert(6, "killed").await;
    let mut instance = Instance::start(&source.shelf);
    instance
        .shows(ROWS, "before after piece whole stopped killed")
        .await;
    assert_eq!(file_number(&cluster), first);
    let data = instance.stopped().json()["data"].take();
    assert_eq!(data["backup"], id.as_str());
    assert!(data["data"].is_string(), "{data:#}");
    receiver.interrupt();
    receiver.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_wal_that_is_gone_or_damaged_ends_it_with_the_segments_name() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.insert(1, "before").await;
    backup(&source);
    let mut instance = Instance::start(&source.shelf);
    instance.shows(ROWS, "before").await;
    instance.stopped();
    let mut names = Vec::new();
    for number in 2..5 {
        source.insert(number, "x").await;
        let name = "select pg_walfile_name(pg_current_wal_lsn())";
        names.push(value(&source.primary, name).await);
        run(&source.primary, "select pg_switch_wal()").await;
    }
    // The first of them may be one that the backup brought along.
    let segment = names.swap_remove(1);
    source.insert(5, "last").await;
    source.uploaded().await;
    let file = source.shelf.path().join("wal/00000001").join(&segment);
    let flipped = || {
        let ended = Instance::start(&source.shelf).daemon.wait();
        assert_eq!(ended.code(), Some(3), "{ended:#?}");
        let error = ended.error().to_string();
        assert!(
            error.contains("TG0833") && error.contains(&segment),
            "{error}"
        );
    };
    with(
        &file,
        |bytes| {
            let middle = bytes.len() / 2;
            bytes[middle] ^= 1;
        },
        flipped,
    );

    let aside = source.shelf.temp().join("aside");
    std::fs::rename(&file, &aside).unwrap();
    let ended = Instance::start(&source.shelf).daemon.wait();
    assert_eq!(ended.code(), Some(3), "{ended:#?}");
    let error = ended.error();
    assert_eq!(error["code"], "TG1021", "{error}");
    assert!(error.to_string().contains(&segment), "{error}");
    assert!(
        error["hint"].as_str().unwrap().contains("begin anew"),
        "{error}"
    );

    // A hole that is filled is none.
    std::fs::rename(&aside, &file).unwrap();
    let mut instance = Instance::start(&source.shelf);
    instance.shows(ROWS, "before x x x last").await;
    instance.stopped();
    receiver.interrupt();
    receiver.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_new_timeline_is_followed_unless_it_left_before() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.insert(1, "before").await;
    backup(&source);
    source.insert(2, "old").await;
    source.uploaded().await;
    let place = value(&source.primary, "select pg_current_wal_lsn()::text").await;
    let mut instance = Instance::start(&source.shelf);
    instance.shows(ROWS, "before old").await;
    receiver.interrupt();
    receiver.wait();

    let promote = async |name: &str, sql: &str, target: &[&str]| {
        let to = source.shelf.path().with_file_name(name);
        let args = ["restore", "--keep-running", "--to", to.to_str().unwrap()];
        let data = command(&source.shelf, &[&args[..], target].concat()).data();
        let url = data["url"].as_str().unwrap();
        // The next one comes later: until then its segments stay.
        for sql in ["checkpoint", sql, "select pg_switch_wal()"] {
            run_at(url, sql).await;
        }
        let prefix = asked(url, "select left(pg_walfile_name(pg_current_wal_lsn()), 8)").await;
        let wal = to.join("data/pg_wal").read_dir().unwrap().flatten();
        let mut names: Vec<_> = wal.map(|file| file.path()).collect();
        names.retain(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.len() == 24 && name.starts_with(prefix.as_deref().unwrap())
        });
        names.sort();
        // The last one is what comes after the switch.
        for path in &names[..1] {
            command(&source.shelf, &["wal", "push", path.to_str().unwrap()]).ok();
        }
        stop(&to).await;
    };
    promote("second", "insert into t values (3, 'new')", &[]).await;
    instance.shows(ROWS, "before old new").await;

    // One that began before what was replayed is not followed, and that is not kept quiet.
    let line = "insert into t values (3, 'other')";
    let target = ["--target-lsn", &place];
    promote("third", line, &target).await;
    let ended = instance.daemon.wait();
    assert_eq!(ended.code(), Some(3), "{ended:#?}");
    let error = ended.error();
    assert_eq!(error["code"], "TG1023", "{error}");
    assert!(error.to_string().contains("left timeline"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_only_what_a_follower_made_is_gone_on_from() {
    let (one, other) = (Shelf::new(), Shelf::new());
    let first = server().await;
    let second = server().await;
    for (shelf, server) in [(&one, &first), (&other, &second)] {
        let url = server.url("postgres");
        shelf.backup(&["create", "--database-url", &url]).data();
    }
    let to = one.path().with_file_name("followed");
    let refused = |shelf: &Shelf, more: &[&str], code: i32| {
        let args = ["restore", "--follow", "--to", to.to_str().unwrap()];
        let args = [&args[..], &["--format", "json"], more].concat();
        command(shelf, &args).exits(code).error()
    };
    for more in [&["--immediate"][..], &["--keep-running"]] {
        refused(&one, more, 2);
    }
    let allowed = refused(&one, &["--set", "hot_standby=off"], 2);
    assert!(allowed.to_string().contains("hot_standby"), "{allowed}");
    assert!(!to.exists());
    std::fs::create_dir(&to).unwrap();
    std::fs::write(to.join("mine"), "kept").unwrap();
    let error = refused(&one, &[], 2);
    assert!(error.to_string().contains("is not empty"), "{error}");
    assert_eq!(std::fs::read(to.join("mine")).unwrap(), b"kept");
    std::fs::remove_dir_all(&to).unwrap();
    command(&one, &["restore", "--to", to.to_str().unwrap()]).ok();
    let error = refused(&one, &[], 2);
    assert!(error.to_string().contains("is not empty"), "{error}");
    std::fs::remove_dir_all(&to).unwrap();

    let mut instance = Instance::start(&one);
    instance.shows("select 'here'", "here").await;
    instance.stopped();
    let error = refused(&other, &[], 4);
    assert!(error.to_string().contains("system identifier"), "{error}");
    let error = refused(&one, &["--backup", "20261126T021500Z-0f3a9c"], 2);
    assert!(error.to_string().contains("came from backup"), "{error}");
    std::fs::remove_file(to.join("data/standby.signal")).unwrap();
    let error = refused(&one, &[], 2);
    assert!(error.to_string().contains("promoted"), "{error}");
}

const MASK_KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";
const SHOP: &str = "create database shop";
const TABLES: &str = "create table users (id int primary key, email text unique not null); \
    create table orders (id int primary key, user_id int not null references users, note text not null); \
    insert into users select g, 'person' || g || '@real-mail.test' from generate_series(1, 5000) g; \
    insert into orders select g, 1 + g % 5000, 'note ' || g from generate_series(1, 20000) g";
const POLICY: &str = "version = 1\nunclassified = \"deny\"\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n\
    [tables.users]\nid = \"keep\"\nemail = { mask = \"email\", unique = true }\n\
    [tables.orders]\nid = \"keep\"\nuser_id = \"keep\"\nnote = \"keep\"\n";

/// Rows come and go, and what is gone is vacuumed away: on a standby that is in the way of readers.
async fn churn(source: &Ephemeral) {
    let url = source.url("shop");
    for sql in [
        // One transaction: no reader sees them.
        "insert into orders select g, 1 + g % 5000, 'late' from generate_series(100001, 103000) g; \
         delete from orders where note = 'late'",
        // Without the lock by which a table is cut short: whoever comes then waits behind the replay.
        "vacuum (truncate off) orders",
        "update users set email = 'changed' || email where id % 50 = 0",
        "vacuum (truncate off) users",
        "select pg_switch_wal()",
    ] {
        run_at(&url, sql).await;
    }
}

async fn is_masked_and_joins(staging: &str) {
    for (sql, wanted) in [
        (
            "select count(*)::text from orders join users on users.id = user_id",
            "20000",
        ),
        ("select count(distinct email)::text from users", "5000"),
        (
            "select count(*)::text from users where email like '%real-mail%'",
            "0",
        ),
    ] {
        assert_eq!(asked(staging, sql).await.as_deref(), Some(wanted), "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_masked_copy_is_made_of_it_while_wal_goes_on() {
    let source = Received::new().await;
    let receiver = source.receiver();
    run(&source.primary, SHOP).await;
    run_at(&source.primary.url("shop"), TABLES).await;
    backup(&source);
    let mut instance = Instance::start(&source.shelf);
    instance.shows(ROWS, "").await;
    let from = PrivateServer::open(&instance.to).unwrap().url("shop");
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\n\n\
         [environments.production]\nregion = \"eu\"\nurl = \"{from}\"\n\
         [environments.staging]\nregion = \"eu\"\nurl = \"{}\"\n",
        source.primary.url("staging")
    ));
    project.write("masking-rules/shop.toml", POLICY);

    // A reader from before the changes: the replay waits for it, and goes on after it.
    let (reader, connection) = tokio_postgres::connect(&from, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let begin = "begin isolation level repeatable read; select count(*) from orders";
    reader.batch_execute(begin).await.unwrap();
    churn(&source.primary).await;
    let waits = "select count(*)::text from pg_stat_activity \
         where backend_type = 'startup' and wait_event = 'RecoveryConflictSnapshot'";
    instance.shows(waits, "1").await;
    let copy = [
        "copy",
        "run",
        "--from",
        "production",
        "--to",
        "staging",
        "--promote",
    ];
    let copied = move |project: &Project| {
        let tidegate = project.tidegate(copy).env("TIDEGATE_MASK_KEY", MASK_KEY);
        tidegate
            .env("TIDEGATE_HOME", project.path().join("home"))
            .data()
    };
    let data = copied(&project);
    assert_eq!(data["gate"]["passed"], true, "{data:#}");
    let rows = reader.query_one("select count(*)::text from orders", &[]);
    assert_eq!(rows.await.unwrap().get::<_, String>(0), "20000");
    reader.batch_execute("commit").await.unwrap();
    run(&source.primary, "insert into t values (1, 'goes-on')").await;
    instance.shows(ROWS, "goes-on").await;

    // Again, with changes that arrive meanwhile.
    let busy = async {
        for _ in 0..3 {
            churn(&source.primary).await;
        }
    };
    let again = tokio::task::spawn_blocking(move || copied(&project));
    let (data, ()) = tokio::join!(again, busy);
    let data = data.unwrap();
    assert_eq!(data["promoted"], true, "{data:#}");
    is_masked_and_joins(&source.primary.url("staging")).await;
    run(&source.primary, "insert into t values (2, 'still')").await;
    instance.shows(ROWS, "goes-on still").await;
    instance.stopped();
    receiver.interrupt();
    receiver.wait();
}
