//! From a running server to a moment of its past, by the commands alone.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;
use tidegate::postgres::private::{Ephemeral, PrivateServer};
use tidegate::recovery::Lsn;

use super::stage::{KEY, OTHER_KEY, Shelf, run, server, value};
use crate::support::Cli;

pub(super) fn command(shelf: &Shelf, args: &[&str]) -> Cli {
    let location = format!("file:{}", shelf.path().display());
    Cli::new(args.iter().copied())
        .args(["--repository", &location])
        .env("TIDEGATE_SEAL_KEY", KEY)
        .env("TMPDIR", shelf.temp())
}

/// A server whose WAL is received into the repository by the daemon, and a base backup of it.
pub(super) struct Received {
    pub(super) shelf: Shelf,
    pub(super) primary: Ephemeral,
    url: String,
}

impl Received {
    pub(super) async fn new() -> Self {
        let shelf = Shelf::new();
        let primary = server().await;
        let url = primary.url("postgres");
        run(&primary, "create table t (id int primary key, what text)").await;
        Self {
            shelf,
            primary,
            url,
        }
    }

    pub(super) fn receiver(&self) -> crate::support::Running {
        let spool = self.shelf.temp().join("spool");
        let spool = spool.to_str().unwrap().to_owned();
        let args = [
            "wal",
            "receive",
            "--database-url",
            &self.url,
            "--spool",
            &spool,
        ];
        command(&self.shelf, &args).spawn()
    }

    pub(super) fn backup(&self) -> Value {
        command(
            &self.shelf,
            &["backup", "create", "--database-url", &self.url],
        )
        .data()
    }

    pub(super) async fn insert(&self, id: i32, what: &str) {
        run(
            &self.primary,
            &format!("insert into t values ({id}, '{what}')"),
        )
        .await;
    }

    /// Waits until everything that was committed until now is in the repository.
    pub(super) async fn uploaded(&self) {
        let now = value(&self.primary, "select pg_current_wal_flush_lsn()::text").await;
        let now: Lsn = now.parse().unwrap();
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            let audit = command(&self.shelf, &["wal", "audit", "--format", "json"]).run();
            let data = &audit.json()["data"];
            let to = data["backups"][0]["to"]
                .as_str()
                .unwrap_or("0/0")
                .to_owned();
            if to.parse::<Lsn>().unwrap() >= now {
                return;
            }
            assert!(Instant::now() < until, "{now} did not arrive: {data:#}");
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Restores and gives the rows of the table.
    pub(super) async fn restored(&self, name: &str, target: &[&str]) -> Vec<String> {
        let folder = self.shelf.path().with_file_name(name);
        let to = folder.to_str().unwrap().to_owned();
        let args = [&["restore", "--to", &to, "--keep-running"][..], target].concat();
        let data = command(&self.shelf, &args).data();
        let rows = rows(data["url"].as_str().unwrap()).await;
        stop(&folder).await;
        rows
    }
}

async fn rows(url: &str) -> Vec<String> {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    let rows = client.query("select what from t order by id", &[]).await;
    rows.unwrap().iter().map(|row| row.get(0)).collect()
}

pub(super) async fn stop(folder: &Path) {
    PrivateServer::open(folder).unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn every_moment_since_the_backup_can_be_had_back() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.insert(1, "before").await;
    source.backup();
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
    source.insert(3, "second").await;
    run(&source.primary, "select pg_switch_wal()").await;
    source.insert(4, "third").await;
    source.uploaded().await;

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
        source.restored("immediate", &["--immediate"]).await,
        ["before"]
    );
    // The last row is in a segment of which only pieces are there.
    let all = ["before", "first", "second", "third"];
    assert_eq!(source.restored("latest", &[]).await, all);

    receiver.interrupt();
    let ended = receiver.wait();
    assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_was_killed_goes_on_and_nothing_is_lost() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.backup();
    for number in 1..=20 {
        source.insert(number, "row").await;
    }
    receiver.kill();
    for number in 21..=40 {
        source.insert(number, "row").await;
        if number % 10 == 0 {
            run(&source.primary, "select pg_switch_wal()").await;
        }
    }
    let again = source.receiver();
    for number in 41..=50 {
        source.insert(number, "row").await;
    }
    source.uploaded().await;
    assert_eq!(source.restored("all", &[]).await.len(), 50);
    again.interrupt();
    again.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hole_is_named_and_no_server_is_promoted_before_it() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.backup();
    for number in 1..=4 {
        source.insert(number, "row").await;
        run(&source.primary, "select pg_switch_wal()").await;
    }
    source.insert(5, "row").await;
    source.uploaded().await;
    receiver.interrupt();
    receiver.wait();
    let whole = command(&source.shelf, &["wal", "audit", "--deep"]).data();
    assert_eq!(whole["holes"].as_array().unwrap().len(), 0, "{whole:#}");
    let folder = source.shelf.path().join("wal/00000001");
    let mut segments: Vec<_> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    segments.sort();
    let victim = &segments[segments.len() - 2];
    let name = victim.file_name().unwrap().to_str().unwrap().to_owned();
    let aside = source.shelf.temp().join(&name);

    // Damaged: the listing sees nothing, opening does.
    let good = std::fs::read(victim).unwrap();
    let mut bad = good.clone();
    let middle = bad.len() / 2;
    bad[middle] ^= 1;
    std::fs::write(victim, &bad).unwrap();
    let deep = command(
        &source.shelf,
        &["wal", "audit", "--deep", "--format", "json"],
    )
    .exits(3);
    assert!(deep.json().to_string().contains(&name), "{}", deep.stdout);
    restore_fails(&source.shelf, "damaged", &name);

    std::fs::write(victim, &good).unwrap();
    std::fs::rename(victim, &aside).unwrap();
    let holed = command(&source.shelf, &["wal", "audit", "--format", "json"]).exits(3);
    assert_eq!(holed.json()["data"]["holes"][0]["first"], name.as_str());
    restore_fails(&source.shelf, "missing", &name);

    std::fs::rename(&aside, victim).unwrap();
    let to = source.shelf.temp().join("key").to_str().unwrap().to_owned();
    let other = command(&source.shelf, &["restore", "--to", &to, "--format", "json"])
        .env("TIDEGATE_SEAL_KEY", OTHER_KEY);
    assert_eq!(other.exits(2).error()["code"], "TG0832");
    assert_eq!(source.restored("again", &[]).await.len(), 5);
}

/// The receiver began after the backup: the first segments are in the backup alone.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_brings_the_wal_that_it_needs() {
    let source = Received::new().await;
    source.insert(1, "row").await;
    source.backup();
    assert_eq!(source.restored("alone", &[]).await.len(), 1);
    let receiver = source.receiver();
    source.insert(2, "row").await;
    source.uploaded().await;
    assert_eq!(source.restored("carried on", &[]).await.len(), 2);
    receiver.interrupt();
    receiver.wait();
}

fn restore_fails(shelf: &Shelf, into: &str, segment: &str) {
    let folder = shelf.temp().join(into);
    let to = folder.to_str().unwrap().to_owned();
    let failed = command(shelf, &["restore", "--to", &to, "--format", "json"]).exits(3);
    let error = failed.error().to_string();
    assert!(error.contains(segment), "{error}");
    assert!(!folder.join("data").exists(), "something is left");
}
