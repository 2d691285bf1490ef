//! However a logical backup ends: there is a whole one, or none.

use std::time::Duration;

use super::super::stage::{run_at, value_at};
use super::{SHOP, Shop};
use crate::support::Running;

/// Rows of some parts.
const LOAD: &str = "create table app.load as select g as id, repeat(md5(g::text), 40) as text from generate_series(1, 50000) g";

/// A backup whose first part is written, with further ones to come.
async fn half_done(shop: &Shop) -> Running {
    run_at(&shop.url(), LOAD).await;
    let running = shop.create_tables(&["app.load"]).spawn();
    let folder = shop.shelf.path().join("logical");
    let first_part = || {
        let mut ids = folder.read_dir().ok()?.flatten();
        ids.find(|id| id.path().join("data/000000/000000").is_file())
    };
    let mut tries = 0;
    while first_part().is_none() {
        tries += 1;
        assert!(tries < 6000, "no part was written");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running
}

async fn until(url: &str, sql: &str, expected: &str) {
    let mut tries = 0;
    while value_at(url, sql).await != expected {
        tries += 1;
        assert!(tries < 600, "{sql} is not {expected}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Programs that read the shop for a backup.
const READERS: &str =
    "select count(*)::text from pg_stat_activity where application_name like 'tidegate/backup%'";

#[tokio::test(flavor = "multi_thread")]
async fn a_logical_backup_that_is_killed_is_none_and_its_remains_are_cleaned() {
    let shop = Shop::open(SHOP).await;
    let running = half_done(&shop).await;
    assert_eq!(running.kill().signal(), Some(9));
    until(&shop.url(), READERS, "0").await;
    let list = shop.shelf.backup(&["list"]).data();
    assert_eq!(list["logical"], serde_json::json!([]), "{list:#}");
    assert_eq!(list["unfinished"].as_array().unwrap().len(), 1, "{list:#}");
    let id = list["unfinished"][0]["id"].as_str().unwrap();
    assert!(
        list["unfinished"][0]["bytes"].as_u64() > Some(1000),
        "{list:#}"
    );
    let never = shop.restore(&shop.url(), &["--backup", id]).exits(3).stderr;
    assert!(never.contains("was never completed"), "{never}");
    shop.shelf.backup(&["verify"]).exits(3);
    // It may be alive for all that is known, until it has been silent for an hour.
    let expire = ["expire", "--keep-count", "1"];
    let remains = |args: &[&str]| {
        let data = shop.shelf.backup(args).data();
        data["logical"]["remains"].as_array().unwrap().len()
    };
    assert_eq!(remains(&expire), 0);
    let soon = [&expire[..], &["--abandoned-after", "0s"]].concat();
    assert_eq!(remains(&[&soon[..], &["--dry-run"]].concat()), 1);
    assert_eq!(remains(&soon), 1);
    let folder = shop.shelf.path().join("logical");
    assert_eq!(folder.read_dir().map_or(0, Iterator::count), 0);
    shop.create_tables(&["app.orders"]).ok();
    shop.shelf.backup(&["verify"]).ok();
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_logical_backup_takes_everything_away_again() {
    let shop = Shop::open(SHOP).await;
    let running = half_done(&shop).await;
    running.interrupt();
    let outcome = running.wait();
    assert_eq!(outcome.code(), Some(130), "{}", outcome.stderr);
    until(&shop.url(), READERS, "0").await;
    let folder = shop.shelf.path().join("logical");
    assert_eq!(folder.read_dir().map_or(0, Iterator::count), 0);
    shop.server.stop().await;
}

/// A restore that is killed while it waits in the middle of its work leaves the database as it was.
#[tokio::test(flavor = "multi_thread")]
async fn a_restore_that_is_killed_changes_nothing() {
    let shop = Shop::open(SHOP).await;
    shop.create_tables(&["app.users", "app.orders"]).ok();
    run_at(
        &shop.url(),
        "drop table app.orders; alter table app.users add column extra int",
    )
    .await;
    let (client, connection) = tokio_postgres::connect(&shop.url(), tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    // The foreign key comes last, and its lock is not given.
    let lock = "begin; update app.users set extra = 1 where id = 1";
    client.batch_execute(lock).await.unwrap();
    let mut running = shop.restore_tables(&shop.url(), &["app.orders"]).spawn();
    let waits = "select count(*)::text from pg_locks where not granted and relation = 'app.users'::regclass";
    until(&shop.url(), waits, "1").await;
    assert!(running.runs());
    running.kill();
    let gone =
        "select count(*)::text from pg_stat_activity where application_name = 'tidegate/restore'";
    until(&shop.url(), gone, "0").await;
    let there = "select coalesce(to_regclass('app.orders')::text, 'none')";
    assert_eq!(value_at(&shop.url(), there).await, "none");
    // Nobody waits for it for ever, either.
    let told = shop
        .restore_tables(&shop.url(), &["app.orders"])
        .exits(3)
        .stderr;
    assert!(told.contains("lock timeout"), "{told}");
    assert_eq!(value_at(&shop.url(), there).await, "none");
    client.batch_execute("rollback").await.unwrap();
    shop.restore_tables(&shop.url(), &["app.orders"]).ok();
    assert_eq!(value_at(&shop.url(), there).await, "app.orders");
    // What the killed one had put down was swept away: names of objects.
    assert_eq!(shop.shelf.temp().read_dir().unwrap().count(), 0);
    shop.server.stop().await;
}
