//! M7: a subset holds what was asked for, what hangs on it, everything that these refer to, and no
//! orphan.

use std::collections::BTreeSet;

use secrecy::SecretString;
use tidegate::config::{Config, Overrides};
use tidegate::masking::{
    ColumnPlan, MaskKey, MaskPlan, Rows, Rule, SeedRows, SubsetRules, TablePlan, VirtualReference,
};
use tidegate::postgres::{Session, introspect};
use tidegate::service::subset::{Selection, select};
use tidegate::sql::{Ident, QualifiedName};

use crate::support::Database;

const SCHEMA: &str = "\
    create type mood as enum ('calm', 'rare');\
    create table countries (code text primary key, name text);\
    insert into countries select 'c' || g, 'n' from generate_series(1, 2000) g;\
    create table teams (id int primary key, lead int);\
    create table users (id int primary key, country text references countries, team int, manager int references users, mood mood default 'calm', note text not null default 'x');\
    insert into teams select g, null from generate_series(1, 2000) g;\
    insert into users select g, 'c' || (1 + g % 2000), 1 + g % 2000, nullif(g / 10, 0), case when g = 7777 then 'rare' else 'calm' end::mood from generate_series(1, 10000) g;\
    update teams set lead = id * 3;\
    alter table teams add foreign key (lead) references users;\
    alter table users add foreign key (team) references teams deferrable initially deferred;\
    create table orders (tenant int, id int, user_id int not null references users, placed date not null, primary key (tenant, id, placed)) partition by range (placed);\
    create table orders_old partition of orders for values from ('2020-01-01') to ('2024-01-01');\
    create table orders_new partition of orders for values from ('2024-01-01') to ('2030-01-01');\
    insert into orders select g % 3, g, 1 + g % 10000, '2023-06-01'::date + g % 400 from generate_series(1, 20000) g;\
    create index on orders (user_id);\
    create table items (tenant int, order_id int, placed date, sku text, foreign key (tenant, order_id, placed) references orders);\
    insert into items select tenant, id, placed, 'sku' || id % 50 from orders where id % 2 = 0;\
    insert into items values (null, 5, '2024-01-01', 'half a key');\
    create table notes (owner_type text, owner_id int, body text);\
    insert into notes select case g % 2 when 0 then 'User' else 'Other' end, g, 'b' from generate_series(1, 10000) g;\
    create table settings (k text); insert into settings select g::text from generate_series(1, 50) g;\
    create table log (line text); insert into log values ('a');\
    analyze;";

fn name(table: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(table))
}

fn ident(text: &str) -> Ident {
    Ident::new(text).unwrap()
}

struct Scene {
    database: Database,
    session: Session,
    catalog: tidegate::catalog::Catalog,
    plan: MaskPlan,
    key: MaskKey,
}

impl Scene {
    async fn open() -> Self {
        let database = Database::with_schema(SCHEMA);
        let config = Config::load(&Overrides {
            database_url: Some(database.url()),
            ..Overrides::default()
        })
        .unwrap();
        let target = config
            .environment(None)
            .unwrap()
            .target(&config)
            .await
            .unwrap();
        let session = Session::connect(&target, "subset").await.unwrap();
        let catalog = introspect(&session).await.unwrap();
        session
            .batch_execute(
                "set search_path = public; begin isolation level repeatable read read only",
            )
            .await
            .unwrap();
        let tables = catalog
            .tables
            .values()
            .filter(|table| table.stores_rows())
            .map(|table| TablePlan {
                name: table.name.clone(),
                rows: if table.name == name("log") {
                    Rows::None
                } else {
                    Rows::All
                },
                columns: table
                    .columns
                    .iter()
                    .map(|column| ColumnPlan {
                        column: column.name.clone(),
                        rule: Rule::keep(),
                        class: None,
                        origin: String::new(),
                    })
                    .collect(),
            });
        let plan = MaskPlan {
            tables: tables.collect(),
            epoch: "1".into(),
            ..MaskPlan::default()
        };
        let key =
            SecretString::from("8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d");
        let key = MaskKey::parse(&key, "staging", "1").unwrap();
        Self {
            database,
            session,
            catalog,
            plan,
            key,
        }
    }

    fn users(&mut self, percent: f64) -> &mut SubsetRules {
        self.plan.subset = Some(SubsetRules {
            seed_rows: vec![SeedRows {
                table: name("users"),
                percent: Some(percent),
                stable_by: Some(ident("id")),
                filter: None,
            }],
            max_bytes: None,
            references: vec![VirtualReference {
                from: name("notes"),
                columns: vec![ident("owner_id")],
                to: name("users"),
                to_columns: vec![ident("id")],
                filter: Some("c.owner_type = 'User'".into()),
            }],
        });
        self.plan.subset.as_mut().unwrap()
    }

    async fn select(&self) -> Selection {
        select(&self.session, &self.catalog, &self.plan, &self.key)
            .await
            .unwrap()
            .unwrap()
    }

    /// Makes tables `s_NAME` of the picked rows.
    fn keep(&self, selection: &Selection) {
        for table in [
            "countries",
            "teams",
            "users",
            "orders_old",
            "orders_new",
            "items",
            "notes",
            "settings",
            "log",
        ] {
            let rows = selection.rows(&name(table)).map(|rows| {
                rows.iter()
                    .map(|row| format!("'{row}'"))
                    .collect::<Vec<_>>()
            });
            let condition = match rows {
                None => "true".to_owned(),
                Some(rows) => format!("ctid = any(array[{}]::tid[])", rows.join(",")),
            };
            self.database.execute(&format!("drop table if exists s_{table}; create table s_{table} as select * from {table} where {condition}"));
        }
        self.database.execute("create or replace view s_orders as select * from s_orders_old union all select * from s_orders_new");
    }

    fn count(&self, sql: &str) -> i64 {
        self.database.value(&format!("select count(*) from {sql}"))
    }
}

const ORPHANS: &[&str] = &[
    "s_users u where country is not null and not exists (select from s_countries c where c.code = u.country)",
    "s_users u where manager is not null and not exists (select from s_users m where m.id = u.manager)",
    "s_users u where team is not null and not exists (select from s_teams t where t.id = u.team)",
    "s_teams t where lead is not null and not exists (select from s_users u where u.id = t.lead)",
    "s_orders o where not exists (select from s_users u where u.id = o.user_id)",
    "s_items i where tenant is not null and not exists (select from s_orders o where (o.tenant, o.id, o.placed) = (i.tenant, i.order_id, i.placed))",
    "s_notes n where owner_type = 'User' and not exists (select from s_users u where u.id = n.owner_id)",
];

#[tokio::test(flavor = "multi_thread")]
async fn m7_a_subset_is_closed_complete_and_small() {
    let mut scene = Scene::open().await;
    scene.users(5.0);
    let selection = scene.select().await;
    scene.keep(&selection);
    for orphans in ORPHANS {
        assert_eq!(scene.count(orphans), 0, "{orphans}");
    }
    let users = scene.count("s_users");
    assert!((400..4_000).contains(&users), "{users} users");
    assert_eq!(scene.count("s_settings"), 50);
    assert_eq!(scene.count("s_log"), 0);
    assert_eq!(
        scene.count("s_users where mood = 'rare'"),
        1,
        "each label is there"
    );
    assert!(
        scene.count("s_items where tenant is null") > 0,
        "a null where nulls are"
    );
    assert!(scene.count("s_items") < scene.count("items") / 2);
    assert_eq!(scene.count("s_notes where owner_type = 'Other'"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_rows_come_each_time_and_a_larger_share_holds_a_smaller_one() {
    let mut scene = Scene::open().await;
    scene.users(5.0);
    let pick = |selection: &Selection| {
        selection
            .rows(&name("users"))
            .unwrap()
            .iter()
            .collect::<BTreeSet<_>>()
    };
    let five = pick(&scene.select().await);
    assert_eq!(five, pick(&scene.select().await));
    scene.users(10.0);
    let ten = pick(&scene.select().await);
    assert!(ten.is_superset(&five) && ten.len() > five.len());
    let other =
        SecretString::from("9f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8e");
    scene.key = MaskKey::parse(&other, "staging", "1").unwrap();
    assert_ne!(
        ten,
        pick(&scene.select().await),
        "another key, other people"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_hangs_on_a_picked_row_comes_with_it_and_nothing_of_others_does() {
    let mut scene = Scene::open().await;
    let rule = &mut scene.users(100.0).seed_rows[0];
    (rule.percent, rule.filter) = (None, Some("id = 42".into()));
    let selection = scene.select().await;
    scene.keep(&selection);
    let of_42 = |table: &str| scene.count(&format!("{table} where user_id = 42"));
    assert_eq!(of_42("s_orders"), of_42("orders"));
    assert!(scene.count("s_users where id = 42") == 1 && scene.count("s_users where id = 4") == 1);
    // Many users are needed (managers, leads of teams), but their own orders are not.
    let strangers = scene.count("s_orders where user_id <> 42");
    assert!(
        strangers <= 5,
        "{strangers}: those that the rows for coverage need"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_takes_a_smaller_share() {
    let mut scene = Scene::open().await;
    scene.users(50.0);
    let all: u64 = scene
        .select()
        .await
        .shares
        .iter()
        .map(|table| table.bytes)
        .sum();
    scene.users(50.0).max_bytes = Some(all / 2);
    let selection = scene.select().await;
    assert!(selection.share < 1.0);
    assert!(
        selection
            .shares
            .iter()
            .map(|table| table.bytes)
            .sum::<u64>()
            <= all / 2
    );
    scene.users(50.0).max_bytes = Some(1);
    let error = select(&scene.session, &scene.catalog, &scene.plan, &scene.key)
        .await
        .unwrap_err();
    assert!(error.to_string().contains("max_size"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_left_out_must_not_be_referred_to() {
    let mut scene = Scene::open().await;
    scene.users(5.0);
    let table = scene
        .plan
        .tables
        .iter_mut()
        .find(|table| table.name == name("teams"))
        .unwrap();
    table.rows = Rows::None;
    let error = select(&scene.session, &scene.catalog, &scene.plan, &scene.key)
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("leaves out the rows of teams"),
        "{error}"
    );
    let users = scene
        .plan
        .tables
        .iter_mut()
        .find(|table| table.name == name("users"))
        .unwrap();
    users
        .columns
        .iter_mut()
        .find(|column| column.column == ident("team"))
        .unwrap()
        .rule
        .mask = tidegate::masking::Mask::Null;
    let selection = scene.select().await;
    assert!(selection.rows(&name("teams")).unwrap().is_empty());
}
