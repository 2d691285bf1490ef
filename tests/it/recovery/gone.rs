//! A repository whose folder goes away, or that lost what it begins with.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use super::pitr::{Received, command};
use super::stage::{Shelf, run, server};

/// Waits until so many whole segments lie in the spool.
fn spooled(spool: &Path, count: usize) {
    let until = Instant::now() + Duration::from_secs(60);
    loop {
        let files = spool.read_dir().unwrap().flatten();
        let names = files.map(|file| file.file_name().to_string_lossy().into_owned());
        let whole = names.filter(|name| name.len() == 24).count();
        if whole >= count {
            return;
        }
        assert!(Instant::now() < until, "{whole} of {count} segments");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_wal_waits_in_the_spool_while_the_folder_of_the_repository_is_gone() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.backup();
    source.insert(1, "before").await;
    source.uploaded().await;
    let (path, spool) = (&source.shelf.path(), source.shelf.temp().join("spool"));
    let aside = path.with_file_name("aside");
    std::fs::rename(path, &aside).unwrap();
    for number in 2..=4 {
        source.insert(number, "meanwhile").await;
        run(&source.primary, "select pg_switch_wal()").await;
    }
    spooled(&spool, 3);
    assert!(!path.exists(), "a repository was made anew");
    // The empty folder below a mount point.
    std::fs::create_dir(path).unwrap();
    for number in 5..=6 {
        source.insert(number, "meanwhile").await;
        run(&source.primary, "select pg_switch_wal()").await;
    }
    spooled(&spool, 5);
    assert_eq!(path.read_dir().unwrap().count(), 0);
    std::fs::remove_dir(path).unwrap();
    std::fs::rename(&aside, path).unwrap();
    source.insert(7, "after").await;
    source.uploaded().await;
    let audit = command(&source.shelf, &["wal", "audit", "--deep"]).data();
    assert_eq!(audit["holes"].as_array().unwrap().len(), 0, "{audit:#}");
    assert_eq!(source.restored("all", &[]).await.len(), 7);

    // A receiver that was here before does not begin with a new one.
    receiver.interrupt();
    receiver.wait();
    std::fs::rename(path, &aside).unwrap();
    let again = source.receiver().wait();
    assert_eq!(again.code(), Some(7), "{}", again.stderr);
    assert!(!path.exists(), "{}", again.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_backup_makes_a_repository() {
    let shelf = Shelf::new();
    let to = shelf.temp().join("to").to_str().unwrap().to_owned();
    let segment = shelf.temp().join("000000010000000000000003");
    std::fs::write(&segment, vec![0; 1 << 20]).unwrap();
    let commands: [&[&str]; 8] = [
        &["backup", "list"],
        &["backup", "verify"],
        &["backup", "expire", "--keep-count", "1"],
        &["wal", "audit"],
        &["wal", "push", segment.to_str().unwrap()],
        &["restore", "--to", &to],
        &["drill", "run"],
        &["drill", "history"],
    ];
    for args in commands {
        let failed = command(&shelf, &[args, &["--format", "json"]].concat()).exits(7);
        let error = failed.error();
        assert_eq!(error["code"], "TG0830", "{args:?}: {error}");
        assert!(
            error["message"].to_string().contains("no folder"),
            "{error}"
        );
        assert!(!shelf.path().exists(), "{args:?} made it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repository_that_lost_its_name_is_still_one_of_its_cluster() {
    let (shelf, own, other) = (Shelf::new(), server().await, server().await);
    let create = |url: &str| {
        let create = ["backup", "create", "--format", "json", "--database-url"];
        command(&shelf, &[&create[..], &[url]].concat())
    };
    create(&own.url("postgres")).ok();
    let name = shelf.path().join("repository.tg");
    let findings = |word: &str| {
        let verify = command(&shelf, &["backup", "verify", "--format", "json"]).exits(3);
        let found = verify.json()["data"]["findings"].take();
        assert_eq!(found[0]["file"], "repository.tg", "{found:#}");
        assert!(found[0]["problem"].to_string().contains(word), "{found:#}");
    };
    let mut bytes = std::fs::read(&name).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&name, bytes).unwrap();
    findings("damaged");
    std::fs::remove_file(&name).unwrap();
    findings("is not there");
    let refused = create(&other.url("postgres")).exits(4).error().to_string();
    assert!(refused.contains("another's repository"), "{refused}");
    assert!(!name.exists());
    create(&own.url("postgres")).ok();
    command(&shelf, &["backup", "verify"]).ok();
    own.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_lost_a_part_is_refused_before_anything_is_fetched() {
    let (shelf, source) = (Shelf::new(), server().await);
    let url = source.url("postgres");
    let backup = command(&shelf, &["backup", "create", "--database-url", &url]).data();
    source.stop().await;
    let part = format!("backups/{}/data/000000", backup["id"].as_str().unwrap());
    std::fs::remove_file(shelf.path().join(&part)).unwrap();
    let to = shelf.temp().join("to").to_str().unwrap().to_owned();
    let refused = command(&shelf, &["restore", "--to", &to, "--format", "json"]).exits(3);
    let error = refused.error().to_string();
    assert!(
        error.contains(&part) && error.contains("is not there"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_before_the_newest_backup_is_told_with_the_backup_that_may_reach_it() {
    let source = Received::new().await;
    let receiver = source.receiver();
    let older = source.backup();
    source.insert(1, "before").await;
    run(&source.primary, "select pg_create_restore_point('p')").await;
    source.insert(2, "after").await;
    source.backup();
    source.insert(3, "latest").await;
    source.uploaded().await;
    let (to, id) = (
        source.shelf.temp().join("to"),
        older["id"].as_str().unwrap(),
    );
    let restore = [
        "restore",
        "--to",
        to.to_str().unwrap(),
        "--target-name",
        "p",
    ];
    let failed = command(
        &source.shelf,
        &[&restore[..], &["--format", "json"]].concat(),
    );
    let error = failed.exits(3).error().to_string();
    assert!(
        error.contains("restore point p") && error.contains(&format!("--backup {id}")),
        "{error}"
    );
    let rows = source
        .restored("p", &["--target-name", "p", "--backup", id])
        .await;
    assert_eq!(rows, ["before"]);
    let empty = [&restore[..4], &[""]].concat();
    command(&source.shelf, &empty).exits(2);
    receiver.interrupt();
    receiver.wait();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_goes_to_the_folder_behind_a_link_and_to_no_file() {
    let (shelf, source) = (Shelf::new(), server().await);
    let url = source.url("postgres");
    command(&shelf, &["backup", "create", "--database-url", &url]).ok();
    source.stop().await;
    let path = |name: &str| shelf.path().with_file_name(name);
    let restore = |to: &Path| command(&shelf, &["restore", "--to", to.to_str().unwrap()]);
    std::fs::write(path("file"), "mine").unwrap();
    restore(&path("file")).exits(2);
    assert_eq!(std::fs::read_to_string(path("file")).unwrap(), "mine");
    symlink(path("nowhere"), path("dangling")).unwrap();
    restore(&path("dangling")).exits(2);
    assert!(path("dangling").is_symlink());
    std::fs::create_dir(path("real")).unwrap();
    symlink(path("real"), path("link")).unwrap();
    restore(&path("link")).ok();
    assert!(path("real").join("data/PG_VERSION").exists());
}
