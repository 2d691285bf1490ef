//! M13: everything done is written to an audit log that shows tampering.

use crate::support::{Database, Outcome, Project};
use serde_json::json;
use tidegate::config::{Config, Overrides, Target};
use tidegate::control::{Control, Operator, append_audit_in};
use tidegate::governance::AuditEvent;

async fn target(database: &Database) -> Target {
    let config = Config::load(&Overrides {
        database_url: Some(database.url()),
        ..Overrides::default()
    })
    .unwrap();
    let environment = config.environment(None).unwrap();
    environment.target(&config).await.unwrap()
}

fn event(n: usize) -> AuditEvent {
    Operator {
        actor: "Zoë <zoe@example.org>".to_owned(),
        os_user: "ci".to_owned(),
        host: "runner, 1:".to_owned(),
    }
    .event(
        "production",
        "migrate.apply",
        json!({"n": n, "text": "ß\"\n"}),
    )
}

/// A log of six entries.
async fn logged() -> Database {
    let database = Database::new();
    let control = Control::open(&target(&database).await).await.unwrap();
    for n in 1..=6 {
        control.append_audit(&event(n)).await.unwrap();
    }
    database
}

fn verify(database: &Database, args: &[&str]) -> Outcome {
    let url = database.url();
    Project::empty()
        .tidegate([
            "audit",
            "verify",
            "--format",
            "json",
            "--database-url",
            &url,
        ])
        .args(args.iter().copied())
        .run()
}

/// Runs `sql` as an intruder with every right would, then says what `audit verify` makes of it.
async fn tampered(sql: &str) -> String {
    let database = logged().await;
    database.execute(&format!(
        "alter table tidegate.audit disable trigger all; \
         alter table tidegate.audit_head disable trigger all; {sql}"
    ));
    let outcome = verify(&database, &[]);
    assert_eq!(outcome.code(), Some(3), "{outcome:?}");
    assert_eq!(outcome.stdout, "");
    let error = outcome.error();
    assert_eq!(error["code"], "TG0601");
    error["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn m13_a_whole_log_holds_and_its_head_is_found_again() {
    let database = logged().await;
    let outcome = verify(&database, &[]);
    assert_eq!(outcome.code(), Some(0), "{outcome:?}");
    let data = outcome.json()["data"].take();
    assert_eq!(data["entries"], 6);
    let head = data["head"].as_str().unwrap();
    let control = Control::open(&target(&database).await).await.unwrap();
    control.append_audit(&event(7)).await.unwrap();
    assert_eq!(verify(&database, &["--expect-head", head]).code(), Some(0));
    let other = "ab".repeat(32);
    assert_eq!(
        verify(&database, &["--expect-head", &other]).code(),
        Some(3)
    );
    assert_eq!(
        verify(&database, &["--expect-head", "short"]).code(),
        Some(2)
    );
}

#[tokio::test]
async fn m13_an_edited_entry_is_found() {
    let sql = "update tidegate.audit set detail = '{\"n\":0}' where seq = 3";
    assert!(tampered(sql).await.contains("entry 3 was edited"));
    let sql = "update tidegate.audit set at = at + interval '1 microsecond' where seq = 6";
    assert!(tampered(sql).await.contains("entry 6 was edited"));
}

#[tokio::test]
async fn m13_a_deleted_entry_is_found() {
    let sql = "delete from tidegate.audit where seq = 4";
    assert!(tampered(sql).await.contains("entry 4 is missing"));
    let sql = "delete from tidegate.audit where seq = 1";
    assert!(tampered(sql).await.contains("entry 1 is missing"));
}

#[tokio::test]
async fn m13_a_cut_tail_is_found() {
    let sql = "delete from tidegate.audit where seq > 4";
    assert!(
        tampered(sql)
            .await
            .contains("entry 5 and what followed it were cut off")
    );
    assert!(
        tampered("truncate tidegate.audit")
            .await
            .contains("entry 1")
    );
    let sql = "delete from tidegate.audit_head";
    assert!(
        tampered(sql)
            .await
            .contains("head of the audit log is missing")
    );
}

#[tokio::test]
async fn m13_swapped_entries_are_found() {
    let sql = "update tidegate.audit set seq = -seq where seq in (2, 3); \
               update tidegate.audit set seq = 5 + seq where seq in (-2, -3)";
    let sql = format!("alter table tidegate.audit drop constraint audit_seq_check; {sql}");
    assert!(tampered(&sql).await.contains("entry 2"));
}

#[tokio::test]
async fn m13_a_log_rewritten_as_a_whole_is_found_by_a_head_noted_down() {
    let database = logged().await;
    let data = verify(&database, &[]).json()["data"].take();
    let head = data["head"].as_str().unwrap();
    // The intruder starts a new, consistent chain of the same length.
    database.execute(
        "alter table tidegate.audit disable trigger all; \
         alter table tidegate.audit_head disable trigger all; \
         truncate tidegate.audit; \
         update tidegate.audit_head set seq = 0, hash = decode(repeat('00', 32), 'hex'); \
         select tidegate.audit_append('a', 'b', 'c', 'd', 'e', '{}') from generate_series(1, 6)",
    );
    assert_eq!(verify(&database, &[]).code(), Some(0));
    let outcome = verify(&database, &["--expect-head", head]);
    assert_eq!(outcome.code(), Some(3), "{outcome:?}");
}

#[tokio::test]
async fn m13_the_log_refuses_change() {
    let database = logged().await;
    for sql in [
        "update tidegate.audit set actor = 'me' where seq = 1",
        "delete from tidegate.audit",
        "truncate tidegate.audit",
        "set session_replication_role = replica; delete from tidegate.audit",
        "delete from tidegate.audit_head",
        "truncate tidegate.audit_head",
        "update tidegate.audit_head set seq = 1",
        "insert into tidegate.audit_head (one, seq, hash) values (true, 9, sha256(''))",
    ] {
        let error = database.execute_err(sql);
        assert_eq!(error.code().unwrap().code(), "42501", "{sql}");
    }
    assert_eq!(verify(&database, &[]).code(), Some(0));
}

#[tokio::test]
async fn m13_concurrent_writers_make_one_chain() {
    let database = Database::new();
    let control = Control::open(&target(&database).await).await.unwrap();
    let writers = (0..8).map(|writer| {
        let control = control.clone();
        tokio::spawn(async move {
            for n in 0..10 {
                control
                    .append_audit(&event(writer * 100 + n))
                    .await
                    .unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let head = control.verify_audit(None).await.unwrap();
    assert_eq!(head.entries, 80);
}

#[tokio::test]
async fn m13_an_entry_of_a_transaction_lives_and_dies_with_it() {
    let database = logged().await;
    let mut client = database.connect().await;
    let tx = client.transaction().await.unwrap();
    assert_eq!(append_audit_in(&tx, &event(7)).await.unwrap().seq, 7);
    tx.rollback().await.unwrap();
    let tx = client.transaction().await.unwrap();
    let entry = append_audit_in(&tx, &event(8)).await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(entry.seq, 7);
    assert_eq!(entry.hash, entry.expected_hash(entry.prev_hash));
    let control = Control::open(&target(&database).await).await.unwrap();
    assert_eq!(control.verify_audit(None).await.unwrap().hash, entry.hash);
}

#[tokio::test]
async fn m13_show_filters_and_prints() {
    let database = logged().await;
    let url = database.url();
    let project = Project::empty();
    let show = |args: &[&str]| {
        project
            .tidegate(["audit", "show", "--database-url", &url])
            .args(args.iter().copied())
    };
    let data = show(&["--limit", "2", "--action", "migrate", "--since", "1h"]).data();
    let seqs: Vec<_> = data["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|e| &e["seq"])
        .collect();
    assert_eq!(seqs, [5, 6]);
    assert_eq!(show(&["--action", "migr"]).data()["entries"], json!([]));
    let page = show(&[]).ok().stdout;
    assert!(
        page.contains("migrate.apply") && page.contains("Zoë"),
        "{page}"
    );
}
