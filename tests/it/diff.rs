//! `tidegate diff` on real databases: counts that are exact, every trap of comparing by hashes,
//! tables that do not match, and the library that the gate of the masked copy calls.

mod library;
mod structure;
mod traps;
mod versions;

use serde_json::{Value, json};

use crate::support::{Cli, Database, Project};

/// Compares two databases; the exit code must agree with the verdict. Returns `data`.
fn diff(left: &str, right: &str, more: &[&str]) -> Value {
    let outcome = Cli::new(["diff", left, right, "--format", "json"])
        .args(more.iter().copied())
        .run();
    let mut json = outcome.json();
    let data = json["data"].take();
    let code = if data["equal"] == json!(true) { 0 } else { 3 };
    assert_eq!(outcome.code(), Some(code), "{data:#}");
    data
}

fn compare(left: &Database, right: &Database, more: &[&str]) -> Value {
    diff(&left.url(), &right.url(), more)
}

/// The entry of a table.
fn table<'a>(data: &'a Value, name: &str) -> &'a Value {
    data["tables"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["table"] == json!(name))
        .unwrap_or_else(|| panic!("no table {name} in {data:#}"))
}

/// `[rows_source, rows_target, different, missing, extra]` of a table.
fn counts(data: &Value, name: &str) -> [u64; 5] {
    let entry = table(data, name);
    [
        "rows_source",
        "rows_target",
        "different",
        "missing",
        "extra",
    ]
    .map(|field| entry[field].as_u64().unwrap())
}

const PEOPLE: &str = "create table people (id bigint primary key, name text, born date, note text); \
    insert into people select g, 'name ' || g, date '1950-01-01' + g % 20000, 'secret-' || md5(g::text) \
    from generate_series(1, 200000) g";

#[test]
fn five_differences_in_200_000_rows_are_found_counted_and_named() {
    let (left, right) = (Database::with_schema(PEOPLE), Database::with_schema(PEOPLE));
    let data = compare(&left, &right, &[]);
    assert_eq!(counts(&data, "people"), [200_000, 200_000, 0, 0, 0]);
    assert_eq!(data["equal"], json!(true));
    right.execute(
        "update people set name = 'x', born = null where id = 777; \
         update people set note = note || ' ' where id = 200000; \
         delete from people where id in (5); \
         insert into people values (-3, 'a', null, null), (200001, 'b', null, null)",
    );
    let data = compare(&left, &right, &["--deep"]);
    assert_eq!(counts(&data, "people"), [200_000, 200_001, 2, 1, 2]);
    let rows = &table(&data, "people")["rows"];
    assert_eq!(
        *rows,
        json!([
            {"difference": "extra", "key": ["-3"], "columns": []},
            {"difference": "different", "key": ["200000"], "columns": ["note"]},
            {"difference": "extra", "key": ["200001"], "columns": []},
            {"difference": "missing", "key": ["5"], "columns": []},
            {"difference": "different", "key": ["777"], "columns": ["name", "born"]},
        ])
    );
    let page = Cli::new(["diff", &left.url(), &right.url(), "--deep"]).exits(3);
    assert!(
        page.stdout.contains("people: id=777 differs in name, born"),
        "{}",
        page.stdout
    );
    assert!(!page.stdout.contains("secret"), "{}", page.stdout);
    // The other way round, missing and extra change places.
    let data = compare(&right, &left, &[]);
    assert_eq!(counts(&data, "people"), [200_001, 200_000, 2, 2, 1]);
}

#[test]
fn many_differences_are_counted_exactly() {
    let (left, right) = (Database::with_schema(PEOPLE), Database::with_schema(PEOPLE));
    right.execute(
        "update people set name = name || '!' where id % 2 = 0; \
         delete from people where id % 7 = 0",
    );
    let different: i64 = left.value("select count(*) from people where id % 2 = 0 and id % 7 <> 0");
    let missing: i64 = left.value("select count(*) from people where id % 7 = 0");
    let data = compare(&left, &right, &["--deep"]);
    let [_, _, found, gone, extra] = counts(&data, "people");
    assert_eq!(
        [found, gone, extra],
        [different.unsigned_abs(), missing.unsigned_abs(), 0]
    );
    assert_eq!(
        table(&data, "people")["rows"].as_array().unwrap().len(),
        100
    );
}

#[test]
fn tables_without_a_key_are_compared_as_multisets() {
    let schema =
        "create table log (line text, n int); create table empty (x int); create table none ()";
    let (left, right) = (Database::with_schema(schema), Database::with_schema(schema));
    left.execute("insert into log values ('x', 1), ('x', 1); insert into none default values");
    right.execute("insert into log values ('y', 1), ('y', 1)");
    let data = compare(&left, &right, &[]);
    assert_eq!(counts(&data, "log"), [2, 2, 0, 2, 2]);
    assert_eq!(counts(&data, "none"), [1, 0, 0, 1, 0]);
    assert_eq!(counts(&data, "empty"), [0, 0, 0, 0, 0]);
    assert_eq!(table(&data, "log")["key"], json!([]));
    // The same rows in other numbers: {x, x, y} and {x, y, y}.
    left.execute("insert into log values ('y', 1)");
    right.execute("insert into log values ('x', 1)");
    let data = compare(&left, &right, &["--table", "log"]);
    assert_eq!(counts(&data, "log"), [3, 3, 0, 1, 1]);
    // Many copies of one row need no memory and are counted.
    left.execute("truncate log; insert into log select 'z', 0 from generate_series(1, 70000)");
    right.execute("truncate log; insert into log select 'z', 0 from generate_series(1, 70001)");
    let data = compare(&left, &right, &["--table", "log"]);
    assert_eq!(counts(&data, "log"), [70_000, 70_001, 0, 0, 1]);
}

#[test]
fn environments_pairs_of_tables_and_conditions() {
    let database = Database::new();
    database.execute(
        "create table a (id int primary key, v text, at date); \
         create table b (v text, id int primary key, at date); \
         insert into a select g, 'v' || g, current_date from generate_series(1, 100) g; \
         insert into b select 'v' || g, g, current_date from generate_series(1, 100) g; \
         update b set v = 'other' where id = 50",
    );
    let project = Project::new(&database);
    let run = |more: &[&str]| {
        let outcome = project
            .tidegate(["diff", "dev", "dev", "--format", "json"])
            .args(more.iter().copied())
            .run();
        (outcome.code(), outcome.json()["data"].take())
    };
    let (code, data) = run(&[]);
    assert_eq!((code, &data["source"]), (Some(0), &json!("dev")));
    let (code, data) = run(&["--table", "a=b"]);
    assert_eq!(code, Some(3));
    assert_eq!(counts(&data, "a"), [100, 100, 1, 0, 0]);
    assert_eq!(table(&data, "a")["target_table"], json!("b"));
    let (code, data) = run(&["--table", "a=b", "--where", "id <> 50 -- all but one"]);
    assert_eq!((code, counts(&data, "a")), (Some(0), [99, 99, 0, 0, 0]));
    for (condition, code) in [("id <>", "SqlSyntax"), ("nothing > 1", "UnknownObject")] {
        let outcome = project
            .tidegate(["diff", "dev", "dev", "--table", "a", "--format", "json"])
            .args(["--where", condition])
            .run();
        assert_ne!(outcome.code(), Some(0), "{code}");
        assert_eq!(outcome.stdout, "", "{code}");
    }
    let error = project
        .tidegate(["diff", "dev", "dev", "--table", "aa", "--format", "json"])
        .run()
        .error();
    assert_eq!(error["hint"], json!("did you mean a?"));
    let outcome = project.tidegate(["diff", "dev", "nowhere"]).run();
    assert_eq!(outcome.code(), Some(2));
}

#[test]
fn a_database_under_writes_equals_itself() {
    let database = Database::new();
    database.execute(
        "create table t (id int primary key, n int); insert into t select g, 0 from generate_series(1, 100) g; \
         create procedure write() language plpgsql as $$ begin \
           for i in 1 .. 100000000 loop update t set n = i where id = 1 + i % 100; commit; end loop; end $$",
    );
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| database.execute_err("call write()"));
        let written = || -> i32 { database.value("select max(n) from t") };
        for _ in 0..5 {
            let before = written();
            let data = compare(&database, &database, &[]);
            assert_eq!(data["equal"], json!(true), "{data:#}");
            while written() == before {
                std::thread::yield_now();
            }
        }
        database.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity \
             where datname = current_database() and query like 'call %'",
        );
        assert!(writer.join().is_ok());
    });
}

#[test]
fn an_interrupted_comparison_leaves_no_query_behind() {
    let database = Database::new();
    database.execute("create table t (id int primary key); insert into t values (1)");
    let running = Cli::new(["diff", &database.url(), &database.url(), "--table", "t"])
        .args(["--where", "pg_sleep(600) is not null"])
        .spawn();
    let at_work = || -> i64 {
        database.value(
            "select count(*) from pg_stat_activity \
             where datname = current_database() and application_name = 'tidegate/diff' and query like '%pg_sleep%'",
        )
    };
    while at_work() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    running.interrupt();
    let outcome = running.wait();
    assert_eq!(outcome.code(), Some(130), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    while at_work() > 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
