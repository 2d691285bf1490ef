//! M10: a backup is made, listed, verified, and every moment since can be had back.

use std::time::Duration;

use serde_json::Value;

use super::drills::reds;
use super::source::{Engine, Source};
use crate::recovery::stage::{run, value};

every_engine!(m10_backups_are_made_listed_verified_and_every_moment_can_be_had_back);

async fn m10_backups_are_made_listed_verified_and_every_moment_can_be_had_back(engine: Engine) {
    let source = Source::new(engine).await;
    source.insert(1, "before").await;
    let created = source.create().data();
    let brings = engine != Engine::Barman;
    assert_eq!(created["wal_included"], brings, "{created:#}");
    assert_eq!(created["streams"], 1, "{created:#}");
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

    // A passive drill restores from it, too.
    let drill = source
        .command(&["drill", "run", "--controls", "all"])
        .data();
    assert_eq!(drill["verdict"], "passed", "{drill:#}");
    reds(&drill);

    // Whose it is can still be told when the file that says so is gone: else the WAL after the backup
    // would not be seen.
    std::fs::remove_file(source.shelf.path().join("repository.tg")).unwrap();
    assert_eq!(source.restored("nameless", &[]).await, all);
}

/// It is in the list, and nothing speaks against it.
fn listed_and_whole(source: &Source, created: &Value) {
    let list = source.command(&["backup", "list"]).data();
    let listed = &list["backups"][0];
    assert_eq!(listed["engine"], source.engine.name(), "{list:#}");
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
