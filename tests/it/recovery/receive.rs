//! M11: what `wal receive` refuses, in which words, and where its spool lies.

use std::path::PathBuf;

use tidegate::postgres::private::Ephemeral;

use super::pitr::command;
use super::stage::{KEY, Shelf, run, server, server_with, value};
use super::wal::{FILL, holds, primary};
use crate::support::{Cli, Project, programs};

const STREAMS: &str =
    "select (count(*) > 0)::text from pg_stat_replication where state = 'streaming'";

/// `tidegate wal receive` of a server, with more words.
fn receive(shelf: &Shelf, url: &str, more: &[&str]) -> Cli {
    let spool = shelf.temp().join("spool");
    let named = more.contains(&"--spool");
    let spool = ["--spool", spool.to_str().unwrap()];
    let spool = if named { &[][..] } else { &spool[..] };
    let args = ["wal", "receive", "--database-url", url, "--format", "json"];
    command(shelf, &[&args[..], spool, more].concat())
}

/// A project whose environment `production` is a server, with a repository of its own.
struct Shop {
    server: Ephemeral,
    shelf: Shelf,
    project: Project,
}

impl Shop {
    async fn open() -> Self {
        let (server, shelf) = (primary(&[]).await, Shelf::new());
        let text = format!(
            "version = 1\n[environments.production]\nurl = \"{}\"\n[backup]\nrepository = \"file:{}\"\n",
            server.url("postgres"),
            shelf.path().display()
        );
        let project = Project::with_config(&text);
        Self {
            server,
            shelf,
            project,
        }
    }

    /// `tidegate wal receive` on a machine with this home.
    fn receive(&self, home: &Project, more: &[&str]) -> Cli {
        let args = ["wal", "receive", "-e", "production", "--format", "json"];
        let cli = self.project.tidegate([&args[..], more].concat());
        cli.env("TIDEGATE_SEAL_KEY", KEY)
            .env("TIDEGATE_HOME", home.path())
    }

    async fn received(&self) {
        holds(&self.server, STREAMS).await;
        let switched = "select pg_create_restore_point('here')";
        run(&self.server, switched).await;
        let name = value(&self.server, "select pg_walfile_name(pg_switch_wal())").await;
        let file = self.shelf.path().join("wal/00000001").join(name);
        for _ in 0..600 {
            if file.exists() {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        panic!("{} did not come within 30 s", file.display());
    }
}

/// Folders below the spools of a home that hold WAL.
fn spools(home: &Project) -> Vec<PathBuf> {
    fn walk(folder: &std::path::Path, found: &mut Vec<PathBuf>) {
        for entry in folder.read_dir().into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.path().is_dir() {
                walk(&entry.path(), found);
            } else if name.starts_with("0000") && !found.contains(&folder.to_owned()) {
                found.push(folder.to_owned());
            }
        }
    }
    let mut found = Vec::new();
    walk(&home.path().join("spool"), &mut found);
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_two_projects_with_environments_of_one_name_share_no_spool() {
    let (first, second, home) = (Shop::open().await, Shop::open().await, Project::empty());
    let one = first.receive(&home, &[]).spawn();
    first.received().await;
    let other = second.receive(&home, &[]).spawn();
    second.received().await;
    assert_eq!(spools(&home).len(), 2, "{:?}", spools(&home));
    for receiver in [one, other] {
        receiver.interrupt();
        let ended = receiver.wait();
        assert_eq!(ended.code(), Some(0), "{}", ended.stderr);
    }
    first.server.stop().await;
    second.server.stop().await;
}

/// Where an earlier version put the WAL of a cluster, it goes on; the cluster that replaced that one does
/// not, and one that is told to is refused.
#[tokio::test(flavor = "multi_thread")]
async fn m11_a_spool_of_an_earlier_version_is_used_by_its_own_cluster_only() {
    let (old, new, home) = (Shop::open().await, Shop::open().await, Project::empty());
    let plain = home.path().join("spool/production/tidegate");
    let named = ["--spool", plain.to_str().unwrap()];
    let receiver = old.receive(&home, &named).spawn();
    old.received().await;
    receiver.kill();
    run(&old.server, FILL).await;
    let receiver = old.receive(&home, &[]).spawn();
    old.received().await;
    assert_eq!(spools(&home), std::slice::from_ref(&plain));
    receiver.interrupt();
    assert_eq!(receiver.wait().code(), Some(0));

    let refused = new.receive(&home, &named).exits(3).error();
    assert_eq!(refused["code"], "TG1020", "{refused}");
    let identifier = "select system_identifier::text from pg_control_system()";
    for server in [&old.server, &new.server] {
        let identifier = value(server, identifier).await;
        assert!(refused.to_string().contains(&identifier), "{refused}");
    }
    assert!(
        refused["hint"].as_str().unwrap().contains("--spool"),
        "{refused}"
    );
    let receiver = new.receive(&home, &[]).spawn();
    new.received().await;
    assert_eq!(spools(&home).len(), 2, "{:?}", spools(&home));
    receiver.interrupt();
    assert_eq!(receiver.wait().code(), Some(0));
    old.server.stop().await;
    new.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_server_that_cannot_stream_is_refused_as_a_backup_of_it_is() {
    let shelf = Shelf::new();
    let mute = server_with(&[("wal_level", "minimal"), ("max_wal_senders", "0")]).await;
    let url = mute.url("postgres");
    let create = ["create", "--database-url", &url, "--format", "json"];
    let backup = shelf.backup(&create).exits(4).error();
    let refused = receive(&shelf, &url, &[]).exits(4).error();
    assert_eq!(refused, backup);
    mute.stop().await;

    let server = server().await;
    run(
        &server,
        "create role plain login; grant pg_monitor to plain",
    )
    .await;
    run(&server, "create role saver login replication").await;
    let plain = server.url_as("plain", "postgres");
    let create = ["create", "--database-url", &plain, "--format", "json"];
    let backup = shelf.backup(&create).exits(2).error();
    assert_eq!(backup["code"], "TG0207", "{backup}");
    assert_eq!(receive(&shelf, &plain, &[]).exits(2).error(), backup);
    assert!(!shelf.path().join("repository.tg").exists());

    // `all` in pg_hba.conf does not cover replication.
    let hba = value(&server, "show hba_file").await;
    std::fs::write(hba, "local all all trust\n").unwrap();
    run(&server, "select pg_reload_conf()").await;
    let rules = "select (count(*) = 1)::text from pg_hba_file_rules";
    holds(&server, rules).await;
    let saver = server.url_as("saver", "postgres");
    let refused = receive(&shelf, &saver, &[]).exits(2).error();
    assert_eq!(refused["code"], "TG0207", "{refused}");
    assert!(
        refused["hint"]
            .as_str()
            .unwrap()
            .contains("host replication saver"),
        "{refused}"
    );
    server.stop().await;
}

/// The programs of the server, with a `pg_receivewal` that begins late, as on a machine that is busy.
fn slow_programs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let real = &programs().dir;
    for program in real.read_dir().unwrap().flatten() {
        let link = folder.path().join(program.file_name());
        std::os::unix::fs::symlink(program.path(), link).unwrap();
    }
    let receive = folder.path().join("pg_receivewal");
    std::fs::remove_file(&receive).unwrap();
    let real = real.join("pg_receivewal");
    let script = format!("#!/bin/sh\nsleep 2\nexec {} \"$@\"\n", real.display());
    std::fs::write(&receive, script).unwrap();
    let run = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&receive, run).unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_who_comes_second_is_told_what_to_do() {
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    let first = receive(&shelf, &url, &[]).spawn();
    holds(&server, STREAMS).await;
    // Without its folder.
    let refused = receive(&shelf, &url, &[]).exits(8).error();
    assert_eq!(refused["code"], "TG0402", "{refused}");
    let hint = refused["hint"].as_str().unwrap();
    assert!(
        hint.contains("--spool") && hint.contains("--slot"),
        "{hint}"
    );
    assert!(!hint.contains("--wait"), "{hint}");
    // Without its slot.
    let elsewhere = shelf.temp().join("other");
    let elsewhere = ["--spool", elsewhere.to_str().unwrap()];
    let slow = slow_programs();
    let refused = receive(&shelf, &url, &elsewhere).env("PG_BIN", slow.path());
    let refused = refused.exits(8).error();
    assert_eq!(refused["code"], "TG0402", "{refused}");
    assert!(
        refused["message"]
            .as_str()
            .unwrap()
            .contains("\"tidegate\""),
        "{refused}"
    );
    let hint = refused["hint"].as_str().unwrap();
    assert!(
        hint.contains("--slot") && hint.contains("pg_stat_replication"),
        "{hint}"
    );
    assert!(!hint.contains("--wait"), "{hint}");
    for slot in ["Bad Slot", "a-b", "", &"x".repeat(64)] {
        let refused = receive(&shelf, &url, &["--slot", slot]).exits(2);
        assert!(refused.stderr.contains("a-z"), "{}", refused.stderr);
    }
    first.interrupt();
    assert_eq!(first.wait().code(), Some(0));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_segments_of_any_size_are_known_before_the_first_backup() {
    let shop = Shop::open().await;
    let home = Project::empty();
    let receiver = shop.receive(&home, &[]).spawn();
    shop.received().await;
    receiver.interrupt();
    assert_eq!(receiver.wait().code(), Some(0));
    let audit = ["wal", "audit", "--deep", "--format", "json"];
    // Without a backup nothing can be recovered: that is red, and nothing else.
    let audit = command(&shop.shelf, &audit).exits(3).json()["data"].take();
    assert_eq!(audit["damaged"], serde_json::json!([]), "{audit:#}");
    assert!(audit["opened"].as_u64().unwrap() >= 1, "{audit:#}");
    shop.server.stop().await;
}

#[test]
fn m11_a_segment_that_is_not_there_is_named() {
    let shelf = Shelf::new();
    std::fs::create_dir(shelf.path()).unwrap();
    let push = ["wal", "push", "/nowhere/000000010000000000000003"];
    let refused = command(&shelf, &push).exits(2);
    assert!(
        refused.stderr.contains("/nowhere/000000010000000000000003"),
        "{}",
        refused.stderr
    );
    // Whoever may read everything reads a folder no better.
    let folder = shelf.temp().display().to_string();
    let refused = command(&shelf, &["wal", "push", &folder]).exits(1);
    assert!(refused.stderr.contains(&folder), "{}", refused.stderr);
}
