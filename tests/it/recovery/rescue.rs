//! Single tables come back as SQL that a person reads first.

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tidegate::postgres::private::Ephemeral;

use super::engines::source::files;
use super::stage::{KEY, Shelf, run, server, value};
use crate::support::{Cli, programs};

const SHOP: &str = r#"
create schema "Shop";
create type "Shop".state as enum ('open', 'paid');
create table "Shop".users (id int generated always as identity primary key, email text unique, note text);
create table "Shop"."line
break" (
    a int, b text, amount numeric(12,2), at timestamptz, raw bytea, doc json, state "Shop".state,
    blank char(5), list int[], twice numeric generated always as (amount * 2) stored, primary key (a, b)
);
create table "Shop".gone (id int primary key, "user" int references "Shop".users (id), what text);
create index on "Shop".gone (what);
create table "Shop".items (id int primary key, gone int references "Shop".gone (id) on delete cascade);
create table "Shop".parts (id int, region text, what text, primary key (id, region)) partition by list (region);
create table "Shop".parts_eu partition of "Shop".parts for values in ('eu');
create table "Shop".parts_us partition of "Shop".parts for values in ('us');
create table "Shop".no_key (id int);
insert into "Shop".users (email, note) select 'u' || g || '@example.org', E'it''s\t\\ ' || g from generate_series(1, 500) g;
insert into "Shop"."line
break" select g, E'k\\.' || g || E'\nx', g / 7.0, timestamptz '2026-01-01 00:00:00+02' + g * interval '1 hour',
    decode(md5(g::text), 'hex'), '{"a": 1}', case when g % 2 = 0 then 'open'::"Shop".state end, 'ab', array[g, null]
    from generate_series(1, 300) g;
insert into "Shop".gone select g, g, 'what ' || g from generate_series(1, 200) g;
insert into "Shop".items select g, g from generate_series(1, 200) g;
insert into "Shop".parts select g, case when g % 2 = 0 then 'eu' else 'us' end, 'w' from generate_series(1, 100) g;
"#;

/// Everything that is to be as it was, table by table.
const DIGESTS: [&str; 5] = [
    r#"select md5(string_agg(t::text, '|' order by id)) from "Shop".users t where id <= 500"#,
    "select md5(string_agg(t::text, '|' order by a, b)) from \"Shop\".\"line\nbreak\" t",
    r#"select md5(string_agg(t::text, '|' order by id)) from "Shop".gone t"#,
    r#"select md5(string_agg(tableoid::regclass || t::text, '|' order by id)) from "Shop".parts t"#,
    r#"select string_agg(conname || pg_get_constraintdef(oid), '|' order by conname) from pg_constraint where conrelid in ('"Shop".gone'::regclass, '"Shop".items'::regclass)"#,
];

async fn digests(server: &Ephemeral) -> Vec<String> {
    let mut found = Vec::new();
    for sql in DIGESTS {
        found.push(value(server, sql).await);
    }
    found
}

fn rescue(shelf: &Shelf, url: &str, patch: &std::path::Path, tables: &[&str]) -> Cli {
    let location = format!("file:{}", shelf.path().display());
    let cli = Cli::new([
        "restore",
        "--repository",
        &location,
        "--immediate",
        "--database-url",
        url,
    ])
    .args(["--patch", patch.to_str().unwrap()])
    .env("TIDEGATE_SEAL_KEY", KEY)
    .env("TMPDIR", shelf.temp());
    tables
        .iter()
        .fold(cli, |cli, table| cli.args(["--table", table]))
}

pub(super) fn psql(url: &str, file: &std::path::Path) -> std::process::Output {
    std::process::Command::new(programs().dir.join("psql"))
        .args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-f"])
        .arg(file)
        .arg(url)
        .output()
        .unwrap()
}

/// The names of what is left in the folder for everything temporary.
fn leftovers(shelf: &Shelf) -> Vec<String> {
    let entries = std::fs::read_dir(shelf.temp()).unwrap();
    entries
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_lost_comes_back_and_what_came_later_stays() {
    let (shelf, primary) = (Shelf::new(), server().await);
    let url = primary.url("postgres");
    run(&primary, SHOP).await;
    let before = digests(&primary).await;
    shelf.backup(&["create", "--database-url", &url]).data();
    run(
        &primary,
        "delete from \"Shop\".users where id % 5 = 0 and id > 200; \
         update \"Shop\".users set note = null, email = 'other' || id where id = 7; \
         insert into \"Shop\".users (email) values ('new@example.org'); \
         delete from \"Shop\".\"line\nbreak\" where a < 100; \
         update \"Shop\".\"line\nbreak\" set amount = 0.5, blank = 'ab x', list = '{}', state = 'paid', raw = null, doc = '{\"a\":1}' where a > 250; \
         drop table \"Shop\".gone cascade; \
         delete from \"Shop\".parts where id < 30; update \"Shop\".parts set what = 'changed' where id = 50",
    )
    .await;
    let patch = shelf.temp().join("rescue.sql");
    let tables = [
        "Shop.users",
        "\"Shop\".\"line\nbreak\"",
        "Shop.gone",
        "Shop.parts",
    ];
    let data = rescue(&shelf, &url, &patch, &tables).data();
    let count = |table: usize, what: &str| data["tables"][table][what].as_u64().unwrap();
    assert_eq!(
        (count(0, "missing"), count(0, "changed"), count(0, "added")),
        (60, 1, 1)
    );
    assert_eq!(
        (count(1, "missing"), count(1, "changed"), count(1, "added")),
        (99, 50, 0)
    );
    assert_eq!(data["tables"][2]["gone"], Value::Bool(true));
    assert_eq!(count(2, "missing"), 200);
    assert_eq!((count(3, "missing"), count(3, "changed")), (29, 1));
    assert_eq!(leftovers(&shelf), ["rescue.sql"]);

    let ran = psql(&url, &patch);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    assert_eq!(digests(&primary).await, before);
    let new = "select count(*)::text from \"Shop\".users where email = 'new@example.org'";
    assert_eq!(value(&primary, new).await, "1");

    // What is as it was needs nothing any more.
    let again = shelf.temp().join("again.sql");
    let data = rescue(&shelf, &url, &again, &tables).data();
    for table in data["tables"].as_array().unwrap() {
        assert_eq!(
            (&table["missing"], &table["changed"]),
            (&0.into(), &0.into()),
            "{table}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_was_changed_once_more_stays_and_a_conflict_undoes_the_patch() {
    let (shelf, primary) = (Shelf::new(), server().await);
    let url = primary.url("postgres");
    run(&primary, SHOP).await;
    shelf.backup(&["create", "--database-url", &url]).data();
    run(
        &primary,
        "update \"Shop\".users set note = 'wrong' where id in (1, 2); delete from \"Shop\".users where id = 300",
    )
    .await;
    let patch = shelf.temp().join("rescue.sql");
    rescue(&shelf, &url, &patch, &["Shop.users"]).data();
    run(
        &primary,
        "update \"Shop\".users set note = 'right' where id = 1; \
         insert into \"Shop\".users (email) values ('u300@example.org')",
    )
    .await;
    let ran = psql(&url, &patch);
    assert!(!ran.status.success());
    assert!(String::from_utf8_lossy(&ran.stderr).contains("users_email_key"));
    let note = |id: i32| format!("select note from \"Shop\".users where id = {id}");
    assert_eq!(value(&primary, &note(2)).await, "wrong");
    run(&primary, "delete from \"Shop\".users where id > 500").await;
    assert!(psql(&url, &patch).status.success());
    assert_eq!(value(&primary, &note(1)).await, "right");
    assert_eq!(value(&primary, &note(2)).await, "it's\t\\ 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_rescued_is_said_and_leaves_nothing() {
    let (shelf, primary) = (Shelf::new(), server().await);
    let url = primary.url("postgres");
    run(&primary, SHOP).await;
    shelf.backup(&["create", "--database-url", &url]).data();
    let patch = shelf.temp().join("rescue.sql");
    let unknown = rescue(&shelf, &url, &patch, &["Shop.user"]).exits(2);
    assert!(
        unknown.stderr.contains("did you mean Shop.users"),
        "{}",
        unknown.stderr
    );
    let no_key = rescue(&shelf, &url, &patch, &["Shop.no_key"]).exits(4);
    assert!(no_key.stderr.contains("has no key"), "{}", no_key.stderr);
    assert_eq!(leftovers(&shelf), Vec::<String>::new());
    std::fs::write(&patch, "mine").unwrap();
    let there = rescue(&shelf, &url, &patch, &["Shop.users"]).exits(2);
    assert!(
        there.stderr.contains("such a file already") && there.stderr.contains("rescue.sql"),
        "{}",
        there.stderr
    );
    for folder in ["nowhere", "rescue.sql"] {
        let nowhere = shelf.temp().join(folder).join("more.sql");
        let missing = rescue(&shelf, &url, &nowhere, &["Shop.users"]).exits(2);
        let named = missing.stderr.contains(nowhere.to_str().unwrap());
        assert!(named, "{}", missing.stderr);
    }
    assert_eq!(std::fs::read_to_string(&patch).unwrap(), "mine");
}

/// While a backup is restored, which may take hours, nothing of the rescue keeps the living database
/// from cleaning up.
#[tokio::test(flavor = "multi_thread")]
async fn a_rescue_holds_no_snapshot_of_the_living_database_while_it_restores() {
    let (shelf, primary) = (Shelf::new(), server().await);
    let url = primary.url("postgres");
    run(&primary, SHOP).await;
    shelf.backup(&["create", "--database-url", &url]).data();
    run(&primary, "delete from \"Shop\".users where id = 307").await;
    let patch = shelf.temp().join("rescue.sql");
    let running = rescue(&shelf, &url, &patch, &["Shop.users"]).spawn();
    // The restored server is stopped in the middle of its start.
    let until = std::time::Instant::now() + std::time::Duration::from_secs(60);
    let postmaster = loop {
        let found = files(&shelf.temp())
            .into_iter()
            .filter(|path| path.ends_with("postmaster.pid"));
        let texts = found.filter_map(|path| std::fs::read_to_string(path).ok());
        let pid = texts
            .filter_map(|text| text.lines().next()?.parse().ok())
            .next();
        if let Some(pid) = pid.and_then(Pid::from_raw) {
            break pid;
        }
        assert!(std::time::Instant::now() < until, "no server was restored");
    };
    kill_process(postmaster, Signal::STOP).unwrap();
    let held = "select count(*)::text from pg_stat_activity where application_name like 'tidegate%' \
        and (xact_start is not null or backend_xmin is not null)";
    let mut seen = Vec::new();
    for _ in 0..20 {
        seen.push(value(&primary, held).await);
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    kill_process(postmaster, Signal::CONT).unwrap();
    assert!(seen.iter().all(|count| count == "0"), "{seen:?}");
    let done = running.wait();
    assert_eq!(done.code(), Some(0), "{}", done.stderr);
    assert!(psql(&url, &patch).status.success());
}
