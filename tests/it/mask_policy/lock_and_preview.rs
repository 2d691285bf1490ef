//! `mask lock` and `mask preview`.

use serde_json::Value;

use super::{KEY, check, failed, locked, project, write_rules};
use crate::support::{Database, Project};

const SCHEMA: &str = "\
    create table users (id bigserial primary key, email text, born date, mood text);\
    insert into users (email, born, mood) values ('anna.Kern@web.example', '1980-02-03', 'Łódź');";

fn drift(project: &Project, code: i32) -> Vec<String> {
    check(project, code)["drift"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn m18_the_lock_sees_what_changed() {
    let database = Database::with_schema(SCHEMA);
    let rules = "[columns]\n\"*\" = \"keep\"\n";
    let project = project(&database, rules);
    assert_eq!(check(&project, 0)["locked"], false);
    let lock = locked(&project);
    assert_eq!(lock["version"], 1);
    assert_eq!(check(&project, 0)["locked"], true);
    // What says nothing about masking is no drift.
    database.execute("create index on users (email); analyze users; comment on table users is 'x'");
    assert_eq!(drift(&project, 0), Vec::<String>::new());

    database.execute("alter table users add phone text, drop mood, alter born type timestamp");
    assert_eq!(
        drift(&project, 3),
        [
            "users.born was date, is timestamp without time zone",
            "column users.mood is gone",
            "column users.phone is new"
        ]
    );
    project.tidegate(["mask", "lock"]).ok();
    assert_eq!(drift(&project, 0), Vec::<String>::new());

    write_rules(
        &project,
        "[columns]\n\"*\" = \"keep\"\n[tables.users]\nemail = \"null\"\n",
    );
    assert_eq!(
        drift(&project, 3),
        ["users.email: another rule (null, was keep)"]
    );
    write_rules(
        &project,
        "[columns]\n\"*\" = \"keep\"\n[tables.users]\nrows = { where = \"id > 5\" }\n",
    );
    assert_eq!(drift(&project, 3), ["other rows of users are carried"]);
    write_rules(&project, &format!("# a remark\n{rules}"));
    assert_eq!(
        drift(&project, 3),
        ["the text of the policy or of a pack changed, its rules did not"]
    );
    write_rules(&project, rules);
    assert_eq!(drift(&project, 0), Vec::<String>::new());
    database.execute("create table more (id bigserial primary key)");
    assert_eq!(drift(&project, 3), ["table more is new"]);

    project.write("masking-rules/mask.lock", "{}");
    let outcome = project
        .tidegate(["mask", "check", "--format", "json"])
        .run();
    assert_eq!(failed(&outcome)["code"], "TG0801");
}

fn preview(project: &Project, args: &[&str]) -> Value {
    let all = ["mask", "preview", "users"]
        .into_iter()
        .chain(args.iter().copied());
    project.tidegate(all).env("TIDEGATE_MASK_KEY", KEY).data()
}

#[test]
fn m7_a_preview_shows_shapes_and_no_values() {
    let database = Database::with_schema(SCHEMA);
    let project = project(&database, "[columns]\n\"*\" = \"keep\"\n");
    let data = preview(&project, &[]);
    let columns = data["columns"].as_array().unwrap();
    let values: Vec<_> = columns
        .iter()
        .map(|c| c["values"][0]["before"].as_str().unwrap())
        .collect();
    assert_eq!(values, ["9", "aaaa.Aaaa@aaa.aaaaaaa", "9999-99-99", "xxax"]);
    assert_eq!(columns[0]["origin"], "masking-rules/shop.toml");
    let outcome = project
        .tidegate(["mask", "preview", "users"])
        .env("TIDEGATE_MASK_KEY", KEY)
        .ok();
    for value in ["anna", "Kern", "1980", "Łódź"] {
        assert!(!data.to_string().contains(value) && !outcome.stdout.contains(value));
    }
    assert_eq!(audit(&database), 0);
    let missing = project
        .tidegate(["mask", "preview", "user", "--format", "json"])
        .env("TIDEGATE_MASK_KEY", KEY)
        .run();
    assert_eq!(failed(&missing)["hint"], "did you mean \"users\"?");
}

#[test]
fn m7_raw_values_are_shown_after_an_entry_in_the_audit_log() {
    let database = Database::with_schema(SCHEMA);
    let project = project(&database, "[columns]\n\"*\" = \"keep\"\n");
    let data = preview(&project, &["--raw", "--rows", "1"]);
    assert_eq!(
        data["columns"][1]["values"][0]["before"],
        "anna.Kern@web.example"
    );
    assert_eq!(audit(&database), 1);
    let detail: String = database.value("select detail::text from tidegate.audit");
    assert!(
        detail.contains("users") && !detail.contains("anna"),
        "{detail}"
    );
    // Who cannot be recorded sees nothing.
    database.execute("drop function tidegate.audit_append cascade");
    let outcome = project
        .tidegate(["mask", "preview", "users", "--raw"])
        .env("TIDEGATE_MASK_KEY", KEY)
        .run();
    assert_ne!(outcome.code(), Some(0));
    assert!(!outcome.stdout.contains("anna") && !outcome.stderr.contains("anna"));
}

fn audit(database: &Database) -> i64 {
    let there: bool = database.value("select to_regclass('tidegate.audit') is not null");
    if !there {
        return 0;
    }
    database.value("select count(*) from tidegate.audit where action = 'mask.preview_raw'")
}
