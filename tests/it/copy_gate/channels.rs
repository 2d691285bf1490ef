//! Every channel of a leak.

use super::fixture::{plan, scan, scan_with, source, target};
use crate::support::Server;

/// SQL that plants a raw value, the place that must be named, and the class.
type Channel = (&'static str, &'static str, &'static str);

const COLUMNS: &[Channel] = &[
    (
        "insert into orders(id, remark) values (9, 'mail ann.miller@CORP.example!')",
        "orders.remark",
        "email",
    ),
    (
        "insert into orders(id, remark) values (9, 'Ms MILLER, Ann called')",
        "orders.remark",
        "person-name",
    ),
    (
        "insert into orders(id, remark) values (9, 'tel 0049 (30) 123-4567')",
        "orders.remark",
        "phone",
    ),
    (
        "insert into orders(id, remark) values (9, 'DE89370400440532013000')",
        "orders.remark",
        "iban",
    ),
    (
        "insert into orders(id, remark) values (9, 'cc 4111111111111111')",
        "orders.remark",
        "card-number",
    ),
    (
        "insert into orders(id, remark) values (9, 'ssn 912345678')",
        "orders.remark",
        "national-id",
    ),
    (
        "insert into orders(id, remark) values (9, 'key=q7-secret-token-99;')",
        "orders.remark",
        "secret",
    ),
    (
        "insert into orders(id, remark) values (9, '4012 8888 8888 1881')",
        "orders.remark",
        "card-number",
    ),
    (
        "insert into orders(id, remark) values (9, 'https://x.example/?m=ann.miller%40corp.example')",
        "orders.remark",
        "email",
    ),
    (
        "insert into orders(id, doc) values (9, '{\"a\":[{\"who\":\"ann.miller@corp.example\"}]}')",
        "orders.doc",
        "email",
    ),
    (
        "insert into orders(id, doc) values (9, '{\"ann.miller@corp.example\":1}')",
        "orders.doc",
        "email",
    ),
    (
        "insert into orders(id, doc) values (9, '{\"tel\":49301234567}')",
        "orders.doc",
        "phone",
    ),
    (
        "insert into orders(id, amount) values (9, 4111111111111111)",
        "orders.amount",
        "card-number",
    ),
    (
        "insert into orders(id) values (4111111111111111)",
        "orders.id",
        "card-number",
    ),
    (
        "alter table orders add tags text[] default array['x', 'Ann Miller']",
        "orders.tags",
        "person-name",
    ),
    (
        "alter table orders add x xml default '<p to=\"ann.miller@corp.example\"/>'",
        "orders.x",
        "email",
    ),
    (
        "alter table orders add j json; update orders set j = '\"ann.miller\\u0040corp.example\"'",
        "orders.j",
        "email",
    ),
    (
        "alter table orders add v tsvector; update orders set v = to_tsvector('simple', 'the ann miller case')",
        "orders.v",
        "person-name",
    ),
    (
        "alter table orders add b bytea; update orders set b = 'x ann.miller@corp.example'::bytea",
        "orders.b",
        "email",
    ),
    (
        "alter table orders add b bytea[]; update orders set b = array['Ann Miller, Kiel'::bytea]",
        "orders.b",
        "person-name",
    ),
    (
        "create type pair as (a text, n int); alter table orders add p pair; update orders set p = row('Ann Miller', 1)",
        "orders.p",
        "person-name",
    ),
    (
        "create domain mail as text; alter table orders add m mail; update orders set m = 'ann.miller@corp.example'",
        "orders.m",
        "email",
    ),
    (
        "alter table orders add g text generated always as (remark || ' Ann Miller') stored",
        "orders.g",
        "person-name",
    ),
    (
        "create extension hstore; alter table orders add h hstore; update orders set h = 'who=>\"Ann Miller\"'",
        "orders.h",
        "person-name",
    ),
    (
        "create unlogged table audit_log (t text); insert into audit_log values ('{\"old\":{\"email\":\"ann.miller@corp.example\"}}')",
        "audit_log.t",
        "email",
    ),
    (
        "insert into empty_queue values (1, 'to: ann.miller@corp.example')",
        "empty_queue.payload",
        "email",
    ),
    (
        "create materialized view mv as select 'Ann Miller'::text as who",
        "mv.who",
        "person-name",
    ),
    (
        "create schema \"Odd \"\"s\"; create table \"Odd \"\"s\".\"t t\" (\"c c\" text); insert into \"Odd \"\"s\".\"t t\" values ('Ann Miller')",
        "Odd \"s.t t.c c",
        "person-name",
    ),
    (
        "create table p (a int, t text) partition by list (a); create table p1 partition of p for values in (1); insert into p values (1, 'Ann Miller')",
        "p1.t",
        "person-name",
    ),
    (
        "update users set email = 'ann.miller@corp.example' where id = 1",
        "users.email",
        "email",
    ),
    (
        "update users set notes = 'ann.miller@corp.example' where id = 1",
        "users.notes",
        "email",
    ),
    (
        "update users set city = 'ann miller' where id = 1",
        "users.city",
        "person-name",
    ),
];

const OBJECTS: &[Channel] = &[
    (
        "comment on table orders is 'ask ann.miller@corp.example'",
        "comment on table public.orders",
        "email",
    ),
    (
        "comment on column orders.id is 'ask Ann Miller'",
        "comment on column id of table public.orders",
        "person-name",
    ),
    (
        "comment on schema public is 'ask Ann Miller'",
        "comment on schema public",
        "person-name",
    ),
    (
        "alter table orders alter remark set default 'ann.miller@corp.example'",
        "default of column remark of table public.orders",
        "email",
    ),
    (
        "alter table orders add check (remark <> 'Ann Miller')",
        "constraint orders_remark_check on table public.orders",
        "person-name",
    ),
    (
        "create function f() returns text language sql as $$ select 'Ann Miller' $$",
        "function public.f()",
        "person-name",
    ),
    (
        "create function f(a text default 'Ann Miller') returns text language sql as 'select a'",
        "function public.f(text)",
        "person-name",
    ),
    (
        "create function f() returns text language sql return 'Ann Miller'",
        "function public.f()",
        "person-name",
    ),
    (
        "create view v as select 'Ann Miller'::text as a",
        "view public.v",
        "person-name",
    ),
    (
        "create rule r as on update to orders where new.remark = 'Ann Miller' do instead nothing",
        "rule r on table public.orders",
        "person-name",
    ),
    (
        "create function t() returns trigger language plpgsql as 'begin return new; end'; create trigger g before update on orders for each row execute function t('Ann Miller')",
        "trigger g on table public.orders",
        "person-name",
    ),
    (
        "create policy y on orders using (remark = 'Ann Miller')",
        "policy y on table public.orders",
        "person-name",
    ),
    (
        "create index i on orders (id) where remark = 'Ann Miller'",
        "index public.i",
        "person-name",
    ),
    (
        "create index i on orders ((remark || 'Ann Miller'))",
        "index public.i",
        "person-name",
    ),
    (
        "create table p (a text) partition by list (a); create table p1 partition of p for values in ('ann.miller@corp.example')",
        "bound of table public.p1",
        "email",
    ),
    (
        "create type kind as enum ('x', 'Ann Miller')",
        "label of type public.kind",
        "person-name",
    ),
    (
        "create domain d as text default 'Ann Miller'",
        "default of type public.d",
        "person-name",
    ),
    (
        "create domain d as text check (value <> 'Ann Miller')",
        "constraint d_check",
        "person-name",
    ),
    (
        "create sequence s; select setval('s', 4111111111111111)",
        "sequence public.s",
        "card-number",
    ),
    (
        "insert into orders select g, 1, 1, 'Ann Miller' from generate_series(10, 50) g; analyze orders; delete from orders where id > 9",
        "statistics of public.orders.remark",
        "person-name",
    ),
    (
        "create statistics e (mcv) on remark, user_id from orders; insert into orders select g, 1, 1, 'Ann Miller' from generate_series(10, 50) g; analyze orders; delete from orders where id > 9",
        "extended statistics public.e",
        "person-name",
    ),
    (
        "create foreign data wrapper w options (host 'ann.miller@corp.example')",
        "options of the foreign data wrapper w",
        "email",
    ),
    (
        "create foreign data wrapper w; create server s foreign data wrapper w options (host 'ann.miller@corp.example')",
        "options of the server s",
        "email",
    ),
    (
        "create foreign data wrapper w; create server s foreign data wrapper w; create user mapping for public server s options (password 'q7-secret-token-99')",
        "user mapping of the server s",
        "secret",
    ),
    (
        "create foreign data wrapper w; create server s foreign data wrapper w; create foreign table ft (a text options (c 'Ann Miller')) server s options (f 'Robert Stone')",
        "options of foreign table public.ft",
        "person-name",
    ),
    (
        "create table \"ann.miller@corp.example\" (a int)",
        "name of the relation with oid ",
        "email",
    ),
    (
        "alter table orders add \"Ann Miller\" int",
        "name of column 6 of the relation with oid ",
        "person-name",
    ),
    (
        "alter table orders add late text default 'Ann Miller'; alter table orders alter late drop default",
        "value for old rows of column late of table public.orders",
        "person-name",
    ),
    (
        "select lo_from_bytea(0, repeat('x', 1048570)::bytea || ' ann.miller@corp.example'::bytea)",
        "large object ",
        "email",
    ),
    (
        "create text search dictionary di (template = simple, accept = false); comment on text search dictionary di is 'Ann Miller'",
        "comment on text search dictionary",
        "person-name",
    ),
];

/// Plants as many channels at once as do not collide, so that each is told by place and class.
async fn turn_red(channels: &[Channel]) {
    let source = source();
    let mut rest = channels;
    while !rest.is_empty() {
        let target = target();
        let client = target.connect().await;
        let mut planted: Vec<Channel> = Vec::new();
        for channel @ (sql, place, class) in rest {
            let told = planted.iter().all(|(_, p, c)| (p, c) != (place, class));
            if !told || client.batch_execute(sql).await.is_err() {
                break;
            }
            planted.push(*channel);
        }
        assert!(!planted.is_empty(), "cannot plant {}", rest[0].0);
        rest = &rest[planted.len()..];
        let leaks = scan(&source, &target).await.leaks;
        for (sql, place, class) in planted {
            let class = class.parse().ok();
            let found = leaks
                .iter()
                .any(|leak| leak.place.starts_with(place) && leak.class == class && leak.count > 0);
            assert!(found, "{sql}\n{leaks:#?}");
        }
        let shown = format!("{leaks:?}").to_lowercase();
        for value in ["ann.miller", "ann miller", "4111", "q7-secret"] {
            assert!(!shown.contains(value), "{shown}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_a_clean_copy_is_green() {
    let (source, target) = (source(), target());
    target.execute(
        "create materialized view people as select full_name from users;
         analyze;
         insert into orders(id, remark) values
            (10, 'Ann met the miller'), (11, 'info corp example'), (12, 'Berlin'), (13, '2024-01-05 10:00'),
            (14, 'info@hahn.example'), (15, '49 30 12'), (16, 'q7 token');",
    );
    let scanned = scan(&source, &target).await;
    assert_eq!(scanned.leaks, []);
    assert!(scanned.values >= 18, "{scanned:?}");
    assert!(
        scanned.allowed > 0,
        "one mask is the name of another person"
    );
    assert!(scanned.bytes > 500, "{scanned:?}");
    assert_eq!(scanned.blind, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_values_in_columns_turn_the_gate_red() {
    turn_red(COLUMNS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_values_in_objects_turn_the_gate_red() {
    turn_red(OBJECTS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_values_in_settings_and_subscriptions_turn_the_gate_red() {
    let (source, target) = (source(), target());
    let name = target.name();
    target.execute(&format!(
        "alter database {name} set shop.owner = 'ann.miller@corp.example'"
    ));
    target.execute(&format!("comment on database {name} is 'of Ann Miller'"));
    target.execute(
        "create subscription sub connection 'host=x.invalid password=q7-secret-token-99'
         publication p with (connect = false, slot_name = none)",
    );
    let leaks = scan(&source, &target).await.leaks;
    target.execute("drop subscription sub");
    for (place, class) in [
        ("settings of the database", "email"),
        ("comment on the database", "person-name"),
        ("subscription sub", "secret"),
    ] {
        let found = leaks
            .iter()
            .any(|leak| leak.place == place && leak.class == class.parse().ok());
        assert!(found, "{place}: {leaks:?}");
    }
    if Server::shared().major >= 15 {
        target.execute("create publication pub for table orders where (remark = 'Ann Miller')");
        let leaks = scan(&source, &target).await.leaks;
        assert!(
            leaks.iter().any(|leak| leak.place.contains("publication")),
            "{leaks:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_what_the_policy_does_not_mask_is_not_sought() {
    let (source, target) = (source(), target());
    target.execute("update orders set remark = 'Ann Miller' where id = 1");
    let mut plan = plan();
    for column in &mut plan.tables[3].columns {
        column.rule = tidegate::masking::Rule::keep();
    }
    let scanned = scan_with(&source, &target, &plan).await;
    assert_eq!((scanned.values, scanned.leaks.len()), (0, 0));
}
