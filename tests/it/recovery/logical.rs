//! M10: tables backed up by themselves, and brought back. What they are not is tested, too: a base.

mod damage;
mod elsewhere;
mod killed;
mod names;
mod refused;

use serde_json::{Value, json};
use tidegate::postgres::private::Ephemeral;

use super::stage::{KEY, Shelf, run, run_at, server, value_at};
use crate::support::Cli;

/// Tables of all kinds that single tables can be.
const SHOP: &str = "create schema app; \
    create table app.users (id bigint generated always as identity primary key, email text not null unique); \
    create table app.orders (id bigserial primary key, user_id bigint not null references app.users, \
      total numeric(10, 2) not null check (total >= 0), twice numeric generated always as (total * 2) stored, note text); \
    create index orders_user on app.orders (user_id); \
    create table app.events (at date not null, id int not null, what jsonb, primary key (at, id)) partition by range (at); \
    create table app.events_1 partition of app.events for values from ('2026-01-01') to ('2026-07-01'); \
    create table app.events_2 partition of app.events for values from ('2026-07-01') to ('2027-01-01'); \
    create table app.\"We \"\"ird\" (\"Key Of\" int primary key, \"select\" bytea); \
    insert into app.users (email) select 'person' || g || '@marker.example' from generate_series(1, 500) g; \
    insert into app.orders (user_id, total, note) select 1 + g % 500, g / 7.0, repeat(md5(g::text), 3) from generate_series(1, 4000) g; \
    insert into app.events select date '2026-01-01' + g % 365, g, jsonb_build_object('n', g) from generate_series(1, 700) g; \
    insert into app.\"We \"\"ird\" select g, decode(md5(g::text), 'hex') from generate_series(1, 20) g";
/// Two tables that refer to one another.
const CIRCLE: &str = "alter table app.users add favourite bigint references app.orders; \
    update app.users set favourite = id; \
    comment on constraint orders_user_id_fkey on app.orders is 'who'";
const TABLES: [&str; 4] = [
    "app.users",
    "app.orders",
    "app.events",
    "app.\"We \"\"ird\"",
];

/// A server with the shop in a database of its own.
struct Shop {
    server: Ephemeral,
    shelf: Shelf,
}

impl Shop {
    async fn open(sql: &str) -> Self {
        let (server, shelf) = (server().await, Shelf::new());
        run(&server, "create database shop").await;
        run_at(&server.url("shop"), sql).await;
        Self { server, shelf }
    }

    fn url(&self) -> String {
        self.server.url("shop")
    }

    /// A new database.
    async fn database(&self, name: &str) -> String {
        run(&self.server, &format!("create database {name}")).await;
        self.server.url(name)
    }

    fn create(&self, args: &[&str]) -> Cli {
        let url = self.url();
        let create = ["create", "--engine", "logical", "--database-url", &url];
        self.shelf.backup(&[&create, args].concat())
    }

    fn create_tables(&self, tables: &[&str]) -> Cli {
        let tables = tables.iter().flat_map(|table| ["--table", *table]);
        self.create(&tables.collect::<Vec<_>>())
    }

    fn restore(&self, url: &str, args: &[&str]) -> Cli {
        let restore = ["restore", "--engine", "logical", "--database-url", url];
        command(&self.shelf, &[&restore, args].concat())
    }

    fn restore_tables(&self, url: &str, tables: &[&str]) -> Cli {
        let tables = tables.iter().flat_map(|table| ["--table", *table]);
        self.restore(url, &tables.collect::<Vec<_>>())
    }
}

/// `tidegate ...` on the repository.
fn command(shelf: &Shelf, args: &[&str]) -> Cli {
    let location = format!("file:{}", shelf.path().display());
    Cli::new(args.iter().copied())
        .args(["--repository", &location])
        .env("TIDEGATE_SEAL_KEY", KEY)
        .env("TMPDIR", shelf.temp())
}

/// Every row of the shop's tables, as one digest.
async fn digests(url: &str) -> Vec<String> {
    let mut all = Vec::new();
    for table in TABLES {
        all.push(digest(url, table).await);
    }
    all
}

async fn digest(url: &str, table: &str) -> String {
    let sql = format!(
        "select count(*)::text || ' ' || coalesce(md5(string_agg(t::text, ',' order by t::text)), '') from {table} t"
    );
    value_at(url, &sql).await
}

/// What hangs on the tables of a schema: constraints, indexes, defaults, partitions.
async fn shape(url: &str) -> String {
    let sql = "select string_agg(line, e'\\n' order by line collate \"C\") from ( \
        select conrelid::regclass::text || ' ' || conname || ' ' || pg_get_constraintdef(oid) as line from pg_constraint \
          where connamespace = 'app'::regnamespace \
        union all select indexdef from pg_indexes where schemaname = 'app' \
        union all select format('%s.%s %s %s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull, attidentity) \
          from pg_attribute join pg_class c on c.oid = attrelid where c.relnamespace = 'app'::regnamespace and relkind in ('r', 'p') and attnum > 0 \
        union all select inhrelid::regclass || ' of ' || inhparent::regclass from pg_inherits join pg_class c on c.oid = inhrelid \
          where c.relnamespace = 'app'::regnamespace) as all_of_it";
    value_at(url, sql).await
}

fn ids(list: &Value) -> Vec<&str> {
    let list = list.as_array().unwrap().iter();
    list.map(|one| one["id"].as_str().unwrap()).collect()
}

/// Every byte that lies below a folder.
fn bytes_below(folder: &std::path::Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in folder.read_dir().unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            all.extend(bytes_below(&path));
        } else {
            all.extend(std::fs::read(path).unwrap());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_tables_come_back_with_rows_sequences_indexes_and_constraints() {
    let shop = Shop::open(&format!("{SHOP}; {CIRCLE}")).await;
    let before = (digests(&shop.url()).await, shape(&shop.url()).await);
    let mut args = vec!["--jobs", "3"];
    args.extend(TABLES.iter().flat_map(|table| ["--table", *table]));
    let data = shop.create(&args).data();
    assert_eq!(data["engine"], "logical", "{data:#}");
    assert_eq!(
        (&data["archives"], &data["whole"]),
        (&json!(4), &json!(false))
    );
    let rows_of = [
        "app.We \"ird",
        "app.events_1",
        "app.events_2",
        "app.orders",
        "app.users",
    ];
    assert_eq!(data["tables"], json!(rows_of), "{data:#}");
    // M14: nothing is readable, and nothing was put down on the way.
    let written = bytes_below(&shop.shelf.path());
    assert!(written.len() > 10_000);
    assert!(!written.windows(14).any(|bytes| bytes == b"marker.example"));
    assert_eq!(shop.shelf.temp().read_dir().unwrap().count(), 0);

    let list = shop.shelf.backup(&["list"]).data();
    assert_eq!(list["backups"], json!([]), "it is no base backup");
    assert_eq!(list["logical"][0]["kind"], "logical");
    assert_eq!(list["logical"][0]["database"], "shop");
    assert_eq!(list["logical"][0]["tables"].as_array().unwrap().len(), 4);
    let page = shop.shelf.backup(&["list"]).ok().stdout;
    assert!(
        page.contains("No base backups") && page.contains("app.orders"),
        "{page}"
    );
    let verified = shop.shelf.backup(&["verify"]).data();
    assert_eq!(verified["contents"], 4, "{verified:#}");
    assert_eq!(verified["opened"], data["parts"], "{verified:#}");

    let copy = shop.database("copy").await;
    let restored = shop.restore(&copy, &[]).data();
    assert_eq!(shop.shelf.temp().read_dir().unwrap().count(), 0);
    assert_eq!(restored["schemas_made"], json!(["app"]), "{restored:#}");
    assert_eq!(restored["tables"].as_array().unwrap().len(), 4);
    assert!(
        restored["tables"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["made"] == true)
    );
    assert_eq!((digests(&copy).await, shape(&copy).await), before);
    go_on(&shop, &copy, before).await;
    shop.server.stop().await;
}

/// Sequences go on where they were, and one table of them can be brought back once more.
async fn go_on(shop: &Shop, copy: &str, before: (Vec<String>, String)) {
    let next = "insert into app.users (email) values ('new') returning id::text";
    assert_eq!(value_at(copy, next).await, "501");
    let next = "insert into app.orders (user_id, total) values (501, 1) returning id::text";
    assert_eq!(value_at(copy, next).await, "4001");

    let who = "select obj_description(oid, 'pg_constraint') from pg_constraint where conname = 'orders_user_id_fkey'";
    assert_eq!(value_at(copy, who).await, "who");

    // One table of them, and what it refers to is there.
    run_at(
        copy,
        "alter table app.users drop constraint users_favourite_fkey; drop table app.orders",
    )
    .await;
    let restored = shop.restore_tables(copy, &["app.orders"]).data();
    assert_eq!(
        restored["tables"],
        json!([{ "table": "app.orders", "made": true }])
    );
    assert_eq!(digest(copy, "app.orders").await, before.0[1]);
    run_at(
        copy,
        "alter table app.users add foreign key (favourite) references app.orders",
    )
    .await;
    assert_eq!(shape(copy).await, before.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_were_truncated_come_back_and_rows_that_are_there_stay() {
    let shop = Shop::open(SHOP).await;
    let before = (digests(&shop.url()).await, shape(&shop.url()).await);
    shop.create_tables(&TABLES).ok();
    run_at(
        &shop.url(),
        "truncate app.users restart identity cascade; truncate app.events",
    )
    .await;
    // Whoever refers comes after those that it refers to, however they are named.
    let tables = ["app.orders", "app.events", "app.users"];
    let restored = shop.restore_tables(&shop.url(), &tables).data();
    assert!(
        restored["tables"]
            .as_array()
            .unwrap()
            .iter()
            .all(|one| one["made"] == false)
    );
    assert_eq!(
        (digests(&shop.url()).await, shape(&shop.url()).await),
        before
    );
    let next = "insert into app.users (email) values ('new') returning id::text";
    assert_eq!(value_at(&shop.url(), next).await, "501");

    // Each table that holds rows is named, and nothing is loaded into the others.
    run_at(&shop.url(), "truncate app.events").await;
    let refused = shop.restore(&shop.url(), &[]).exits(2).stderr;
    for table in ["app.users", "app.orders", "app.We \"ird"] {
        assert!(refused.contains(table), "{table}: {refused}");
    }
    assert!(!refused.contains("app.events"), "{refused}");
    assert_eq!(digest(&shop.url(), "app.events").await, "0 ");
    shop.restore_tables(&shop.url(), &["app.events"]).ok();
    assert_eq!(digest(&shop.url(), "app.events").await, before.0[2]);
    shop.server.stop().await;
}

/// What only a whole database has: types, functions, views of rows, large objects, sequences alone.
const MORE: &str = "create type app.state as enum ('new', 'paid'); \
    create sequence app.numbers; select setval('app.numbers', 41); \
    create function app.label(s app.state) returns text language sql immutable as $$ select 'is ' || s $$; \
    create table app.bills (id int primary key, s app.state not null default 'new', file oid); \
    insert into app.bills select g, 'paid', lo_from_bytea(0, decode(md5(g::text), 'hex')) from generate_series(1, 9) g; \
    create materialized view app.paid as select count(*) as n from app.bills where s = 'paid'; \
    comment on table app.bills is 'of the marker.example'";

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_database_comes_back_into_a_new_one() {
    let shop = Shop::open(&format!("{SHOP}; {MORE}")).await;
    let before = (digests(&shop.url()).await, shape(&shop.url()).await);
    let data = shop.create(&[]).data();
    assert_eq!(
        (&data["archives"], &data["whole"]),
        (&json!(1), &json!(true))
    );
    shop.shelf.backup(&["verify"]).ok();
    let copy = shop.database("copy").await;
    let restored = shop.restore(&copy, &[]).data();
    assert_eq!(
        restored["tables"].as_array().unwrap().len(),
        6,
        "{restored:#}"
    );
    assert_eq!((digests(&copy).await, shape(&copy).await), before);
    for (sql, expected) in [
        ("select nextval('app.numbers')::text", "42"),
        ("select n::text from app.paid", "9"),
        ("select app.label(s) from app.bills where id = 3", "is paid"),
        (
            "select count(*)::text from app.bills where lo_get(file) = decode(md5(id::text), 'hex')",
            "9",
        ),
        (
            "select obj_description('app.bills'::regclass)",
            "of the marker.example",
        ),
    ] {
        assert_eq!(value_at(&copy, sql).await, expected, "{sql}");
    }
    // It is restored as a whole or not at all.
    let again = shop.restore(&copy, &[]).exits(2).stderr;
    assert!(again.contains("already has app."), "{again}");
    let part = shop.restore(
        &copy,
        &[
            "--backup",
            data["id"].as_str().unwrap(),
            "--table",
            "app.bills",
        ],
    );
    let part = part.exits(4).stderr;
    assert!(part.contains("is restored as a whole"), "{part}");
    shop.server.stop().await;
}
