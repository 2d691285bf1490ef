//! What a person wrote into the spec and does not fit: named before the run, with file and line.

use super::stage::Stage;

const TABLES: &str = "
create table users (id serial primary key, email text not null unique, age int not null check (age between 18 and 99),
    note text constraint noted check (position('@' in note) <> 2), code varchar(3));
create unique index users_code on users (lower(code));
create table orders (id serial primary key, user_id int not null references users, total int not null)";

fn refused(spec: &str) -> serde_json::Value {
    let stage = Stage::new(TABLES);
    stage
        .project
        .write("seeds/a.toml", &format!("version = 1\n{spec}"));
    let run = [
        "run",
        "--rows",
        "100",
        "--scenario",
        "one",
        "--format",
        "json",
    ];
    let error = stage.cli(run).exits(2).error();
    let rows = "select (select count(*) from users), (select count(*) from orders)";
    assert_eq!(stage.database.rows(rows), ["0|0"], "{error}");
    let keys = "select count(*) from pg_constraint where conrelid in ('users'::regclass, 'orders'::regclass) and contype in ('p', 'u', 'f')";
    assert_eq!(stage.database.value::<i64>(keys), 4);
    error
}

#[test]
fn written_rows_that_do_not_fit_are_named_with_their_place() {
    for (spec, line, says) in [
        (
            "[[scenarios.one.users]]\nemail = 'a@b.c'\n[[scenarios.one.users]]\nemail = 'a@b.c'\n",
            4,
            "users_email_key",
        ),
        (
            "[[scenarios.one.users]]\ncode = 'AB'\n[[scenarios.one.users]]\ncode = 'ab'\n",
            4,
            "users_code",
        ),
        (
            "[[scenarios.one.users]]\nage = 40\n[[scenarios.one.orders]]\nuser_id = 99999\n",
            4,
            "no row of users has that key",
        ),
        ("[[scenarios.one.users]]\nage = 400\n", 2, "users_age_check"),
        (
            "[[scenarios.one.users]]\nage = 20\n[[scenarios.one.users]]\nnote = 'x@y'\n",
            4,
            "noted",
        ),
        (
            "[[scenarios.one.users]]\nid = 5\n[[scenarios.one.users]]\nid = 5\n",
            4,
            "users_pkey",
        ),
    ] {
        let error = refused(spec);
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "{spec}: {error}");
        assert_eq!(error["at"]["line"], line, "{spec}: {error}");
    }
}

/// A row that a person wrote may refer to one that is made, and to one that is written.
#[test]
fn written_rows_that_fit_are_there() {
    let stage = Stage::new(TABLES);
    stage.project.write(
        "seeds/a.toml",
        "version = 1\n[[scenarios.one.users]]\nid = 50\nemail = 'a@b.c'\n[[scenarios.one.orders]]\nuser_id = 50\n[[scenarios.one.orders]]\nuser_id = 52\n",
    );
    stage.run(["--rows", "100", "--scenario", "one"]);
    let found = "select count(*) from orders where id <= 2 and user_id in (50, 52)";
    assert_eq!(stage.database.value::<i64>(found), 2);
    stage.prove();
}

#[test]
fn a_derived_column_without_a_value_is_named_with_its_place() {
    for (sql, says) in [
        ("'GERMANY'", "22001"),
        ("'A' || n", "22001"),
        ("(1 / (n - n))::text", "22012"),
    ] {
        let stage = Stage::new(
            "create table place (id serial primary key, n int not null, country char(2) not null, other text)",
        );
        stage.project.write(
            "seeds/a.toml",
            &format!(
                "version = 1\n[tables.place]\ncolumns.other = {{ sql = \"'x' || n\" }}\ncolumns.country = {{ sql = \"{sql}\" }}\n"
            ),
        );
        let run = ["run", "--rows", "100", "--format", "json"];
        let error = stage.cli(run).exits(2).error();
        let message = error["message"].as_str().unwrap();
        assert!(message.starts_with("place.country: sql:"), "{error}");
        assert!(message.contains(says), "{error}");
        assert_eq!(
            (&error["code"], &error["at"]["line"]),
            (&"TG0901".into(), &4.into()),
            "{error}"
        );
        assert_eq!(stage.database.value::<i64>("select count(*) from place"), 0);
    }
}

/// An index that no row of text lets be is found before the run; a view that rows break is a note.
#[test]
fn indexes_are_tried_and_views_are_not_waited_for() {
    let stage = Stage::new(
        "create table t (id int primary key, v text not null); create index t_whole on t ((v::int))",
    );
    let error = stage
        .cli(["run", "--rows", "100", "--format", "json"])
        .exits(2)
        .error();
    assert!(error.to_string().contains("t_whole"), "{error}");
    assert_eq!(stage.database.value::<i64>("select count(*) from t"), 0);
    let stage = Stage::new(
        "create table t (id int primary key, v boolean not null);
         create materialized view mv as select id, v from t; create unique index mv_v on mv (v)",
    );
    let data = stage.run(["--rows", "100"]);
    let notes = data["notes"].to_string();
    assert!(
        notes.contains("mv is not filled") && notes.contains("[23505]"),
        "{notes}"
    );
    stage.prove();
}
