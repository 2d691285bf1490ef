//! `mask scan` on real databases.

mod labelled;
mod persons;
mod samples;

use serde_json::Value;

use crate::support::{Database, Project};

/// The column of that name in the output of a scan.
fn column<'a>(data: &'a Value, table: &str, name: &str) -> &'a Value {
    data["columns"]
        .as_array()
        .unwrap()
        .iter()
        .find(|c| c["table"] == table && c["column"] == name)
        .unwrap_or_else(|| panic!("no {table}.{name} in the scan"))
}

fn class(data: &Value, table: &str, name: &str) -> String {
    column(data, table, name)["class"]
        .as_str()
        .unwrap_or("-")
        .to_owned()
}

fn scan(database: &Database) -> Value {
    Project::new(database).tidegate(["mask", "scan"]).data()
}

const SHOP: &str = include_str!("../../fixtures/shop/migrations/0001_shop.sql");

#[test]
fn the_shop_of_the_fixtures() {
    let database = Database::with_schema(SHOP);
    database.execute(
        "insert into users (email, full_name) select 'user' || i || '@example.org', 'User ' || i from generate_series(1, 200) i; \
         insert into transactions (account_email, amount_cents, note) select email, id * 7, 'order of ' || email from users; \
         insert into order_items (transaction_id, sku, quantity) select id, 'SKU-' || id, 1 from transactions",
    );
    let data = scan(&database);
    for (table, name, wanted) in [
        ("users", "email", "email"),
        ("users", "full_name", "person-name"),
        ("transactions", "account_email", "email"),
        ("transactions", "note", "free-text"),
        ("transactions", "amount_cents", "-"),
        ("transactions", "currency", "-"),
        ("order_items", "sku", "-"),
        ("order_items", "quantity", "-"),
        ("users", "created_at", "-"),
    ] {
        assert_eq!(
            class(&data, table, name),
            wanted,
            "{table}.{name}: {}",
            column(&data, table, name)
        );
    }
    assert_eq!(data["columns"].as_array().unwrap().len(), 14);
    assert_eq!(data["rows_sampled"], 600);
}

#[test]
fn a_draft_covers_every_column_and_is_not_overwritten() {
    let database = Database::with_schema(SHOP);
    database.execute(
        "create table profiles (id int primary key, contact text unique, doc jsonb, \
         up text generated always as (upper(contact)) stored); \
         insert into profiles select i, 'p' || i || '@example.org', \
         jsonb_build_object('phone', '+49 30 55501' || i, 'theme', 'dark') from generate_series(10, 60) i",
    );
    let project = Project::new(&database);
    let write = ["mask", "scan", "--write", "masking-rules/draft.toml"];
    std::fs::create_dir_all(project.path().join("masking-rules")).unwrap();
    project.tidegate(write).ok();
    let text = project.read("masking-rules/draft.toml");
    let draft: toml::Table = toml::from_str(&text).unwrap();
    let tables = draft["tables"].as_table().unwrap();
    assert_eq!(tables["users"].as_table().unwrap().len(), 4, "{text}");
    let profiles = tables["profiles"].as_table().unwrap();
    assert_eq!(profiles.len(), 3, "generated columns take no rule\n{text}");
    assert_eq!(profiles["contact"]["mask"].as_str(), Some("email"));
    assert_eq!(profiles["contact"]["unique"].as_bool(), Some(true));
    assert_eq!(profiles["doc"]["json"]["$.phone"].as_str(), Some("phone"));
    assert_eq!(profiles["doc"]["otherwise"].as_str(), Some("redact"));
    assert_eq!(profiles["id"].as_str(), Some("keep"));
    project.tidegate(write).exits(2);
    assert_eq!(project.read("masking-rules/draft.toml"), text);
    project.tidegate(write).args(["--yes"]).ok();
}

#[test]
fn what_may_not_be_read_is_judged_by_name_and_said_so() {
    let database = Database::with_schema(SHOP);
    let role = format!("tg_scan_{}", database.name());
    database.execute(&format!(
        "insert into users (email, full_name) values ('a@example.org', 'Ada Lovelace'); \
         create table misc (c1 text); insert into misc values ('b@example.org'), ('c@example.org'); \
         create role {role} login; grant usage on schema public to {role}; \
         grant select (id, full_name) on users to {role}; grant select on misc to {role}"
    ));
    let project = Project::new(&database);
    let url = database.url_as(&role);
    let data = project
        .tidegate(["--database-url", &url, "mask", "scan"])
        .data();
    assert_eq!(class(&data, "users", "email"), "email");
    assert!(column(&data, "users", "email")["sampled_values"].is_null());
    assert_eq!(column(&data, "users", "full_name")["sampled_values"], 1);
    assert_eq!(class(&data, "misc", "c1"), "email");
    let left = data["not_sampled"].as_array().unwrap();
    let reason = |table: &str| {
        left.iter()
            .find(|entry| entry["table"] == table)
            .map(|entry| entry["columns"].clone())
    };
    assert_eq!(
        reason("users"),
        Some(serde_json::json!(["email", "created_at"]))
    );
    assert_eq!(reason("transactions"), Some(serde_json::json!([])));
    database.execute(&format!("drop owned by {role}; drop role {role}"));
}

#[test]
fn a_lock_that_lasts_ends_the_scan_instead_of_holding_others_up() {
    let database = Database::with_schema(SHOP);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let outcome = runtime.block_on(async {
        let holder = database.connect().await;
        holder
            .batch_execute("begin; lock table transactions in access exclusive mode")
            .await
            .unwrap();
        let url = database.url();
        let scan = tokio::task::spawn_blocking(move || {
            crate::support::Cli::new(["--database-url", &url, "mask", "scan", "--format", "json"])
                .exits(8)
        });
        let outcome = scan.await.unwrap();
        holder.batch_execute("rollback").await.unwrap();
        outcome
    });
    assert_eq!(outcome.error()["code"], "TG0401");
}

#[test]
fn partitions_are_sampled_and_told_by_their_parent() {
    let database = Database::new();
    database.execute(
        "create table logins (at date not null, src text, n int) partition by range (at); \
         create table logins_1 partition of logins for values from ('2024-01-01') to ('2025-01-01'); \
         create table logins_2 partition of logins for values from ('2025-01-01') to ('2026-01-01'); \
         insert into logins select '2025-03-01', '10.1.2.' || i, i from generate_series(1, 100) i",
    );
    let data = scan(&database);
    assert_eq!(data["columns"].as_array().unwrap().len(), 3);
    assert_eq!(class(&data, "logins", "src"), "ip-address");
    assert_eq!(column(&data, "logins", "src")["sampled_values"], 100);
}

#[test]
fn columns_that_repeat_personal_values_are_found() {
    let database = Database::new();
    database.execute(
        "create table accounts (login text primary key, n int); create table c (a text, b text references accounts); \
         insert into accounts select 'zq' || substr(md5(i::text), 1, 7), i from generate_series(1, 300) i; \
         insert into c select login, login from accounts",
    );
    let data = scan(&database);
    assert_eq!(class(&data, "accounts", "login"), "user-name");
    assert_eq!(class(&data, "c", "b"), "user-name");
    assert_eq!(
        class(&data, "c", "a"),
        "user-name",
        "{}",
        column(&data, "c", "a")
    );
    assert!(
        column(&data, "c", "a")["reason"]
            .as_str()
            .unwrap()
            .contains("accounts.login")
    );
}

#[test]
fn a_thousand_tables_are_scanned() {
    let database = Database::new();
    database.execute(
        "do $$ begin for i in 1..1000 loop execute format('create table t%s (id int, c1 text, c2 text, c3 timestamptz, c4 numeric)', i); \
         execute format('insert into t%s select g, ''u'' || g || ''@example.org'', ''open'', now(), g from generate_series(1, 20) g', i); \
         end loop; end $$",
    );
    let begin = std::time::Instant::now();
    let data = scan(&database);
    let took = begin.elapsed();
    eprintln!("1000 tables of 5 columns and 20 rows: {took:.1?}");
    assert_eq!(data["columns"].as_array().unwrap().len(), 5000);
    assert_eq!(class(&data, "t777", "c1"), "email");
    assert_eq!(class(&data, "t777", "c2"), "-");
}
