//! Values that a careless comparison takes for equal, or for different. Each trap is a table of one
//! row; the same row must be equal in a database with other identifiers, and its twin different.

use serde_json::json;

use super::{compare, counts, table};
use crate::support::Database;

/// Name, type, a value, and one that differs although some hash or `=` says otherwise.
const TRAPS: &[(&str, &str, &str, &str)] = &[
    // Hashes of 64-bit types fold them to 32 bits, under every seed.
    ("int8_sign", "int8", "-1", "4294967295"),
    ("int8_fold", "int8", "4", "4294967301"),
    (
        "timestamp_fold",
        "timestamptz",
        "'2000-01-01 00:00:00.000004+00'",
        "'2000-01-01 01:11:34.967301+00'",
    ),
    (
        "time_fold",
        "time",
        "'00:00:00.000004'",
        "'01:11:34.967301'",
    ),
    // `=` and hash see the value, not what is stored and printed.
    ("numeric_scale", "numeric", "1.0", "1.00"),
    ("float8_zero", "float8", "'-0'", "0"),
    ("float4_zero", "float4", "'-0'", "0"),
    ("interval_unit", "interval", "'24 hours'", "'1 day'"),
    ("bpchar_blank", "bpchar", "'a'", "'a '"),
    (
        "jsonb_scale",
        "jsonb",
        r#"'{"a": 1.0}'"#,
        r#"'{"a": 1.00}'"#,
    ),
    ("timetz_zone", "timetz", "'01:00+01'", "'00:00+00'"),
    ("array_shape", "int[]", "'{1,2,3,4}'", "'{{1,2},{3,4}}'"),
    ("array_bound", "int[]", "'{1,2}'", "'[0:1]={1,2}'"),
    ("array_null", "text[]", "'{NULL}'", "'{\"NULL\"}'"),
    ("array_scale", "numeric[]", "'{1.0}'", "'{1.00}'"),
    ("range_scale", "numrange", "'[1.0,2)'", "'[1.00,2)'"),
    (
        "multirange",
        "int4multirange",
        "'{[1,3),[5,7)}'",
        "'{[1,3),[5,8)}'",
    ),
    ("composite_scale", "pair", "row(1, 2.0)", "row(1, 2.00)"),
    ("composite_null", "pair", "row(null, null)", "null"),
    ("domain_fold", "big", "-1", "4294967295"),
    ("domain_zero", "measure", "'-0'", "0"),
    ("inet_mask", "inet", "'10.0.0.1/31'", "'10.0.0.1'"),
    // Hashes of these are hashes of identifiers, which differ between databases.
    ("enum_label", "mood", "'ok'", "'sad'"),
    ("enum_array", "mood[]", "'{ok,sad}'", "'{sad,ok}'"),
    ("regclass_name", "regclass", "'public.one'", "'public.two'"),
    ("regtype_name", "regtype", "'mood'", "'pair'"),
    // These have no hash at all.
    ("json_blank", "json", r#"'{"a":1}'"#, r#"'{"a": 1}'"#),
    ("point", "point", "'(1,2)'", "'(2,1)'"),
    ("bit", "bit(3)", "b'101'", "b'100'"),
    ("varbit", "varbit", "b'10'", "b'100'"),
    ("money", "money", "12.34", "12.35"),
    ("tsvector", "tsvector", "'a:1'", "'a:2'"),
    ("oid", "oid", "1", "2"),
    ("char", "\"char\"", "'a'", "'b'"),
    ("name", "name", "'a'", "'A'"),
    // Null is a value of its own.
    ("text_null", "text", "null", "''"),
    ("text_case", "varchar(9)", "'Ä'", "'ä'"),
    ("text_form", "text", r"U&'\00e9'", r"U&'e\0301'"),
    ("bytea", "bytea", r"'\x00'", r"'\x0000'"),
    ("bool_null", "bool", "false", "null"),
    ("date", "date", "'infinity'", "'-infinity'"),
    (
        "uuid",
        "uuid",
        "'00000000-0000-0000-0000-000000000001'",
        "'00000000-0000-0000-0000-000000000002'",
    ),
];

const TYPES: &str = "create type mood as enum ('sad', 'ok'); create type pair as (a int, b numeric); \
    create domain big as int8; create domain measure as float8; create table one (); create table two ();";

/// What this server offers only when it was built so: a type or collation, and its twins.
const OPTIONAL: &[(&str, &str, &str, &str, &str)] = &[
    ("xml", "perform 1", "xml", "'<a/>'", "'<a></a>'"),
    ("citext", "create extension citext", "citext", "'a'", "'A'"),
    (
        "hstore",
        "create extension hstore",
        "hstore",
        "'a=>1'",
        "'a=>2'",
    ),
    (
        "collated",
        "create collation blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
        "text collate blind",
        "'a'",
        "'A'",
    ),
];

fn fill(database: &Database, twin: bool) {
    let mut sql = TYPES.to_owned();
    for (name, kind, value, other) in TRAPS {
        let value = if twin { other } else { value };
        sql += &format!(
            "create table t_{name} (id int primary key, v {kind}); insert into t_{name} values (1, {value});"
        );
    }
    for (name, before, kind, value, other) in OPTIONAL {
        let value = if twin { other } else { value };
        sql += &format!(
            "do $do$ begin {before}; create table t_{name} (id int primary key, v {kind}); \
             insert into t_{name} values (1, {value}); exception when others then null; end $do$;"
        );
    }
    database.execute(&sql);
}

#[test]
fn equal_values_are_equal_and_twins_are_not() {
    let (left, same, twin) = (Database::new(), Database::new(), Database::new());
    // Other identifiers for every type and table.
    same.execute("create type shift as enum ('a'); create table shifts (x shift); drop table shifts; drop type shift; \
                  create type other as enum ('ok', 'sad'); drop type other");
    // Other habits of printing.
    for setting in [
        "timezone = 'Asia/Tokyo'",
        "datestyle = 'German, DMY'",
        "intervalstyle = 'iso_8601'",
        "bytea_output = 'escape'",
        "extra_float_digits = -5",
        "xmlbinary = 'hex'",
    ] {
        same.execute(&format!("alter database {} set {setting}", same.name()));
    }
    fill(&left, false);
    fill(&same, false);
    fill(&twin, true);
    let equal = compare(&left, &same, &[]);
    for entry in equal["tables"].as_array().unwrap() {
        assert_eq!(entry["equal"], json!(true), "{entry:#}");
    }
    let unequal = compare(&left, &twin, &[]);
    let mut seen = 0;
    for entry in unequal["tables"].as_array().unwrap() {
        let name = entry["table"].as_str().unwrap();
        if name.starts_with("t_") {
            assert_eq!(counts(&unequal, name), [1, 1, 1, 0, 0], "{name}");
            seen += 1;
        }
    }
    assert!(seen >= TRAPS.len(), "{seen}");
}

/// Why the digest is made of bytes: what the server's own hash of a row does not see. When one of
/// these fails, PostgreSQL has changed and the digest may become simpler.
#[test]
fn the_hash_of_a_row_is_fooled() {
    let database = Database::new();
    let alike = |a: &str, b: &str| -> bool {
        database.value(&format!(
            "select hash_record_extended(row({a}), 42) = hash_record_extended(row({b}), 42)"
        ))
    };
    assert!(alike("(-1)::int8", "4294967295::int8"));
    assert!(alike("1.0", "1.00"));
    assert!(alike("interval '24 hours'", "interval '1 day'"));
    assert!(alike("array[1,2,3,4]", "array[[1,2],[3,4]]"));
    assert!(!alike("1", "2"));
    let missed: i64 = database.value(
        "select count(*) from (select from generate_series(1, 1000) i, (values (0), (1)) v(x) group by i \
         having sum(hash_record_extended(row(x, i * 2 + x), 42)) = sum(hash_record_extended(row(x, i * 2 + 1 - x), 42))) f",
    );
    assert!(missed > 100, "{missed} of 1000 exchanges are missed");
}

#[test]
fn rows_that_exchange_values_are_found() {
    // Hashes of records join their columns linearly: a sum of them misses most exchanges.
    let schema = "create table t (id int primary key, a text, b text); \
        insert into t select g, 'a' || g, 'b' || g from generate_series(1, 4000) g";
    let (left, right) = (Database::with_schema(schema), Database::with_schema(schema));
    right.execute(
        "update t set b = (select o.b from t o where o.id = t.id - 1 + 2 * (t.id % 2)) where id <= 2000",
    );
    let data = compare(&left, &right, &[]);
    assert_eq!(counts(&data, "t"), [4_000, 4_000, 2_000, 0, 0]);
    // Without a key each is one missing and one extra.
    for database in [&left, &right] {
        database.execute("alter table t drop constraint t_pkey");
    }
    let data = compare(&left, &right, &[]);
    assert_eq!(counts(&data, "t"), [4_000, 4_000, 0, 2_000, 2_000]);
}

#[test]
fn every_nan_is_the_same() {
    let schema = "create table t (id int primary key, a float8, b float4)";
    let (left, right) = (Database::with_schema(schema), Database::with_schema(schema));
    left.execute("insert into t values (1, 'NaN', 'NaN')");
    // On most processors this NaN has its sign set.
    right.execute(
        "insert into t select 1, x - x, (x - x)::float4 from (values ('inf'::float8)) v(x)",
    );
    let data = compare(&left, &right, &[]);
    assert_eq!(data["equal"], json!(true), "{data:#}");
    right.execute("update t set b = 0");
    assert_eq!(counts(&compare(&left, &right, &[]), "t"), [1, 1, 1, 0, 0]);
}

#[test]
fn keys_match_by_value() {
    let schema = "create table t (id numeric, part bigint, v text, primary key (id, part))";
    let (left, right) = (Database::with_schema(schema), Database::with_schema(schema));
    // 4 and 4294967301 fold to the same 32 bits: as keys they must be two.
    left.execute("insert into t values (1.0, 4, 'a'), (1.0, 4294967301, 'b'), (2, 1, 'c')");
    right.execute("insert into t values (1.00, 4, 'a'), (1.0, 4294967301, 'x'), (2, 1, 'c')");
    let data = compare(&left, &right, &["--deep"]);
    assert_eq!(counts(&data, "t"), [3, 3, 2, 0, 0]);
    let rows: Vec<_> = table(&data, "t")["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["columns"].to_string())
        .collect();
    assert_eq!(rows, [r#"["id"]"#, r#"["v"]"#]);
}

#[test]
fn encodings_may_differ() {
    let utf8 = Database::new();
    let latin = format!("{}_latin", utf8.name());
    utf8.execute(&format!(
        "create database {latin} encoding 'LATIN1' locale 'C' template template0"
    ));
    let url = utf8.server().url(&latin);
    let sql = "create table t (id text primary key, v text, j jsonb, a text[]); \
        insert into t values ('zoë', 'Käse', '{\"ü\": 1}', '{é}')";
    utf8.execute(sql);
    let other = Foreign { url };
    other.execute(sql);
    let data = super::diff(&utf8.url(), &other.url, &[]);
    assert_eq!(data["equal"], json!(true), "{data:#}");
    other.execute("update t set a = '{è}'");
    let data = super::diff(&utf8.url(), &other.url, &["--deep"]);
    assert_eq!(counts(&data, "t"), [1, 1, 1, 0, 0]);
    assert_eq!(table(&data, "t")["rows"][0]["key"], json!(["zoë"]));
    utf8.execute(&format!("drop database {latin} with (force)"));
}

/// A database that `support::Database` does not know.
struct Foreign {
    url: String,
}

impl Foreign {
    fn execute(&self, sql: &str) {
        let (url, sql) = (self.url.clone(), sql.to_owned());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
                    .await
                    .unwrap();
                let driver = tokio::spawn(connection);
                client.batch_execute(&sql).await.unwrap();
                drop(client);
                driver.await.unwrap().unwrap();
            });
        })
        .join()
        .unwrap();
    }
}
