//! The masking key is rotated: the epoch that retires stays valid beside the new one until it is
//! taken out of the policy.

use serde_json::Value;

use super::rules::KEY;
use super::stage::Stage;
use crate::support::Cli;

const NEW: &str = "5b1f3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8e";

const SCHEMA: &str = "create table users (id int primary key, email text, phone text); \
    insert into users select i, 'u' || i || '@mail.example', '+49 30 90182' || i from generate_series(1, 200) i";

/// A policy whose key is this.
fn rules(stage: &Stage, key: &str) {
    let text = format!(
        "version = 1\n{key}\n[tables.users]\nid = \"keep\"\nemail = \"email\"\nphone = \"phone\"\n"
    );
    stage.project().write("masking-rules/shop.toml", &text);
}

const FIRST: &str = "key = { env = \"KEY_1\", epoch = \"1\" }";
const BOTH: &str =
    "key = { env = \"KEY_2\", epoch = \"2\" }\nretiring = [{ env = \"KEY_1\", epoch = \"1\" }]";
const SECOND: &str = "key = { env = \"KEY_2\", epoch = \"2\" }";

fn call(stage: &Stage, arguments: &[&str]) -> Cli {
    let command = stage.project().tidegate(arguments.iter().copied());
    command.env("KEY_1", KEY).env("KEY_2", NEW)
}

/// The masks of a preview, whose values change with the key.
fn preview(stage: &Stage, more: &[&str]) -> Value {
    let mut arguments = vec![
        "mask",
        "preview",
        "users",
        "--env",
        "production",
        "--rows",
        "9",
    ];
    arguments.extend(more);
    call(stage, &arguments).data()["columns"].take()
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_an_earlier_epoch_is_reproducible_until_it_is_retired() {
    let stage = Stage::new(SCHEMA);
    let copy = [
        "copy",
        "run",
        "--from",
        "production",
        "--to",
        "staging",
        "--promote",
    ];
    let audit = ["copy", "audit", "--to", "staging", "--signature-only"];
    let all = "select * from users order by id";
    rules(&stage, FIRST);
    let shown = preview(&stage, &[]);
    let first = call(&stage, &copy).data();
    assert_eq!(first["epoch"], "1");
    let masked = stage.rows(all).await;

    rules(&stage, BOTH);
    assert_eq!(preview(&stage, &["--epoch", "1"]), shown);
    assert_ne!(preview(&stage, &[]), shown);
    // The copy in use is of the first epoch.
    assert_eq!(call(&stage, &audit).data()["manifest"]["epoch"], "1");
    let again: Vec<&str> = copy.iter().copied().chain(["--epoch", "1"]).collect();
    let same = call(&stage, &again).data();
    assert_eq!(same["epoch"], "1");
    assert_eq!(stage.rows(all).await, masked);
    let second = call(&stage, &copy).data();
    assert_eq!(second["epoch"], "2");
    let other = stage.rows(all).await;
    assert!(other.iter().all(|row| !masked.contains(row)));
    assert_eq!(call(&stage, &audit).data()["manifest"]["epoch"], "2");

    rules(&stage, SECOND);
    assert_eq!(call(&stage, &audit).data()["manifest"]["epoch"], "2");
    let retired = call(&stage, &again).run();
    assert_ne!(retired.code(), Some(0));
    assert!(retired.stderr.contains("epoch 1"), "{}", retired.stderr);
}

#[test]
fn m7_an_epoch_has_one_key() {
    let stage = Stage::new(SCHEMA);
    for (key, part) in [
        (
            "key = { env = \"KEY_2\" }\nretiring = [{ env = \"KEY_1\", epoch = \"1\" }]",
            "epoch 1 has two keys",
        ),
        (
            "key = { env = \"KEY_2\", epoch = \"2\" }\nretiring = [{ env = \"KEY_1\" }]",
            "needs its epoch",
        ),
    ] {
        rules(&stage, key);
        let outcome = call(&stage, &["mask", "check", "--env", "production"]).run();
        assert_ne!(outcome.code(), Some(0));
        assert!(outcome.stderr.contains(part), "{}", outcome.stderr);
    }
}
