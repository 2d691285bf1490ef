//! Databases that are copied apart still join: one key, one value, one mask.

use std::collections::BTreeSet;

use super::rules::KEY;
use super::stage::{Stage, rows};
use crate::support::Server;

/// Two systems know some of the same people, each in its own way.
const SHOP: &str = "create table customer (id int primary key, email text not null unique, phone text);
insert into customer select i, 'person' || i || '@corp.example', '+4915' || 112233000 + i from generate_series(1, 600) i";
const DESK: &str = "create table ticket (no bigint generated always as identity primary key, sender varchar(200), callback text, n int);
insert into ticket (sender, callback, n) select 'person' || i || '@corp.example', '+4915' || 112233000 + i, i from generate_series(400, 900) i";

const RULES: &str = r#"version = 1
key = { env = "TIDEGATE_MASK_KEY" }
[columns]
"*" = "keep"
email = { mask = "email", domain = "person", unique = true }
sender = { mask = "email", domain = "person", unique = true }
phone = { mask = "phone", domain = "line" }
callback = { mask = "phone", domain = "line" }
"#;

const CUSTOMERS: &str = "select email, phone, id from customer";
const TICKETS: &str = "select sender, callback, n from ticket";

fn copied(schema: &str, column: &str) -> Stage {
    let stage = Stage::new(schema);
    let qa = format!(
        "{}\n[environments.qa]\ntier = \"staging\"\nregion = \"eu\"\nurl = \"{}\"\n",
        stage.project().read("tidegate.toml"),
        Server::shared().url(&format!("{}_qa", stage.target))
    );
    stage.project().write("tidegate.toml", &qa);
    // A rule that means no column is an error: each project has its own.
    let other = if column == "email" {
        ["sender", "callback"]
    } else {
        ["email", "phone"]
    };
    let rules = RULES
        .lines()
        .filter(|line| !other.iter().any(|name| line.starts_with(name)));
    let rules: Vec<&str> = rules.collect();
    stage
        .project()
        .write("masking-rules/rules.toml", &rules.join("\n"));
    for environment in ["staging", "qa"] {
        let words = [
            "copy",
            "run",
            "--from",
            "production",
            "--to",
            environment,
            "--promote",
        ];
        stage
            .project()
            .tidegate(words)
            .env("TIDEGATE_MASK_KEY", KEY)
            .ok();
    }
    stage
}

/// Which row of one side has the values of which row of the other.
fn join(left: &[String], right: &[String]) -> BTreeSet<(String, String)> {
    let split = |row: &String| -> (String, String) {
        let (values, id) = row.rsplit_once('|').unwrap();
        (values.to_owned(), id.to_owned())
    };
    let right: Vec<_> = right.iter().map(split).collect();
    let mut pairs = BTreeSet::new();
    for (values, id) in left.iter().map(split) {
        let met = right.iter().filter(|(others, _)| *others == values);
        pairs.extend(met.map(|(_, other)| (id.clone(), other.clone())));
    }
    pairs
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_databases_that_are_copied_apart_join_as_their_sources_do() {
    let (shop, desk) = (copied(SHOP, "email"), copied(DESK, "sender"));
    let sources = join(&shop.source.rows(CUSTOMERS), &desk.source.rows(TICKETS));
    assert_eq!(sources.len(), 201);
    let staging = (shop.rows(CUSTOMERS).await, desk.rows(TICKETS).await);
    assert_eq!(join(&staging.0, &staging.1), sources);
    let qa = (
        rows(&format!("{}_qa", shop.target), CUSTOMERS).await,
        rows(&format!("{}_qa", desk.target), TICKETS).await,
    );
    assert_eq!(join(&qa.0, &qa.1), sources, "in another environment, too");

    let raw = shop.source.rows(CUSTOMERS);
    assert!(
        join(&raw, &desk.rows(TICKETS).await).is_empty(),
        "masked at all"
    );
    assert!(
        join(&staging.0, &qa.1).is_empty() && join(&qa.0, &staging.1).is_empty(),
        "the masks of one environment tell nothing about another's"
    );
}
