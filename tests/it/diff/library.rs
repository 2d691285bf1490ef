//! `service::diff` as the gate of the masked copy calls it.

use std::sync::Arc;

use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::diff::{Compared, Comparison, Form, Level, Limits, Method, Reading};
use tidegate::error::Kind;
use tidegate::job::Silent;
use tidegate::postgres::Session;
use tidegate::service::diff::{Options, Pair, Sides, Watch, compare};
use tidegate::sql::{Ident, QualifiedName};
use tokio_util::sync::CancellationToken;

use crate::support::Database;

async fn session(database: &Database) -> Session {
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
    Session::connect(&target, "test").await.unwrap()
}

fn watch() -> Watch {
    Watch {
        clock: Arc::new(SystemClock::default()),
        events: Arc::new(Silent),
        cancel: CancellationToken::new(),
    }
}

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

fn pair(name: &str) -> Pair {
    let name = QualifiedName::new(ident("public"), ident(name));
    Pair::new(name.clone(), name)
}

const SCHEMA: &str = "create table users (id int primary key, email text, plan text, n bigint); \
    insert into users select g, 'u' || g || '@x', 'p' || g % 3, g from generate_series(1, 3000) g";

async fn run(source: &Session, target: &Session, pair: &Pair) -> Comparison {
    let options = Options {
        search_path: vec![ident("public")],
        ..Options::default()
    };
    with(source, target, pair, &options).await
}

async fn with(source: &Session, target: &Session, pair: &Pair, options: &Options) -> Comparison {
    let sides = Sides { source, target };
    compare(sides, std::slice::from_ref(pair), options, &watch())
        .await
        .unwrap()
}

const BEGIN: &str = "begin isolation level repeatable read, read only";

/// Servers whose hashes differ are compared by SHA-256; small limits make every level happen.
#[tokio::test]
async fn every_method_and_every_depth_count_the_same() {
    let (left, right) = (Database::with_schema(SCHEMA), Database::with_schema(SCHEMA));
    right.execute(
        "update users set plan = plan || 'x' where id in (1, 1500, 3000); \
         delete from users where id in (2, 77); insert into users values (-1, 'a', null, 0)",
    );
    let (source, target) = (session(&left).await, session(&right).await);
    for side in [&source, &target] {
        side.batch_execute(BEGIN).await.unwrap();
    }
    let mut keyless = pair("users");
    keyless.columns = Some(vec![ident("email"), ident("plan")]);
    for method in [Method::Native, Method::Sha256] {
        for (first, groups, rows) in [(1024, 65_536, 50_000), (4, 64, 10), (1, 4, 0), (1, 1, 0)] {
            let options = Options {
                method: Some(method),
                deep: true,
                limits: Limits {
                    first,
                    groups,
                    rows,
                },
                ..Options::default()
            };
            let found = with(&source, &target, &pair("users"), &options).await;
            let table = &found.tables[0];
            assert_eq!((table.rows_source, table.rows_target), (3000, 2999));
            assert_eq!(
                (table.different, table.missing, table.extra),
                (3, 2, 1),
                "{options:?}"
            );
            let plans = table
                .rows
                .iter()
                .filter(|row| row.columns == [ident("plan")]);
            assert_eq!((table.rows.len(), plans.count()), (6, 3), "{options:?}");
            let found = with(&source, &target, &keyless, &options).await;
            let table = &found.tables[0];
            assert_eq!(
                (table.different, table.missing, table.extra),
                (0, 5, 4),
                "{options:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_masked_copy_is_compared_under_an_exported_snapshot_by_what_was_kept() {
    let (left, right) = (Database::with_schema(SCHEMA), Database::with_schema(SCHEMA));
    let holder = left.connect().await;
    holder.batch_execute(BEGIN).await.unwrap();
    let snapshot: String = holder
        .query_one("select pg_export_snapshot()", &[])
        .await
        .unwrap()
        .get(0);
    // What happens in the source after the snapshot is no difference; masks are none either.
    left.execute("delete from users where id <= 10; update users set plan = 'late' where id = 50");
    right.execute("update users set email = md5(email), id = -id");
    let (source, target) = (session(&left).await, session(&right).await);
    source
        .batch_execute(&format!("{BEGIN}; set transaction snapshot '{snapshot}'"))
        .await
        .unwrap();
    let mut kept = pair("users");
    kept.columns = Some(vec![ident("plan"), ident("n")]);
    target.batch_execute(BEGIN).await.unwrap();
    let found = run(&source, &target, &kept).await;
    assert!(found.equal, "{found:?}");
    assert!(found.tables[0].key.is_empty(), "the key is masked");
    // All columns: nothing matches, every key is another one.
    let found = run(&source, &target, &pair("users")).await;
    let table = &found.tables[0];
    assert_eq!(
        (table.different, table.missing, table.extra),
        (0, 3000, 3000)
    );
    // One wrong kept value makes the gate red.
    target.batch_execute("commit").await.unwrap();
    right.execute("update users set plan = 'p9' where n = 1234");
    target.batch_execute(BEGIN).await.unwrap();
    let found = run(&source, &target, &kept).await;
    let table = &found.tables[0];
    assert_eq!((table.different, table.missing, table.extra), (0, 1, 1));
    assert!(!found.equal);
}

#[tokio::test]
async fn each_side_may_have_its_own_condition() {
    let (left, right) = (Database::with_schema(SCHEMA), Database::with_schema(SCHEMA));
    right.execute("delete from users where id > 100");
    let (source, target) = (session(&left).await, session(&right).await);
    for side in [&source, &target] {
        side.batch_execute(BEGIN).await.unwrap();
    }
    let mut subset = pair("users");
    assert!(!run(&source, &target, &subset).await.equal);
    // Names in a condition are looked up on the caller's search path.
    subset.source_where = Some("id in (select u.id from users u where u.id <= 100)".to_owned());
    assert!(run(&source, &target, &subset).await.equal);
}

#[tokio::test]
async fn columns_that_nobody_has_are_no_agreement() {
    let (left, right) = (Database::with_schema(SCHEMA), Database::with_schema(SCHEMA));
    let (source, target) = (session(&left).await, session(&right).await);
    for side in [&source, &target] {
        side.batch_execute(BEGIN).await.unwrap();
    }
    let mut wrong = pair("users");
    wrong.columns = Some(vec![ident("id"), ident("plann")]);
    let found = run(&source, &target, &wrong).await;
    assert!(!found.equal);
    let cancelled = watch();
    cancelled.cancel.cancel();
    let sides = Sides {
        source: &source,
        target: &target,
    };
    let error = compare(sides, &[pair("users")], &Options::default(), &cancelled)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), Kind::Cancelled);
}

#[tokio::test]
async fn a_level_is_computed_in_parallel_and_each_row_once() {
    let database = Database::with_schema(SCHEMA);
    let session = session(&database).await;
    session
        .batch_execute(
            "set min_parallel_table_scan_size = 0; set parallel_setup_cost = 0; \
             set parallel_tuple_cost = 0; set max_parallel_workers_per_gather = 2",
        )
        .await
        .unwrap();
    let name = pair("users").source;
    let columns = ["id", "email"].map(|name| Compared {
        name: ident(name),
        form: Form::Text,
    });
    for key in [&columns[..1], &[]] {
        let reading = Reading {
            table: &name,
            only: true,
            condition: None,
            columns: &columns,
            key,
            method: Method::Native,
        };
        let sql = reading.level(&Level::first(&Limits::default()));
        let plan: Vec<String> = session
            .query(&format!("explain (verbose, costs off) {sql}"), &[])
            .await
            .unwrap()
            .iter()
            .map(|row| row.get(0))
            .collect();
        let plan = plan.join("\n");
        assert!(plan.contains("Parallel Seq Scan"), "{plan}");
        // The subquery computes the bytes; what is above it only uses them.
        let (above, _) = plan.split_once("Subquery Scan on x").unwrap();
        assert!(!above.contains("email"), "{plan}");
    }
}
