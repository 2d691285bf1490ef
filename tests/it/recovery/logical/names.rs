//! A table is named to a restore as it was named to the backup.

use super::super::stage::{run_at, value_at};
use super::Shop;

const NAMES: &str = "create schema app; create schema \"Dotted.One\"; \
    create table \"Orders\" (id int primary key); create table app.\"Orders\" (id int primary key); \
    create table app.orders (id int primary key); create table app.o (id int primary key); \
    create table \"o p\" (id int primary key); create table \"line\nbreak\" (id int primary key); \
    create table \"Dotted.One\".\"a.b\" (id int primary key); \
    insert into \"Orders\" values (1); insert into app.\"Orders\" values (2); insert into app.orders values (3); \
    insert into app.o values (4); insert into \"o p\" values (5); insert into \"line\nbreak\" values (6); \
    insert into \"Dotted.One\".\"a.b\" values (7)";

/// What a person writes, and the row that the table has.
const WRITTEN: [(&str, &str); 12] = [
    ("app.\"Orders\"", "2"),
    ("\"app\".\"Orders\"", "2"),
    ("\"Orders\"", "1"),
    ("public.\"Orders\"", "1"),
    ("app.Orders", "3"),
    ("APP.orders", "3"),
    ("\"app\".o", "4"),
    ("\"o p\"", "5"),
    ("o p", "5"),
    ("\"line\nbreak\"", "6"),
    ("public.\"line\nbreak\"", "6"),
    ("\"Dotted.One\".\"a.b\"", "7"),
];

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_restore_knows_a_table_by_every_name_that_a_backup_does() {
    let shop = Shop::open(NAMES).await;
    let all: Vec<&str> = WRITTEN.iter().map(|(name, _)| *name).collect();
    shop.create_tables(&all).ok();
    let copy = shop.database("copy").await;
    let mut unknown = Vec::new();
    for (name, row) in WRITTEN {
        let restored = shop.restore_tables(&copy, &[name]).run();
        if restored.code() != Some(0) {
            unknown.push(format!("{name}: {}", restored.stderr));
            continue;
        }
        let sql =
            "select string_agg(format('%I.%I', schemaname, relname), '') from pg_stat_user_tables";
        let table = value_at(&copy, sql).await;
        let sql = format!("select id::text from {table}");
        assert_eq!(value_at(&copy, &sql).await, row, "{name} is {table}");
        run_at(&copy, &format!("drop table {table}")).await;
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
    shop.server.stop().await;
}

/// The server's names are in its encoding, and the command line is not.
#[tokio::test(flavor = "multi_thread")]
async fn names_come_back_from_a_database_of_another_encoding() {
    let shop =
        Shop::open("create database latin encoding 'LATIN1' locale 'C' template template0").await;
    let table = "create table \"T\u{e4}\" (id int primary key, what text); insert into \"T\u{e4}\" values (1, 'gr\u{fc}n')";
    let latin = shop.server.url("latin");
    run_at(&latin, table).await;
    let create = [
        "backup",
        "create",
        "--engine",
        "logical",
        "--database-url",
        &latin,
    ];
    super::command(&shop.shelf, &create).ok();
    super::command(
        &shop.shelf,
        &[&create[..], &["--table", "\"T\u{e4}\""]].concat(),
    )
    .ok();
    run_at(&latin, "drop table \"T\u{e4}\"").await;
    shop.restore_tables(&latin, &["\"T\u{e4}\""]).ok();
    assert_eq!(
        value_at(&latin, "select what from \"T\u{e4}\"").await,
        "gr\u{fc}n"
    );
    shop.server.stop().await;
}
