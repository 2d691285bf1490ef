//! M11: a server that keeps WAL for a receiver must neither fill its disk unseen nor give the slot up
//! unseen.

use serde_json::Value;
use tidegate::error::Kind;
use tidegate::postgres::private::Ephemeral;
use tidegate::service::wal::Receiver;

use super::pitr::command;
use super::stage::{Shelf, run, server, value};
use super::wal::{FILL, holds, options, primary};
use crate::support::Cli;

/// As `wal::options` names it.
const SLOT: &str = "tidegate_test";

/// `wal audit --live` with more words.
fn audit(server: &Ephemeral, shelf: &Shelf, more: &[&str], code: i32) -> Value {
    let url = server.url("postgres");
    let args = ["wal", "audit", "--live", "--database-url", &url];
    let audit = command(shelf, &[&args[..], more, &["--format", "json"]].concat());
    audit.exits(code).json()["data"].take()
}

fn doctor(server: &Ephemeral) -> (Option<i32>, Value) {
    let url = server.url("postgres");
    let doctor = Cli::new(["doctor", "--format", "json", "--database-url", &url]).run();
    let findings = doctor.json()["data"]["findings"].take();
    let found = findings.as_array().unwrap().iter();
    let slot = found.rev().find(|finding| finding["name"] == "slot");
    (doctor.code(), slot.cloned().unwrap_or_default())
}

async fn unused(server: &Ephemeral) {
    let gone = "select (count(*) = 0)::text from pg_replication_slots where active";
    holds(server, gone).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_slot_that_was_given_up_is_named_and_never_received_through_again() {
    let settings = [
        ("min_wal_size", "2MB"),
        ("max_wal_size", "2MB"),
        ("max_slot_wal_keep_size", "1MB"),
    ];
    let (server, shelf) = (primary(&settings).await, Shelf::new());
    let url = server.url("postgres");
    shelf.backup(&["create", "--database-url", &url]).data();
    let spool = shelf.temp().join("spool");
    let options = options(&url, &spool, shelf.repository()).await;
    let receiver = Receiver::start(&options).await.unwrap();
    run(&server, FILL).await;
    receiver.drain().await.unwrap();
    unused(&server).await;
    let good = audit(&server, &shelf, &["--slot", SLOT], 0);
    assert_eq!(good["slot"]["keep_bytes"], 1 << 20, "{good:#}");
    assert!(good["slot"]["retained_bytes"].is_u64(), "{good:#}");
    assert_eq!(good["slot"]["problem"], Value::Null, "{good:#}");
    assert_eq!(doctor(&server).1["status"], "ok");

    for _ in 0..6 {
        run(&server, FILL).await;
        run(&server, "select pg_switch_wal()").await;
        run(&server, "checkpoint").await;
    }
    let status = format!("select wal_status from pg_replication_slots where slot_name = '{SLOT}'");
    assert_eq!(value(&server, &status).await, "lost");
    let bad = audit(&server, &shelf, &["--slot", SLOT], 3);
    assert_eq!(bad["slot"]["wal_status"], "lost", "{bad:#}");
    let (code, found) = doctor(&server);
    assert_eq!((code, &found["status"]), (Some(3), &Value::from("fail")));
    assert!(found["remedy"].as_str().unwrap().contains(SLOT), "{found}");

    // With its spool, and without: then the program would begin at the end of the log.
    for keeps in [true, false] {
        if !keeps {
            std::fs::remove_dir_all(&spool).unwrap();
        }
        let error = Receiver::start(&options).await.unwrap_err();
        assert_eq!(error.kind(), Kind::WalMissing, "{error}");
        assert!(Receiver::is_lasting(&error));
        assert!(error.to_string().contains(SLOT), "{error}");
        assert!(error.hint_text().contains("base backup"), "{error}");
    }
    let spool = spool.to_str().unwrap();
    let receive = ["wal", "receive", "--slot", SLOT, "--spool", spool];
    let receive = [&receive[..], &["--database-url", &url, "--format", "json"]].concat();
    let error = command(&shelf, &receive).exits(3).error();
    assert_eq!(error["code"], "TG1021", "{error}");

    // As the remedy says.
    let drop = format!("select pg_drop_replication_slot('{SLOT}')");
    run(&server, &drop).await;
    let missing = audit(&server, &shelf, &["--slot", SLOT], 3);
    assert_eq!(missing["slot"]["there"], false, "{missing:#}");
    let receiver = Receiver::start(&options).await.unwrap();
    shelf.backup(&["create", "--database-url", &url]).data();
    receiver.drain().await.unwrap();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slot_without_a_limit_is_told_and_one_that_nobody_uses_is_red() {
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    run(
        &server,
        "create table t (id bigint primary key, filler text)",
    )
    .await;
    shelf.backup(&["create", "--database-url", &url]).data();
    assert_eq!(audit(&server, &shelf, &[], 0)["slot"], Value::Null);
    let spool = shelf.temp().join("spool");
    let spool = spool.to_str().unwrap();
    let receive = ["wal", "receive", "--spool", spool, "--database-url", &url];
    let receiver = command(&shelf, &[&receive[..], &["--format", "json"]].concat()).spawn();
    let streams = "select (count(*) > 0)::text from pg_stat_replication where state = 'streaming'";
    holds(&server, streams).await;
    let good = audit(&server, &shelf, &[], 0);
    assert_eq!(good["slot"]["active"], true, "{good:#}");
    let (code, found) = doctor(&server);
    assert_eq!((code, &found["status"]), (Some(0), &Value::from("warn")));
    let remedy = found["remedy"].as_str().unwrap();
    assert!(remedy.contains("max_slot_wal_keep_size"), "{found}");
    receiver.interrupt();
    let ended = receiver.wait();
    assert!(ended.stderr.contains("max_slot_wal_keep_size is -1"));
    let warnings = ended.json()["data"]["warnings"].take();
    assert_eq!(warnings.as_array().unwrap().len(), 1, "{warnings}");
    unused(&server).await;

    run(&server, FILL).await;
    let config = shelf.temp().join("tidegate.toml");
    let text = format!(
        "version = 1\nproject = \"shop\"\n[backup]\nrepository = \"file:{}\"\nrpo = \"1s\"\n",
        shelf.path().display()
    );
    std::fs::write(&config, text).unwrap();
    let config = ["--config", config.to_str().unwrap()];
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    let bad = audit(&server, &shelf, &config, 3);
    let problem = bad["slot"]["problem"].as_str().unwrap();
    assert!(problem.contains("nobody has received"), "{problem}");
    assert!(
        bad["slot"]["retained_bytes"].as_u64().unwrap() > 0,
        "{bad:#}"
    );
    server.stop().await;
}
