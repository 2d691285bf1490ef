//! Conditions that only the server evaluates.

use super::stage::{Stage, digests};

const FUNCTIONS: &str = "
create schema lib;
create function lib.is_even(int) returns bool language sql immutable as 'select $1 % 2 = 0';
create function lib.allowed(int) returns bool language sql immutable as 'select $1 <> 4322';
";

const TABLES: &str = "
create domain evens as int check (lib.is_even(value));
create domain plate as text check (value similar to '[A-Z]{2}-[0-9]{3}');
create table parent (id int primary key, e int not null constraint even check (lib.is_even(e)), name text not null);
create table asked (
    id int generated always as identity primary key, parent_id int not null references parent,
    e evens not null, f evens, d date not null check (extract(dow from d) between 1 and 5),
    bits int not null check (bits & 4 = 4), s timestamptz not null, x timestamptz not null,
    constraint soon check (x <= s + interval '4 hours'), flag boolean not null,
    twice int generated always as (bits * 2) stored check (lib.is_even(twice / 2) or flag), address inet not null check (host(address) not like '%0'));
create table plain (id int primary key, v text);
";

fn stage() -> Stage {
    Stage::new(&format!("{FUNCTIONS}{TABLES}"))
}

#[test]
fn rows_that_the_server_refuses_are_drawn_again() {
    let args = ["--rows", "900", "--seed", "3"];
    let one = stage();
    let before = one.schema();
    let plan = one.cli(["plan"]).args(args).data();
    let notes = plan["notes"].to_string();
    assert!(
        notes.contains("parent: constraint \\\"even\\\" is not understood; the server is asked, and rows that it refuses are drawn again"),
        "{notes}"
    );
    let first = one.run(args.into_iter().chain(["--workers", "1"]));
    assert_eq!(one.schema(), before);
    one.prove();
    let varied = "select count(*), count(distinct e) > 300, count(distinct bits) > 300, bool_or(flag) and not bool_and(flag) from asked";
    assert_eq!(one.database.rows(varied), ["900|t|t|t"]);
    let eight = stage();
    let second = eight.run(
        args.into_iter()
            .chain(["--workers", "8", "--chunk-rows", "70"]),
    );
    assert_eq!(digests(&first), digests(&second));
    let all = "select md5(string_agg(a::text, ';' order by id)), (select md5(string_agg(p::text, ';' order by id)) from parent p) from asked a";
    assert_eq!(one.database.rows(all), eight.database.rows(all));
    // What is asked of one table changes no other.
    let without = Stage::new(
        &format!("{FUNCTIONS}{TABLES}").replace("constraint even check (lib.is_even(e))", ""),
    );
    let third = without.run(args);
    let of = |data: &serde_json::Value, name: &str| {
        digests(data).into_iter().find(|(table, ..)| table == name)
    };
    assert_eq!(of(&first, "plain"), of(&third, "plain"));
    assert_eq!(of(&first, "asked"), of(&third, "asked"));
    assert_ne!(of(&first, "parent"), of(&third, "parent"));
}

#[test]
fn a_run_that_is_killed_draws_the_same_again() {
    let args = [
        "run",
        "--rows",
        "3000",
        "--seed",
        "3",
        "--chunk-rows",
        "100",
    ];
    let whole = stage();
    let expected = digests(&whole.cli(args).data());
    let killed = stage();
    let child = killed.cli(args).spawn();
    let done = "select count(*) from tidegate.seed_chunk where done";
    crate::schedule::eventually("a range", || {
        killed
            .database
            .value::<bool>("select to_regclass('tidegate.seed_chunk') is not null")
            && killed.database.value::<i64>(done) > 5
    });
    child.kill();
    let data = killed.cli(args).data();
    assert_eq!(data["resumed"], true, "{data}");
    assert_eq!(digests(&data), expected);
    killed.prove();
}

/// The rehearsal does not see the one row: the load meets it, and is taken back.
#[test]
fn a_load_that_the_server_refuses_is_taken_back() {
    let stage = Stage::new(&format!(
        "{FUNCTIONS} create table a (id int primary key constraint not_that check (lib.allowed(id)));
         create table b (id int primary key, a int not null references a, v text unique); create index on b (v);
         create table standing (id int primary key); insert into standing values (1)"
    ));
    let before = stage.schema();
    let args = [
        "run",
        "--rows",
        "6000",
        "--table",
        "a",
        "--table",
        "b",
        "--chunk-rows",
        "500",
    ];
    let error = stage.cli(args).args(["--format", "json"]).exits(2).error();
    assert!(
        error["message"].as_str().unwrap().contains("not_that"),
        "{error}"
    );
    assert!(
        error["details"].to_string().contains("is taken back"),
        "{error}"
    );
    assert_eq!(stage.schema(), before);
    let counts = "select (select count(*) from a), (select count(*) from b), (select count(*) from standing)";
    assert_eq!(stage.database.rows(counts), ["0|0|1"]);
    assert_eq!(stage.cli(["run", "--abandon"]).data()["abandoned"], false);
    let audit = "select count(*) from tidegate.audit where action = 'seed.abandon'";
    assert_eq!(stage.database.value::<i64>(audit), 1);
}

#[test]
fn what_no_row_fulfils_is_named_before_the_first() {
    for (table, says) in [
        (
            "create table t (id int primary key, v int not null constraint never check (lib.is_even(v * 2 + 1)))",
            "never",
        ),
        (
            "create table t (id int primary key constraint even_key check (lib.is_even(id)))",
            "even_key",
        ),
        (
            "create domain never as text check (starts_with(upper(value), lower('a'))); create table t (id int primary key, v never not null)",
            "never_check",
        ),
    ] {
        let stage = Stage::new(&format!(
            "{FUNCTIONS} create table b (id int primary key); {table}"
        ));
        let before = stage.schema();
        let error = stage
            .cli(["run", "--rows", "100", "--format", "json"])
            .exits(2)
            .error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(says), "{message}");
        assert_eq!(stage.schema(), before);
        assert_eq!(stage.database.value::<i64>("select count(*) from b"), 0);
    }
}

#[test]
fn tables_without_a_column_to_write_stay_empty() {
    let stage = Stage::new(
        "create table one_gen (a int generated always as (1 + 1) stored); create table nothing ();
         create table k (id int primary key)",
    );
    let before = stage.schema();
    let data = stage.run(["--rows", "20"]);
    let rows: Vec<(String, u64)> = digests(&data).into_iter().map(|(t, n, _)| (t, n)).collect();
    assert!(rows.contains(&("k".to_owned(), 20)), "{rows:?}");
    assert!(
        data["notes"].to_string().contains("one_gen: no rows"),
        "{data}"
    );
    assert_eq!(stage.schema(), before);
}

#[test]
fn elements_of_arrays_follow_their_domains() {
    let stage = Stage::new(
        "create domain posint as int check (value > 0); create domain smallpos as posint check (value < 1000);
         create domain arr as smallpos[] check (array_length(value, 1) between 1 and 5);
         create domain code as text check (value ~ '^[A-Z]{3}$');
         create table t (id int primary key, a arr not null, b smallpos[], c code[] not null)",
    );
    stage.run(["--rows", "300"]);
    stage.prove();
    let seen = "select count(*) > 100 from (select distinct unnest(a) from t) x";
    assert_eq!(stage.database.rows(seen), ["t"]);
}
