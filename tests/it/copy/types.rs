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
    let audit = stage
        .project()
        .tidegate(["copy", "audit", "--to", "staging"])
        .data();
    assert_eq!(audit["manifest"]["tables"].as_array().unwrap().len(), 2);
}
