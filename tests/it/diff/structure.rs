//! Tables that do not match, partitions, names that need quotes, rows that may not be seen.

use serde_json::json;

use super::{compare, counts, table};
use crate::support::{Cli, Database};

#[test]
fn tables_columns_and_types_that_differ_are_reported() {
    let (left, right) = (Database::new(), Database::new());
    left.execute(
        "create table only_left (id int primary key); insert into only_left values (1), (2); \
         create table t (gone int, id int primary key, n int, s varchar(10), l text, g int generated always as (n * 2) stored); \
         alter table t drop column gone; \
         insert into t (id, n, s, l) values (1, 5, 'x', 'left')",
    );
    right.execute(
        "create table only_right (id int primary key); insert into only_right values (1); \
         create table t (g int, r text, s text, n bigint, id int primary key); \
         insert into t values (10, 'right', 'x', 5, 1)",
    );
    let data = compare(&left, &right, &[]);
    assert_eq!(counts(&data, "only_left"), [2, 0, 0, 2, 0]);
    assert_eq!(counts(&data, "only_right"), [0, 1, 0, 0, 1]);
    // Same values under other types, in another order, generated or not: no row differs.
    assert_eq!(counts(&data, "t"), [1, 1, 0, 0, 0]);
    let entry = table(&data, "t");
    assert_eq!(entry["equal"], json!(false));
    assert_eq!(
        entry["remarks"],
        json!([
            {"kind": "type_differs", "column": "n", "source": "integer", "target": "bigint"},
            {"kind": "type_differs", "column": "s", "source": "character varying(10)", "target": "text"},
            {"kind": "column_only_in_source", "column": "l"},
            {"kind": "column_only_in_target", "column": "r"},
        ])
    );
    left.execute("alter table t drop column l");
    right.execute("alter table t drop column r");
    let data = compare(&left, &right, &["--table", "t"]);
    assert_eq!(data["equal"], json!(true), "{data:#}");
    right.execute("update t set n = 6");
    let data = compare(&left, &right, &["--table", "t", "--deep"]);
    assert_eq!(table(&data, "t")["rows"][0]["columns"], json!(["n"]));
}

#[test]
fn partitioned_tables_are_compared_by_their_parents() {
    let (left, right) = (Database::new(), Database::new());
    left.execute(
        "create table e (id int, at date, primary key (id, at)) partition by range (at); \
         create table e_1 partition of e for values from ('2024-01-01') to ('2025-01-01'); \
         create table e_2 partition of e for values from ('2025-01-01') to ('2026-01-01'); \
         insert into e select g, date '2024-06-01' + g from generate_series(1, 400) g; \
         create table base (id int primary key); create table child (more int) inherits (base); \
         insert into base values (1); insert into child values (2, 2)",
    );
    right.execute(
        "create table e (id int, at date, primary key (id, at)); \
         insert into e select g, date '2024-06-01' + g from generate_series(1, 400) g; \
         create table base (id int primary key); create table child (more int) inherits (base); \
         insert into base values (1); insert into child values (2, 3)",
    );
    let data = compare(&left, &right, &[]);
    let names: Vec<_> = data["tables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| t["table"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["base", "child", "e"]);
    assert_eq!(counts(&data, "e"), [400, 400, 0, 0, 0]);
    assert_eq!(counts(&data, "base"), [1, 1, 0, 0, 0]);
    assert_eq!(counts(&data, "child"), [1, 1, 0, 1, 1]);
    right.execute("delete from e where id = 399");
    let data = compare(&left, &right, &["--table", "e"]);
    assert_eq!(counts(&data, "e"), [400, 399, 0, 1, 0]);
}

const WEIRD: &str = include_str!("../../../fixtures/weird/catalog.sql");

#[test]
fn weird_names_and_every_sort_of_table() {
    let (left, right) = (Database::with_schema(WEIRD), Database::with_schema(WEIRD));
    let rows = r#"
        insert into customer (email, home, born) values ('a@b', row('x', '1'), '1990-01-01');
        insert into "Order ""x""" (a, b, customer_id, note, price, valid)
            select g, g, 1, 'n' || g, g + 0.50, daterange(date '2020-01-01' + g, date '2020-01-02' + g) from generate_series(1, 9) g;
        insert into "Häus"."select" values (1, 'a', 'b'), (2, null, '');
        insert into event select timestamptz '2024-03-01' + g * interval '1 day', g, 'a' from generate_series(1, 9) g;
    "#;
    left.execute(rows);
    right.execute(rows);
    let data = compare(&left, &right, &[]);
    assert_eq!(data["equal"], json!(true), "{data:#}");
    assert_eq!(counts(&data, "Order \"x\"")[0], 9);
    right.execute(r#"update "Order ""x""" set price = 3.5 where a = 3; update "Häus"."select" set "	tab" = null where "from" = 2"#);
    let data = compare(
        &left,
        &right,
        &[
            "--deep",
            "--table",
            r#""Order ""x""""#,
            "--table",
            r#""Häus"."select""#,
        ],
    );
    assert_eq!(counts(&data, "Häus.select"), [2, 2, 1, 0, 0]);
    assert_eq!(
        table(&data, "Häus.select")["rows"][0]["columns"],
        json!(["\ttab"])
    );
    // numeric(10, 2) has one scale only, so nothing was changed there.
    assert_eq!(counts(&data, "Order \"x\""), [9, 9, 0, 0, 0]);
}

#[test]
fn a_thousand_columns() {
    let columns: Vec<String> = (1..=1000)
        .map(|n| format!("c{n} int default {n}"))
        .collect();
    let schema = format!(
        "create table wide (id int primary key, {}); insert into wide (id) select generate_series(1, 50)",
        columns.join(", ")
    );
    let (left, right) = (
        Database::with_schema(&schema),
        Database::with_schema(&schema),
    );
    right.execute("update wide set c999 = 0 where id = 7");
    let data = compare(&left, &right, &["--deep"]);
    assert_eq!(counts(&data, "wide"), [50, 50, 1, 0, 0]);
    assert_eq!(table(&data, "wide")["rows"][0]["columns"], json!(["c999"]));
}

#[test]
fn a_role_that_sees_only_some_rows_is_refused() {
    let (left, right) = (Database::new(), Database::new());
    let role = format!("reader_{}", left.name());
    left.execute(&format!("create role {role} login"));
    for database in [&left, &right] {
        database.execute(&format!(
            "create table t (id int primary key, owner text); grant select on t to {role}; \
             insert into t values (1, 'a'), (2, 'b'); alter table t enable row level security; \
             create policy p on t using (owner = 'a')"
        ));
    }
    right.execute("delete from t where id = 2");
    let outcome = Cli::new([
        "diff",
        &left.url_as(&role),
        &right.url_as(&role),
        "--format",
        "json",
    ])
    .run();
    assert_ne!(outcome.code(), Some(0), "{}", outcome.stdout);
    let message = outcome.error()["message"].to_string();
    assert!(
        message.contains("t of the ") && message.contains("row-level security"),
        "{message}"
    );
    for database in [&left, &right] {
        database.execute(&format!("drop owned by {role}"));
    }
    left.execute(&format!("drop role {role}"));
}

#[test]
fn a_key_is_used_when_both_sides_keep_it() {
    let columns = "(a int not null, b int not null, c int, v text";
    let rows = "insert into t select g, g + 1, g, 'v' || g from generate_series(1, 50) g";
    let side = |constraints: &str| {
        let database = Database::new();
        database.execute(&format!("create table t {columns} {constraints}); {rows}"));
        database
    };
    let changed = |constraints: &str| {
        let database = side(constraints);
        database.execute("update t set v = 'changed' where a = 7");
        database
    };
    // Left, right, the key that serves.
    let cases = [
        (", primary key (a)", ", primary key (a)", json!(["a"])),
        (", primary key (a)", ", unique (a)", json!(["a"])),
        (
            ", primary key (a, b)",
            ", primary key (b, a)",
            json!(["a", "b"]),
        ),
        (
            ", primary key (a), unique (b)",
            ", primary key (b)",
            json!(["b"]),
        ),
        (
            ", unique (a) deferrable",
            ", unique (a) deferrable",
            json!([]),
        ),
        (
            ", primary key (a) deferrable",
            ", primary key (a)",
            json!(["a"]),
        ),
        // A unique column of nulls tells no row, and a key of one side alone tells none.
        (", unique (c)", ", unique (c)", json!([])),
        (", primary key (a)", ", primary key (b)", json!([])),
        (", primary key (a)", "", json!([])),
    ];
    for (left, right, key) in cases {
        let data = compare(&side(left), &changed(right), &[]);
        let expected = if key == json!([]) {
            [50, 50, 0, 1, 1]
        } else {
            [50, 50, 1, 0, 0]
        };
        assert_eq!(counts(&data, "t"), expected, "{left} | {right}");
        assert_eq!(table(&data, "t")["key"], key, "{left} | {right}");
    }
}
