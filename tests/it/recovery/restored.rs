//! What a restored server keeps of its source, and what it must leave alone.

use std::path::Path;
use std::time::Duration;

use tidegate::postgres::private::{Ephemeral, Options, PrivateServer};

use super::pitr::{command, stop};
use super::stage::{Shelf, run, run_at, server, server_with, value, value_at};

fn create(shelf: &Shelf, server: &Ephemeral) {
    let url = server.url("postgres");
    shelf.backup(&["create", "--database-url", &url]).data();
}

/// Restores, and leaves the server running; its URL.
fn restore(shelf: &Shelf, to: &Path) -> String {
    let args = ["restore", "--keep-running", "--to", to.to_str().unwrap()];
    let data = command(shelf, &args).data();
    data["url"].as_str().unwrap().to_owned()
}

/// A publisher hands each change out once: what a copy takes, the subscriber in use never gets.
#[tokio::test(flavor = "multi_thread")]
async fn m11_a_restored_subscriber_takes_nothing_from_its_publisher() {
    let publisher = server_with(&[("wal_level", "logical")]).await;
    let (subscriber, shelf) = (server().await, Shelf::new());
    let table = "create table t (id int primary key)";
    run(&publisher, table).await;
    run(&publisher, "create publication p for table t").await;
    run(&subscriber, table).await;
    let sql = format!(
        "create subscription s connection '{}' publication p",
        publisher.url("postgres")
    );
    run(&subscriber, &sql).await;
    run(&publisher, "insert into t values (1)").await;
    while value(&subscriber, "select count(*)::text from t").await != "1" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    create(&shelf, &subscriber);
    subscriber.stop().await;
    let active = "select count(*)::text from pg_replication_slots where active";
    while value(&publisher, active).await != "0" {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    run(&publisher, "insert into t values (2)").await;

    let to = shelf.path().with_file_name("back");
    let restored = restore(&shelf, &to);
    let alone = async |url: &str| {
        let launcher = "select count(*)::text from pg_stat_activity where backend_type like 'logical replication%'";
        for _ in 0..20 {
            assert_eq!(value(&publisher, active).await, "0");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        assert_eq!(value_at(url, launcher).await, "0");
        assert_eq!(value_at(url, "select count(*)::text from t").await, "1");
    };
    alone(&restored).await;
    stop(&to).await;
    // As its owner starts it, with settings of his own.
    let server = PrivateServer::open(&to).unwrap();
    let own = server.start(&Options::default()).await.unwrap();
    alone(&own.url("postgres")).await;
    stop(&to).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_commit_timestamps_come_back() {
    let source = server_with(&[("track_commit_timestamp", "on")]).await;
    let shelf = Shelf::new();
    run(&source, "create table t as select 1 as id").await;
    create(&shelf, &source);
    let committed = "select pg_xact_commit_timestamp(xmin)::text from t";
    let before = value(&source, committed).await;
    source.stop().await;
    let to = shelf.path().with_file_name("back");
    let url = restore(&shelf, &to);
    assert_eq!(value_at(&url, committed).await, before);
    stop(&to).await;
}

/// A server that begins with commit timestamps has no page for what was prepared 26,000 transactions
/// before, and would PANIC.
#[tokio::test(flavor = "multi_thread")]
async fn m11_a_transaction_that_was_prepared_long_ago_can_be_committed() {
    let source = server_with(&[("max_prepared_transactions", "5")]).await;
    let shelf = Shelf::new();
    run(&source, "create table t (id int)").await;
    let prepare = "begin; insert into t values (1); prepare transaction 'old'";
    run(&source, prepare).await;
    let others = "do $$ begin for i in 1..60000 loop begin insert into t values (2); \
         exception when division_by_zero then null; end; end loop; end $$";
    run(&source, others).await;
    create(&shelf, &source);
    source.stop().await;
    let to = shelf.path().with_file_name("back");
    let url = restore(&shelf, &to);
    run_at(&url, "commit prepared 'old'").await;
    let rows = "select count(*)::text from t where id = 1";
    assert_eq!(value_at(&url, rows).await, "1");
    stop(&to).await;
}

/// The base backup knows nothing of it, the WAL does.
#[tokio::test(flavor = "multi_thread")]
async fn m11_what_was_raised_after_the_backup_does_not_end_the_recovery() {
    let (source, shelf) = (server().await, Shelf::new());
    create(&shelf, &source);
    let place = PrivateServer::open(source.folder()).unwrap();
    place.stop().await.unwrap();
    let settings = [
        ("max_prepared_transactions", "10"),
        ("track_commit_timestamp", "on"),
        ("max_wal_senders", "5"),
    ];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options {
        settings: settings.into(),
        ..Options::default()
    };
    let raised = place.start(&options).await.unwrap();
    let url = raised.url("postgres");
    run_at(&url, "create table t as select 1 as id").await;
    let prepare = "begin; insert into t values (2); prepare transaction 'waits'";
    run_at(&url, prepare).await;
    let committed = "select pg_xact_commit_timestamp(xmin)::text from t where id = 1";
    let before = value_at(&url, committed).await;
    let segment = "select pg_walfile_name(pg_current_wal_lsn())";
    let last = value_at(&url, segment).await;
    run_at(&url, "select pg_switch_wal()").await;
    let mut segments: Vec<_> = raised.data.join("pg_wal").read_dir().unwrap().collect();
    segments.retain(|file| {
        let name = file.as_ref().unwrap().file_name().into_string().unwrap();
        name.len() == 24 && name <= last
    });
    for file in segments {
        let path = file.unwrap().path();
        command(&shelf, &["wal", "push", path.to_str().unwrap()]).ok();
    }
    place.stop().await.unwrap();

    let to = shelf.path().with_file_name("back");
    let back = restore(&shelf, &to);
    let prepared = "select string_agg(gid, ' ') from pg_prepared_xacts";
    assert_eq!(value_at(&back, prepared).await, "waits");
    assert_eq!(value_at(&back, committed).await, before);
    stop(&to).await;
}
