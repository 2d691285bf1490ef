//! Rules that are wrong, each with its place and its remedy.

use super::{failed, project, refused, write_rules};
use crate::support::{Database, Project};

const SCHEMA: &str = "\
    create table users (id bigserial primary key, email text, \
        lower_email text generated always as (lower(email)) stored, seen timestamptz);\
    create table logs (at timestamptz, who text) partition by range (at);\
    create table logs_1 partition of logs default;\
    create view active_users as select id from users;";

/// Complete and right; the cases below break it.
const RULES: &str = "\
[tables.users]
email = \"keep\"
seen = \"keep\"
[tables.logs]
at = \"keep\"
who = \"null\"
";

/// Rules, code, line, column, words of the message.
const CASES: &[(&str, &str, u64, u64, &str)] = &[
    (
        "[tables.users]\nemial = \"keep\"",
        "TG0802",
        4,
        1,
        "there is no column users.emial",
    ),
    (
        "[tables.user]\nemail = \"keep\"",
        "TG0802",
        3,
        9,
        "there is no table user",
    ),
    (
        "[tables.active_users]\nid = \"keep\"",
        "TG0802",
        3,
        9,
        "there is no table active_users",
    ),
    (
        "[tables.users]\nlower_email = \"keep\"",
        "TG0802",
        4,
        1,
        "generated",
    ),
    (
        "[tables.logs_1]\nwho = \"keep\"",
        "TG0802",
        4,
        1,
        "is a partition",
    ),
    (
        "[tables.users]\nemail = \"keep\"\n[tables.\"public.users\"]\nemail = \"null\"",
        "TG0802",
        6,
        1,
        "ruled twice",
    ),
    ("[tables.users]\nemail = \"kepe\"", "TG0801", 4, 9, "kepe"),
    (
        "[tables.users]\nemail = 5",
        "TG0801",
        4,
        9,
        "a string or a table",
    ),
    (
        "[tables.users]\nemail = { class = \"mail\" }",
        "TG0801",
        4,
        9,
        "not a class",
    ),
    (
        "[tables.users]\nseen = { class = \"age\", mask = \"kepe\" }",
        "TG0801",
        4,
        8,
        "kepe",
    ),
    ("unclasified = \"deny\"", "TG0801", 3, 1, "unknown field"),
    ("packs = [\"persons\"]", "TG0801", 3, 10, "there is no pack"),
    ("[tables.users\nemail = \"keep\"", "TG0801", 3, 14, ""),
    (
        "[subset]\nseed_rows = [{ table = \"usrs\" }]",
        "TG0802",
        4,
        24,
        "there is no table usrs",
    ),
    (
        "[subset]\nseed_rows = [{ table = \"users\", percent = 0 }]",
        "TG0801",
        4,
        43,
        "share",
    ),
    (
        "[subset]\nseed_rows = [{ table = \"users\", stable_by = \"idd\" }]",
        "TG0802",
        4,
        45,
        "users.idd",
    ),
    (
        "[subset]\nmax_size = \"big\"",
        "TG0801",
        4,
        12,
        "not a size",
    ),
    (
        "[subset]\nreferences = [{ from = \"logs(who)\", to = \"users\" }]",
        "TG0801",
        4,
        42,
        "table(column)",
    ),
    (
        "[risk]\nquasi_identifiers = { users = [\"emial\"] }",
        "TG0802",
        4,
        32,
        "users.emial",
    ),
    (
        "[risk]\nlinkage = 2.0\nquasi_identifiers = {}",
        "TG0801",
        4,
        11,
        "between 0 and 1",
    ),
];

#[test]
fn m7_every_wrong_rule_is_told_with_its_place() {
    let database = Database::with_schema(SCHEMA);
    let project = project(&database, RULES);
    project.tidegate(["mask", "check"]).ok();
    for (rules, code, line, column, words) in CASES {
        write_rules(&project, rules);
        let outcome = project
            .tidegate(["mask", "check", "--format", "json"])
            .run();
        assert_eq!(outcome.stdout, "", "no error for\n{rules}");
        let error = failed(&outcome);
        assert_eq!(error["code"], *code, "{rules}\n{error:#}");
        assert_eq!(error["at"]["line"], *line, "{rules}\n{error:#}");
        assert_eq!(error["at"]["column"], *column, "{rules}\n{error:#}");
        assert!(
            error["message"].as_str().unwrap().contains(words),
            "{rules}\n{error:#}"
        );
        assert_eq!(error["at"]["file"], "masking-rules/shop.toml");
        assert_ne!(error["hint"], "", "{rules}");
    }
}

#[test]
fn m7_all_stale_rules_are_told_at_once() {
    let database = Database::with_schema(SCHEMA);
    let project = project(
        &database,
        "[tables.users]\nemial = \"keep\"\n[tables.gone]\nx = \"keep\"\n",
    );
    let page = project.tidegate(["mask", "check"]).exits(2).stderr;
    assert!(page.contains("there is no table gone"), "{page}");
    assert!(
        page.contains("masking-rules/shop.toml:4:1: there is no column users.emial"),
        "{page}"
    );
}

#[test]
fn m7_one_column_in_two_files() {
    let database = Database::with_schema(SCHEMA);
    let project = project(&database, RULES);
    project.write(
        "masking-rules/zoo.toml",
        "version = 1\n[tables.users]\nemail = \"null\"\n",
    );
    let error = refused(&project);
    assert_eq!(error["at"]["file"], "masking-rules/zoo.toml", "{error:#}");
    assert_eq!(error["at"]["line"], 3);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("masking-rules/shop.toml:4:1"), "{error:#}");
    // Files whose rules do not meet are one policy.
    project.write("masking-rules/zoo.toml", "version = 1\npacks = [\"web\"]\n");
    project.tidegate(["mask", "check"]).ok();
}

#[test]
fn m7_a_project_without_rules_is_told_how_to_get_them() {
    let database = Database::with_schema(SCHEMA);
    let project = Project::new(&database);
    let error = refused(&project);
    assert_eq!(error["code"], "TG0101", "{error:#}");
    let hint = error["hint"].as_str().unwrap();
    assert!(
        hint.contains("tidegate mask scan --write masking-rules/shop.toml"),
        "{error:#}"
    );
}

#[test]
fn m7_a_key_that_is_missing_or_weak_is_refused() {
    let database = Database::with_schema(SCHEMA);
    let project = project(&database, RULES);
    let preview = || project.tidegate(["mask", "preview", "users", "--format", "json"]);
    let error = failed(&preview().run());
    assert_eq!(error["code"], "TG0803");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("TIDEGATE_MASK_KEY"),
        "{error:#}"
    );
    let weak = "ab".repeat(32);
    let outcome = preview().env("TIDEGATE_MASK_KEY", &weak).run();
    assert_eq!(failed(&outcome)["code"], "TG0803");
    assert!(!outcome.stderr.contains(&weak));
    project.write("masking-rules/shop.toml", &format!("version = 1\n{RULES}"));
    let error = failed(&preview().env("TIDEGATE_MASK_KEY", super::KEY).run());
    assert_eq!(error["code"], "TG0803");
    project.write(
        "masking-rules/shop.toml",
        &format!("version = 1\nkey = {{ file = \"key.txt\" }}\n{RULES}"),
    );
    project.write("key.txt", super::KEY);
    preview().ok();
}
