//! The catalog of a real database, with one of everything.

use std::fmt::Write;

use tidegate::catalog::*;
use tidegate::config::{Config, Overrides};
use tidegate::postgres::{Session, introspect, introspect_in_transaction};
use tidegate::sql::{Ident, QualifiedName};

use crate::support::{Database, Server};

const WEIRD: &str = include_str!("../../fixtures/weird/catalog.sql");
const WEIRD_15: &str = include_str!("../../fixtures/weird/catalog-15.sql");
const WEIRD_18: &str = include_str!("../../fixtures/weird/catalog-18.sql");

pub(crate) fn weird() -> Database {
    let major = Server::shared().major;
    let mut sql = WEIRD.to_owned();
    if major >= 15 {
        sql.push_str(WEIRD_15);
    }
    if major >= 18 {
        sql.push_str(WEIRD_18);
    }
    Database::with_schema(&sql)
}

pub(crate) async fn session_at(url: String) -> Session {
    let config = Config::load(&Overrides {
        database_url: Some(url),
        ..Overrides::default()
    })
    .unwrap();
    let environment = config.environment(None).unwrap();
    let target = environment.target(&config).await.unwrap();
    Session::connect(&target, "test").await.unwrap()
}

pub(crate) async fn session(database: &Database) -> Session {
    session_at(database.url()).await
}

async fn catalog(database: &Database) -> Catalog {
    introspect(&session(database).await).await.unwrap()
}

pub(crate) fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

pub(crate) fn public(name: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(name))
}

fn order() -> QualifiedName {
    public("Order \"x\"")
}

fn names(idents: &[Ident]) -> Vec<&str> {
    idents.iter().map(Ident::as_str).collect()
}

#[tokio::test]
async fn columns_are_read_with_all_they_have() {
    let catalog = catalog(&weird()).await;
    let table = catalog.table(&order()).unwrap();
    assert_eq!(
        table
            .columns
            .iter()
            .map(|c| c.name.as_str())
            .collect::<Vec<_>>(),
        [
            "a",
            "b",
            "serial_no",
            "customer_id",
            "parent_a",
            "parent_b",
            "note",
            "price",
            "doubled",
            "valid"
        ]
    );
    let note = table.column("note").unwrap();
    assert_eq!(note.collation.as_deref(), Some("\"Häus\".german"));
    assert_eq!(note.statistics_target, Some(300));
    assert_eq!(note.storage, Storage::External);
    assert_eq!(note.options, ["n_distinct=-0.5"]);
    assert_eq!(
        note.grants,
        [Grant {
            grantee: Some(ident("weird_reader")),
            privilege: "UPDATE".into(),
            grantable: false
        }]
    );
    let price = table.column("price").unwrap();
    assert_eq!(price.data_type, "numeric(10,2)");
    assert_eq!(price.default.as_deref(), Some("0"));
    assert!(price.not_null);
    let doubled = table.column("doubled").unwrap().generated.as_ref().unwrap();
    assert_eq!(doubled.kind, GeneratedKind::Stored);
    assert!(doubled.expression.contains("price *"), "{doubled:?}");
    assert_eq!(
        table.column("serial_no").unwrap().default.as_deref(),
        Some("nextval('public.\"Order \"\"x\"\"_serial_no_seq\"'::regclass)")
    );
}

#[tokio::test]
async fn types_comments_and_grants_are_read() {
    let catalog = catalog(&weird()).await;
    let customer = catalog.table(&public("customer")).unwrap();
    assert_eq!(
        customer.column("id").unwrap().identity,
        Some(Identity::Always)
    );
    assert_eq!(customer.column("mood").unwrap().data_type, "public.mood");
    assert_eq!(
        customer.column("home").unwrap().data_type,
        "\"Häus\".address"
    );
    assert_eq!(
        customer.column("born").unwrap().comment.as_deref(),
        Some("Day of birth")
    );
    assert_eq!(customer.comment.as_deref(), Some("People; it's them"));
    assert_eq!(customer.owner_lacks, ["DELETE"]);
    assert_eq!(customer.grants.len(), 2);
    assert!(
        customer
            .grants
            .iter()
            .any(|g| g.grantable && g.privilege == "INSERT")
    );
    assert!(
        customer
            .grants
            .iter()
            .any(|g| g.grantee.is_none() && g.privilege == "SELECT")
    );
    assert!(catalog.table(&public("empty")).unwrap().columns.is_empty());
    if catalog.major() >= 18 {
        let table = catalog.table(&public("eighteen")).unwrap();
        let b = table.column("b").unwrap().generated.as_ref().unwrap();
        assert_eq!(b.kind, GeneratedKind::Virtual);
        assert!(
            !table.column("c").unwrap().not_null,
            "NOT VALID is no promise"
        );
        assert!(table.column("d").unwrap().not_null);
        assert!(!table.constraint("loose").unwrap().enforced);
        let there = table.constraint("c_there").unwrap();
        assert_eq!(there.kind, ConstraintKind::NotNull);
        assert!(!there.validated);
    }
}

#[tokio::test]
async fn constraints_and_indexes_are_read() {
    let catalog = catalog(&weird()).await;
    let table = catalog.table(&order()).unwrap();
    let key = table.primary_key().unwrap();
    assert_eq!(names(&key.columns), ["a", "b"]);
    assert_eq!(key.index.as_ref().unwrap().as_str(), "Order \"x\"_pkey");
    let own = table.constraint("self").unwrap();
    assert_eq!(names(&own.columns), ["parent_a", "parent_b"]);
    let foreign = own.foreign_key().unwrap();
    assert_eq!(foreign.table, order());
    assert_eq!(names(&foreign.columns), ["a", "b"]);
    assert_eq!(
        (foreign.on_delete, foreign.matching),
        (Action::SetNull, Match::Full)
    );
    let customer = table
        .foreign_keys()
        .find(|c| c.name.as_str() != "self")
        .unwrap();
    assert!(customer.deferrable && customer.deferred);
    assert_eq!(customer.foreign_key().unwrap().on_update, Action::Restrict);
    let positive = table.constraint("positive").unwrap();
    assert!(!positive.validated);
    assert_eq!(positive.check(), Some("(price >= (0)::numeric)"));
    assert_eq!(positive.comment.as_deref(), Some("never below zero"));
    assert_eq!(
        table.constraint("no_overlap").unwrap().kind,
        ConstraintKind::Exclusion
    );
    let adult = catalog.table(&public("customer")).unwrap();
    assert!(adult.constraint("adult").unwrap().no_inherit);

    let index = table.index("Idx ü").unwrap();
    assert_eq!(
        index.columns[0].key,
        IndexKey::Expression("lower(note)".into())
    );
    assert_eq!(
        index.columns[0].opclass.as_deref(),
        Some("pg_catalog.text_pattern_ops")
    );
    assert!(index.columns[0].descending && !index.columns[0].nulls_first);
    assert!(index.columns[1].is_plain());
    assert_eq!(names(&index.included), ["customer_id"]);
    assert_eq!(index.predicate.as_deref(), Some("(price > (10)::numeric)"));
    assert_eq!(index.comment.as_deref(), Some("an index"));
    let by_c = table.index("by_c").unwrap();
    assert_eq!(
        by_c.columns[0].collation.as_deref(),
        Some("pg_catalog.\"C\"")
    );
    assert!(table.index("Order \"x\"_pkey").unwrap().is_key());
    assert!(!by_c.is_key());
    if catalog.major() >= 15 {
        let table = catalog.table(&public("fifteen")).unwrap();
        assert!(table.indexes[0].nulls_not_distinct);
        assert_eq!(table.replica_identity, ReplicaIdentity::Full);
    }
}

#[tokio::test]
async fn partitions_and_inheritance_are_read() {
    let catalog = catalog(&weird()).await;
    let event = catalog.table(&public("event")).unwrap();
    assert_eq!(
        event.partition_key.as_ref().unwrap().definition,
        "RANGE (at)"
    );
    assert_eq!(event.children, [public("event_2024"), public("event_2025")]);
    let leaf = catalog.table(&public("event_2024_a")).unwrap();
    assert_eq!(leaf.partition_of, Some(public("event_2024")));
    assert_eq!(
        leaf.partition_bound.as_deref(),
        Some("FOR VALUES IN ('a', 'b')")
    );
    assert!(leaf.constraints.iter().any(|c| c.inherited));
    let leaves: Vec<_> = catalog
        .leaves(&public("event"))
        .iter()
        .map(|t| t.name.plain())
        .collect();
    assert_eq!(leaves, ["event_2024_a", "event_2024_rest", "event_2025"]);
    let part = leaf.indexes.iter().find(|i| i.parent.is_some()).unwrap();
    assert!(
        part.parent
            .as_ref()
            .unwrap()
            .plain()
            .starts_with("event_2024")
    );
    let cat = catalog.table(&public("cat")).unwrap();
    assert_eq!(cat.parents, [public("animal")]);
    assert_eq!(cat.column("legs").unwrap().inherit_count, 1);
    assert_eq!(catalog.leaves(&public("animal")).len(), 2);
    assert_eq!(
        catalog
            .table(&public("hashed"))
            .unwrap()
            .partition_key
            .as_ref()
            .unwrap()
            .strategy,
        PartitionStrategy::Hash
    );
}

#[tokio::test]
async fn everything_else_is_read() {
    let catalog = catalog(&weird()).await;
    let table = catalog.table(&order()).unwrap();
    assert_eq!(table.options, ["autovacuum_enabled=false", "fillfactor=70"]);
    assert_eq!(
        table.replica_identity,
        ReplicaIdentity::Index(Some(ident("Order \"x\"_pkey")))
    );
    assert!(table.row_security && table.has_toast);
    let trigger = table.trigger("touch").unwrap();
    assert_eq!(trigger.events, ["insert", "update"]);
    assert_eq!(names(&trigger.columns), ["note"]);
    assert_eq!(
        (trigger.timing, trigger.for_each_row),
        (Timing::Before, true)
    );
    assert_eq!(table.rules[0].event, "delete");
    let policy = &table.policies[0];
    assert!(!policy.permissive);
    assert_eq!(policy.command, PolicyCommand::Update);
    assert_eq!(policy.roles, [Some(ident("weird_reader"))]);
    assert_eq!(policy.check.as_deref(), Some("(price > (1)::numeric)"));
    assert_eq!(table.statistics.len(), 2);
}

#[tokio::test]
async fn views_types_and_sequences_are_read() {
    let catalog = catalog(&weird()).await;
    let totals = catalog.view(&public("totals")).unwrap();
    assert!(totals.materialized && !totals.populated);
    assert_eq!(totals.indexes.len(), 1);
    assert_eq!(
        catalog.view(&public("cheap")).unwrap().options,
        ["check_option=local"]
    );
    assert_eq!(
        catalog.types[&public("mood")].kind,
        TypeKind::Enum {
            labels: vec!["sad".into(), "ok".into(), "it's \"great\"".into()]
        }
    );
    let TypeKind::Domain(domain) = &catalog.types[&public("email")].kind else {
        panic!("a domain");
    };
    assert!(domain.not_null && domain.checks.len() == 1);
    assert!(
        catalog
            .types
            .values()
            .any(|t| matches!(t.kind, TypeKind::Range { .. }))
    );
    let sequence = &catalog.sequences[&public("ticket")];
    assert_eq!(
        (sequence.start, sequence.increment, sequence.cache),
        (7, 3, 5)
    );
    let owned = &catalog.sequences[&public("customer_id_seq")];
    assert!(owned.owned_by.as_ref().unwrap().identity);
}

#[tokio::test]
async fn functions_and_publications_are_read() {
    let catalog = catalog(&weird()).await;
    let totals: Vec<_> = catalog.functions.iter().map(Function::signature).collect();
    assert!(totals.contains(&"total(integer)".into()), "{totals:?}");
    assert!(
        totals.contains(&"total(integer, numeric)".into()),
        "{totals:?}"
    );
    let atomic = catalog
        .functions
        .iter()
        .find(|f| f.name == public("reads_price"))
        .unwrap();
    assert!(atomic.parsed_body && atomic.source.is_none());
    assert_eq!(catalog.event_triggers[0].tags, ["CREATE TABLE"]);
    assert!(
        catalog
            .extensions
            .iter()
            .any(|e| e.name.as_str() == "plpgsql")
    );
    let some = catalog
        .publications
        .iter()
        .find(|p| p.name.as_str() == "some")
        .unwrap();
    assert!(some.via_root && some.tables.len() == 2);
    assert_eq!(
        catalog.table(&public("remote")).unwrap().kind,
        TableKind::Foreign
    );
    if catalog.major() >= 15 {
        let filtered = catalog
            .publications
            .iter()
            .find(|p| p.name.as_str() == "filtered")
            .unwrap();
        assert_eq!(
            filtered.tables[0].columns,
            Some(vec![ident("a"), ident("b")])
        );
        assert_eq!(filtered.tables[0].row_filter.as_deref(), Some("(c > 1)"));
        let houses = catalog
            .publications
            .iter()
            .find(|p| p.name.as_str() == "houses")
            .unwrap();
        assert_eq!(houses.schemas, [ident("Häus")]);
    }
    assert_eq!(catalog.system_identifier.as_ref().unwrap().len(), 19);
    assert!(
        catalog
            .schemas
            .iter()
            .all(|s| s.name.as_str() != "tidegate")
    );
    assert!(
        catalog
            .tables
            .keys()
            .all(|t| t.schema.as_str() != "tidegate")
    );
    assert!(
        catalog.tables.keys().all(|t| t.name.as_str() != "gone"),
        "temporary"
    );
}

#[tokio::test]
async fn json_round_trips() {
    let catalog = catalog(&weird()).await;
    let text = serde_json::to_string(&catalog).unwrap();
    assert_eq!(serde_json::from_str::<Catalog>(&text).unwrap(), catalog);
}

#[tokio::test]
async fn a_role_without_rights_sees_the_same() {
    let database = weird();
    let mut all = catalog(&database).await;
    database.execute("do $$ begin create role nobody_at_all login; exception when duplicate_object then null; end $$");
    let session = session_at(database.url_as("nobody_at_all")).await;
    let seen = introspect(&session).await.unwrap();
    all.system_identifier.clone_from(&seen.system_identifier);
    assert_eq!(seen, all);
}

#[tokio::test]
async fn a_transaction_sees_its_own_changes() {
    let database = weird();
    let session = session(&database).await;
    session
        .batch_execute("begin; create table public.mine (x int)")
        .await
        .unwrap();
    let seen = introspect_in_transaction(&session).await.unwrap();
    assert!(seen.table(&public("mine")).is_some());
    assert!(
        introspect(&session).await.is_err(),
        "not inside a transaction"
    );
    session.batch_execute("rollback").await.unwrap();
    let seen = introspect(&session).await.unwrap();
    assert!(seen.table(&public("mine")).is_none());
}

#[tokio::test]
async fn names_are_resolved_and_suggested() {
    let catalog = catalog(&weird()).await;
    let path = ["nowhere".to_owned(), "public".to_owned()];
    let found = |name: &str| catalog.resolve(name, &path).map(|t| t.name.plain());
    assert_eq!(found("Customer"), Some("customer".into()));
    assert_eq!(found("public.customer"), Some("customer".into()));
    assert_eq!(found(r#""Order ""x""""#), Some("Order \"x\"".into()));
    assert_eq!(found(r#""Häus"."select""#), Some("Häus.select".into()));
    assert_eq!(found("Häus.select"), Some("Häus.select".into()));
    assert_eq!(found("select"), None);
    assert_eq!(found(r#""Customer""#), None);
    assert_eq!(
        catalog.suggest("costumer").map(QualifiedName::plain),
        Some("customer".into())
    );
    assert_eq!(catalog.suggest("zzzz"), None);
}

#[tokio::test]
async fn a_thousand_tables_are_read_quickly() {
    let mut sql = String::new();
    for n in 0..1000 {
        write!(
            sql,
            "create table t{n} (id bigint generated always as identity primary key, "
        )
        .unwrap();
        for c in 0..15 {
            write!(sql, "c{c} varchar(40) default 'x', ").unwrap();
        }
        let parent = if n == 0 { 0 } else { n / 2 };
        write!(
            sql,
            "parent bigint not null references t{parent}, check (c1 <> c2)); create index on t{n} (c3); create index on t{n} (parent);"
        )
        .unwrap();
    }
    let database = Database::with_schema(&sql);
    let session = session(&database).await;
    for _ in 0..3 {
        let start = std::time::SystemTime::now();
        let catalog = introspect(&session).await.unwrap();
        let took = start.elapsed().unwrap();
        assert_eq!(catalog.tables.len(), 1000);
        println!("introspected 1,000 tables in {} ms", took.as_millis());
    }
}

#[tokio::test]
async fn real_schemas_are_read() {
    for (name, tables) in [("pagila", 20), ("chinook", 11), ("northwind", 14)] {
        let Some(database) = Database::sample(name) else {
            continue;
        };
        let catalog = catalog(&database).await;
        assert!(
            catalog.tables.len() >= tables,
            "{name}: {}",
            catalog.tables.len()
        );
        let graph = ForeignKeyGraph::new(&catalog);
        assert_eq!(graph.order().len(), catalog.tables.len());
        let (blocked, dropped) = crate::catalog_columns::check_all(&session(&database).await).await;
        println!(
            "{name}: {} tables, {} cycles; {blocked} columns blocked, {dropped} dropped",
            catalog.tables.len(),
            graph.cycles().len(),
        );
    }
}

/// Tables come and go while the catalog is read; definitions are printed with the newest state.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_ddl_does_not_disturb() {
    let database = weird();
    let (reader, writer) = (session(&database).await, session(&database).await);
    let stop = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let seen = std::sync::Arc::clone(&stop);
    let churn = tokio::spawn(async move {
        while !seen.load(std::sync::atomic::Ordering::Relaxed) {
            writer
                .batch_execute(
                    "create table public.churn (a int primary key, b int check (b > 0)); \
                     create index on public.churn (b); create view public.churned as select b from public.churn",
                )
                .await
                .unwrap();
            writer
                .batch_execute("drop table public.churn cascade")
                .await
                .unwrap();
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        }
    });
    for _ in 0..20 {
        introspect(&reader).await.unwrap();
    }
    stop.store(true, std::sync::atomic::Ordering::Relaxed);
    churn.await.unwrap();
}

async fn fingerprint_after(database: &Database, sql: &str) -> Fingerprint {
    let session = session(database).await;
    session.batch_execute("begin").await.unwrap();
    session
        .batch_execute("set search_path = public")
        .await
        .unwrap();
    session.batch_execute(sql).await.unwrap();
    session
        .batch_execute("set search_path = pg_catalog")
        .await
        .unwrap();
    introspect_in_transaction(&session)
        .await
        .unwrap()
        .fingerprint()
}

#[tokio::test]
async fn a_fingerprint_changes_with_the_schema_and_only_then() {
    let database = weird();
    let start = catalog(&database).await.fingerprint();
    assert_eq!(start.as_str().len(), 64);
    for same in [
        "select 1",
        "alter table \"Häus\".\"select\" drop column \"a.b\", add column \"a.b\" text",
        "insert into animal select 'x', 4 from generate_series(1, 1000); analyze animal",
        "drop view cheaper; create view cheaper with (security_barrier) as select a from cheap",
        "create temporary table animal (x int)",
        "create table tidegate.more (x int)",
        "drop function total(integer); create function total(integer) returns numeric language sql immutable as 'select $1 * 1.0'",
        "grant select on animal to weird_reader; revoke select on animal from weird_reader",
    ] {
        assert_eq!(fingerprint_after(&database, same).await, start, "{same}");
    }
    let mut seen = vec![start];
    for other in [
        "alter table animal add column x int",
        "alter table animal alter column name drop not null",
        "alter table animal alter column name set default 'x'",
        "alter table animal alter column legs type bigint",
        "alter table \"Order \"\"x\"\"\" validate constraint positive",
        "create index on animal (name)",
        "create index on animal (name desc)",
        "comment on table animal is 'x'",
        "grant select on animal to weird_reader",
        "grant select (name) on animal to weird_reader",
        "alter type mood add value 'fine' before 'ok'",
        "alter table animal enable row level security",
        "alter table animal set (fillfactor = 50)",
        "alter table animal replica identity full",
        "create or replace function total(integer) returns numeric language sql immutable as 'select $1 * 2.0'",
        "alter view cheaper rename column a to aa",
        "alter table \"Order \"\"x\"\"\" disable trigger touch",
        "alter publication \"some\" drop table customer",
        "alter sequence ticket increment 4",
        "alter domain email drop not null",
        "alter table event detach partition event_2025",
        "create schema further",
        "alter table animal alter column name set (n_distinct = 3)",
    ] {
        let fingerprint = fingerprint_after(&database, other).await;
        assert!(!seen.contains(&fingerprint), "{other}");
        seen.push(fingerprint);
    }
}

#[tokio::test]
async fn differences_are_told_for_people() {
    let (left, right) = (weird(), weird());
    right.execute(
        "alter table animal alter column legs type bigint; drop table empty; create table added (x int primary key); \
         create index named on animal (name)",
    );
    let (left, right) = (catalog(&left).await, catalog(&right).await);
    let told: Vec<_> = diff(&left, &right)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        told,
        [
            "column public.animal.legs: data type integer -> data type bigint",
            "column public.cat.legs: data type integer -> data type bigint",
            "index named on public.animal: extra",
            "table public.added: extra",
            "table public.empty: missing",
        ]
    );
    assert!(diff(&left, &left).is_empty());
    let back: Vec<_> = diff(&right, &left).iter().map(|d| d.kind).collect();
    assert_eq!(back[4], DifferenceKind::Extra);
}

/// The expression of a check is what the server prints by itself, whatever stands behind it.
#[tokio::test(flavor = "multi_thread")]
async fn expressions_of_checks_are_those_of_the_server() {
    let database = Database::with_schema(
        "create table odd (a int check (a % 2 = 0), b text check (b ~ E'x\\n) NOT VALID' or case b when 'q' then true else false end),
            c int constraint stays check (c > 0) no inherit, d boolean check (d));
         alter table odd add constraint later check (a > 1) not valid;
         alter table odd add constraint twofold check (a > 2) no inherit not valid",
    );
    let expected = database.rows(
        "select conname || ': ' || pg_get_expr(conbin, conrelid) from pg_constraint where contype = 'c' and conrelid = 'odd'::regclass order by conname collate \"C\"",
    );
    let catalog = catalog(&database).await;
    let mut tables = catalog.tables.values();
    let table = tables
        .find(|table| table.name.name.as_str() == "odd")
        .unwrap();
    let checks = table.constraints.iter().filter_map(|constraint| {
        let expression = constraint.check()?;
        Some(format!("{}: {expression}", constraint.name.as_str()))
    });
    let mut checks: Vec<String> = checks.collect();
    checks.sort();
    assert_eq!(checks.len(), 6);
    assert_eq!(checks, expected);
}
