//! The backfill engine on a real server: stripes, resume, fencing, quarantine, live writes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod interruption;
mod server;
mod walk;

use std::sync::{Arc, OnceLock};

use tidegate::backfill::{JobId, Settings, Spec, Take};
use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides, Target};
use tidegate::control::{Control, backfill as ledger};
use tidegate::error::Kind;
use tidegate::job::{JobState, Silent};
use tidegate::postgres::Session;
use tidegate::service::backfill::{Engine, Options, Outcome};
use tidegate::sql::{Ident, QualifiedName};
use tokio_util::sync::CancellationToken;

/// One server for all tests of the module; the harness ends the process without dropping it, so
/// the server is told to end when its starter does.
fn server() -> &'static server::Server {
    static SERVER: OnceLock<server::Server> = OnceLock::new();
    SERVER.get_or_init(|| {
        let server = server::Server::start(&["fsync=off", "max_connections=100"]);
        server.end_with_this_process();
        server
    })
}

async fn database(name: &str) -> (Target, Session) {
    database_on(server(), name).await
}

async fn database_on(server: &server::Server, name: &str) -> (Target, Session) {
    let target = |database: &str| {
        let config = Config::load(&Overrides {
            database_url: Some(server.url(database)),
            ..Overrides::default()
        })
        .unwrap();
        async move {
            config
                .environment(None)
                .unwrap()
                .target(&config)
                .await
                .unwrap()
        }
    };
    let admin = Session::connect(&target("postgres").await, "test")
        .await
        .unwrap();
    admin
        .batch_execute(&format!("create database {name}"))
        .await
        .unwrap();
    let target = target(name).await;
    Control::open(&target).await.unwrap();
    let session = Session::connect(&target, "test").await.unwrap();
    (target, session)
}

fn ident(name: &str) -> Ident {
    Ident::new(name).unwrap()
}

fn table(name: &str) -> QualifiedName {
    QualifiedName::new(ident("public"), ident(name))
}

fn spec(key: Option<&str>) -> Spec {
    Spec {
        change: "0001".into(),
        table: table("t"),
        targets: vec![table("t")],
        column: ident("c"),
        expression: "t.n * 2".into(),
        source: vec![ident("n")],
        inverse: None,
        inverse_type: None,
        stripe_key: vec![(table("t"), key.map(ident))],
    }
}

fn settings() -> Settings {
    Settings {
        window_rows: 2_000,
        throttle: false,
        ..Settings::default()
    }
}

fn engine(target: &Target, options: Options) -> Engine {
    Engine::new(
        target.clone(),
        Arc::new(SystemClock::default()),
        Arc::new(Silent),
        CancellationToken::new(),
    )
    .with(options)
}

fn options() -> Options {
    Options {
        settings: settings(),
        ..Options::default()
    }
}

async fn fill(session: &Session, rows: u32) {
    session
        .batch_execute(&format!(
            "create table public.t (id bigint primary key, n bigint, pad text); \
             insert into public.t select g, g, repeat('x', 60) from generate_series(1, {rows}) g; \
             create index on public.t (n); alter table public.t add c bigint"
        ))
        .await
        .unwrap();
    session
        .batch_execute("vacuum analyze public.t")
        .await
        .unwrap();
}

async fn number(session: &Session, sql: &str) -> i64 {
    session.query_one(sql, &[]).await.unwrap().get(0)
}

const WRONG: &str = "select count(*) from public.t where c is distinct from n * 2";

fn done(outcome: &Outcome, rows: i64) {
    assert!(outcome.verification.passed());
    assert_eq!(outcome.verification.rows, rows as u64);
    assert_eq!(
        outcome.totals.rows_changed, rows,
        "each row is changed exactly once"
    );
}
