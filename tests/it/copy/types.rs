//! Every kind of table and type arrives as it left.

use tidegate::masking::Mask;

use super::stage::Stage;

const SHOP: &str = "
create table users (id bigint generated always as identity primary key, email text unique not null,
    full_name text, zip text, born date, loud text generated always as (upper(email)) stored);
create table orders (id serial primary key, user_id bigint not null references users, total numeric(10,2),
    placed timestamptz not null) ;
create index on orders (placed);
create view big as select * from orders where total > 10;
create materialized view totals as select user_id, sum(total) as total from orders group by 1;
create materialized view more as select max(total) from totals;
create function touch() returns trigger language plpgsql as $$ begin raise exception 'fired'; end $$;
create trigger t before insert on orders for each row execute function touch();
insert into users (email, full_name, zip, born) select 'u' || i || '@example.com', 'Name ' || i,
    lpad(i::text, 5, '0'), '1970-01-01'::date + i from generate_series(1, 5000) i;
alter table orders disable trigger t;
insert into orders (user_id, total, placed) select 1 + i % 5000, i / 7.0, now() from generate_series(1, 20000) i;
alter table orders enable trigger t;
refresh materialized view totals;
refresh materialized view more;
";

#[tokio::test(flavor = "multi_thread")]
async fn blank_padded_values_are_masked_as_the_server_stores_them() {
    let stage = Stage::new(
        "create table t (id int primary key, code char(30) not null); \
         insert into t select i, 'customer ' || i from generate_series(1, 500) i",
    );
    let rules = [("t.code", Mask::Hash { length: 16 })];
    let outcome = stage.copy(&rules, true).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert_eq!(
        stage
            .rows("select count(distinct code) from t where code not like 'customer%' and octet_length(code) = 30")
            .await,
        ["500"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_is_copied_masked_and_promoted() {
    let stage = Stage::new(SHOP);
    let sql = Mask::Sql {
        expression: "left(zip, 3)".to_owned(),
    };
    let rules = [("users.full_name", Mask::Null), ("users.zip", sql)];
    let outcome = stage.copy(&rules, true).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert!(outcome.promoted);
    assert_eq!(outcome.rows, 25_000);
    let kept = "select id, email, born, loud from users order by id";
    assert_eq!(stage.rows(kept).await, stage.source.rows(kept));
    assert_eq!(
        stage
            .rows("select count(*), count(full_name), max(length(zip)) from users")
            .await,
        ["5000|0|3"]
    );
    let orders = "select * from orders order by id";
    assert_eq!(stage.rows(orders).await, stage.source.rows(orders));
    let view = "select * from totals order by user_id";
    assert_eq!(stage.rows(view).await, stage.source.rows(view));
    assert_eq!(
        stage
            .rows("select nextval('orders_id_seq'), nextval('users_id_seq')")
            .await,
        ["21001|6001"]
    );
    assert_eq!(
        stage
            .rows("select tgname from pg_trigger where tgrelid = 'orders'::regclass and not tgisinternal")
            .await,
        ["t"]
    );
    assert_eq!(
        stage
            .rows("select 1 from pg_namespace where nspname = 'tidegate_copy'")
            .await,
        [""; 0]
    );
    let seen: Vec<String> = stage
        .rows("select action from tidegate.audit order by seq")
        .await;
    assert_eq!(seen, ["copy.run", "copy.promote"]);
    let rules = "version = 1\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n";
    stage.project().write("masking-rules/shop.toml", rules);
    let audit = stage
        .project()
        .tidegate(["copy", "audit", "--to", "staging", "--signature-only"])
        .env("TIDEGATE_MASK_KEY", super::rules::KEY)
        .data();
    assert_eq!(audit["manifest"]["tables"].as_array().unwrap().len(), 2);
}

/// Types whose binary form holds numbers of one database, types without any, and every way that
/// tables hang together.
const WEIRD: &str = r#"
create schema "We ird";
create type "We ird".mood as enum ('sad', 'ok', 'it''s fine');
create domain positive as int check (value > 0);
create type pair as (a int, m "We ird".mood, p positive);
create type span as range (subtype = "We ird".mood);
-- Numbers of types must differ between the two databases.
create table "We ird"."T""able" ("Id" int primary key, m "We ird".mood, ms "We ird".mood[], p pair, ps pair[],
    pos positive, poss positive[], s span, sm span_multirange, "we ""ird" text);
insert into "We ird"."T""able" values
    (1, 'sad', '{sad,NULL,"it''s fine"}', '(7,ok,3)', '{"(1,sad,2)","(,,)"}', 5, '{1,2}', '[sad,ok]', '{[sad,ok]}', E'tab\there\\ ü'),
    (2, null, '{}', null, null, null, null, 'empty', null, ''),
    (3, 'ok', '{{sad,ok},{ok,sad}}', '(,,)', '{}', 1, '{}', '(,ok]', '{}', E'line\nend');
create table "text only" (id int, r regclass, rt regtype[], a aclitem, n text);
insert into "text only" values (1, 'pg_class', '{integer,pair}', 'postgres=r/postgres', E'a\tb\nc\\d'), (2, null, null, null, null);
create table builtin (id int, a int[], n numeric, nn numeric[], j json, jb jsonb, x xml, u uuid, i inet, c cidr, m macaddr,
    iv interval, tz timestamptz, t time, ttz timetz, d date, f4 real, f8 float8, b bytea, bt bit(3), vb varbit, p point, pg polygon,
    mo money, ts tsvector, tq tsquery, ch "char", na name, bp char(5), r int4range, mr int4multirange, l pg_lsn);
insert into builtin values (1, '{{1,2},{3,4}}', 'NaN', '{1.50,-0.001}', '{"a" : 1}', '{"a":1}', '<a/>',
    'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '10.0.0.1/8', '10.0.0.0/8', '08:00:2b:01:02:03', '1 mon 2 days 03:04:05',
    'infinity', '24:00', '12:00+05:30', '-infinity', 'NaN', '-0', '\x00ff', '101', '1', '(1,2)', '((0,0),(1,1),(1,0))',
    12.34, 'a:1 b:2', 'a & b', 'x', 'n', 'ab', '[1,5)', '{[1,2),[5,9)}', '0/16B3748');
insert into builtin (id) values (2);
create table parted (id int, region text, note text, primary key (id, region)) partition by list (region);
create table parted_eu partition of parted for values in ('eu') partition by range (id);
create table parted_eu_1 partition of parted_eu for values from (0) to (100);
create table parted_eu_2 (note text, gone int, id int not null, region text not null);
alter table parted_eu_2 drop column gone;
alter table parted_eu attach partition parted_eu_2 for values from (100) to (200);
create table parted_rest partition of parted default;
insert into parted select i, case when i % 2 = 0 then 'eu' else 'us' end, 'n' || i from generate_series(0, 199) i;
create table mother (id int, a text); create table daughter (b text) inherits (mother);
insert into mother values (1, 'm'); insert into daughter values (2, 'd', 'b');
create table hen (id int primary key, egg int); create table egg (id int primary key, hen int not null references hen);
alter table hen add foreign key (egg) references egg deferrable initially deferred;
insert into hen values (1, null); insert into egg values (1, 1); update hen set egg = 1;
create unlogged table fleeting as select 1 as id;
create table nothing (); insert into nothing default values;
create table gen (a int, b int generated always as (a * 2) stored, c int generated by default as identity);
insert into gen (a) values (1), (2);
create table guarded (id int, owner text); alter table guarded enable row level security; alter table guarded force row level security;
create policy mine on guarded using (owner = current_user);
insert into guarded values (1, 'somebody'), (2, 'postgres');
create table big (id int, v text); alter table big alter v set storage external;
insert into big select i, repeat(md5(i::text), 20000) from generate_series(1, 4) i;
create extension if not exists hstore;
create table hs (id int, h public.hstore); insert into hs values (1, 'a=>1, b=>NULL');
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_type_and_kind_of_table_arrives_as_it_left() {
    let stage = Stage::new(WEIRD);
    // The copy's types get other numbers than the source's, whose counter is the server's.
    let outcome = stage.copy(&[], true).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    for table in [
        "\"We ird\".\"T\"\"able\"",
        "\"text only\"",
        "builtin",
        "parted",
        "parted_eu_1",
        "parted_eu_2",
        "parted_rest",
        "mother",
        "daughter",
        "hen",
        "egg",
        "fleeting",
        "nothing",
        "gen",
        "guarded",
        "big",
        "hs",
    ] {
        let sql = format!("select whole::text from {table} as whole order by 1");
        assert_eq!(stage.rows(&sql).await, stage.source.rows(&sql), "{table}");
    }
    let kind = "select relpersistence from pg_class where relname = 'fleeting'";
    assert_eq!(stage.rows(kind).await, ["u"]);
    let checks = "select count(*) from pg_constraint where not convalidated";
    assert_eq!(stage.rows(checks).await, ["0"]);
}
