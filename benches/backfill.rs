//! Compares the engine with the usual ways to fill a column: the server's CPU time, WAL, growth of
//! heap and indexes, share of HOT updates, elapsed time. `cargo bench --bench backfill [ROWS]`
//! prints a Markdown table; `docs/BENCHMARKS.md` says how to read it.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a runner of its own"
)]

#[path = "cpu.rs"]
mod cpu;
#[path = "../tests/it/backfill/server.rs"]
mod server;

use std::sync::Arc;
use std::time::Instant;

use cpu::cpu_seconds;
use tidegate::backfill::{Settings, Spec};
use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides, Target};
use tidegate::control::Control;
use tidegate::job::Silent;
use tidegate::postgres::Session;
use tidegate::service::backfill::{Engine, Options};
use tidegate::sql::{Ident, QualifiedName};

#[derive(Debug, Clone, Copy)]
enum Way {
    Keyset,
    OneUpdate,
    Engine { workers: usize, key: bool },
}

struct Figures {
    cpu: f64,
    wal: f64,
    heap: f64,
    index: f64,
    hot: f64,
    wall: f64,
}

async fn figure(session: &Session, sql: &str) -> f64 {
    session.query_one(sql, &[]).await.unwrap().get::<_, f64>(0)
}

fn spec(key: bool) -> Spec {
    let name = |text: &str| Ident::new(text).unwrap();
    let table = QualifiedName::new(name("public"), name("t"));
    Spec {
        change: String::new(),
        targets: vec![table.clone()],
        stripe_key: vec![(table.clone(), key.then(|| name("id")))],
        table,
        column: name("c"),
        expression: "t.n::bigint * 2".into(),
        source: vec![name("n")],
        inverse: None,
        inverse_type: None,
    }
}

/// The table that is filled.
#[derive(Debug, Clone, Copy)]
struct Case {
    rows: u64,
    fillfactor: u32,
    secondary_indexes: usize,
}

async fn prepare(session: &Session, case: Case) {
    let Case {
        rows, fillfactor, ..
    } = case;
    let mut sql = format!(
        "drop table if exists public.t; \
         create table public.t (id bigserial primary key, n int not null, txt text not null) \
           with (fillfactor = {fillfactor}); \
         insert into public.t (n, txt) \
           select g, repeat('x', 100) from generate_series(1, {rows}) g; \
         alter table public.t add c bigint;"
    );
    for column in ["(n)", "((n % 1000))", "((n / 7))", "((-n))", "(n, id)"]
        .iter()
        .take(case.secondary_indexes)
    {
        sql.push_str(&format!("create index on public.t {column};"));
    }
    session.batch_execute(&sql).await.unwrap();
    for sql in [
        "vacuum (freeze, analyze) public.t",
        "checkpoint",
        "select pg_stat_reset()",
    ] {
        session.batch_execute(sql).await.unwrap();
    }
}

async fn fill(session: &Session, target: &Target, rows: u64, way: Way) {
    match way {
        Way::Keyset => {
            for start in (1..=rows).step_by(10_000) {
                session
                    .batch_execute(&format!(
                        "update public.t set c = n::bigint * 2 \
                         where id >= {start} and id < {} and c is null",
                        start + 10_000
                    ))
                    .await
                    .unwrap();
            }
        }
        Way::OneUpdate => session
            .batch_execute("update public.t set c = n::bigint * 2 where c is null")
            .await
            .unwrap(),
        Way::Engine { workers, key } => {
            let engine = Engine::new(
                target.clone(),
                Arc::new(SystemClock::default()),
                Arc::new(Silent),
                tokio_util::sync::CancellationToken::new(),
            )
            .with(Options {
                settings: Settings {
                    workers,
                    ..Settings::default()
                },
                ..Options::default()
            });
            let job = engine.create(&spec(key)).await.unwrap();
            engine.run(job).await.unwrap();
        }
    }
}

async fn measure(server: &server::Server, target: &Target, case: Case, way: Way) -> Figures {
    let session = Session::connect(target, "bench").await.unwrap();
    prepare(&session, case).await;
    let heap_sql = "select pg_relation_size('public.t')::float8";
    let index_sql = "select pg_indexes_size('public.t')::float8";
    let wal_sql = "select (pg_current_wal_lsn() - '0/0')::float8";
    let (heap, index, wal) = (
        figure(&session, heap_sql).await,
        figure(&session, index_sql).await,
        figure(&session, wal_sql).await,
    );
    let cpu = cpu_seconds(server.pid(), &[]);
    let began = Instant::now();
    fill(&session, target, case.rows, way).await;
    let wall = began.elapsed().as_secs_f64();
    // Counters of other sessions arrive when these end or after a second.
    tokio::time::sleep(std::time::Duration::from_millis(1_500)).await;
    Figures {
        cpu: cpu_seconds(server.pid(), &[]) - cpu,
        wal: figure(&session, wal_sql).await - wal,
        heap: figure(&session, heap_sql).await / heap - 1.0,
        index: figure(&session, index_sql).await / index - 1.0,
        hot: figure(
            &session,
            "select n_tup_hot_upd::float8 / greatest(n_tup_upd, 1) \
             from pg_stat_all_tables where relid = 'public.t'::regclass",
        )
        .await,
        wall,
    }
}

const WAYS: [(&str, Way); 6] = [
    ("keyset batches of 10,000", Way::Keyset),
    ("one UPDATE", Way::OneUpdate),
    (
        "Tidegate, 1 worker, by key",
        Way::Engine {
            workers: 1,
            key: true,
        },
    ),
    (
        "Tidegate, 2 workers, by key",
        Way::Engine {
            workers: 2,
            key: true,
        },
    ),
    (
        "Tidegate, 1 worker, by address",
        Way::Engine {
            workers: 1,
            key: false,
        },
    ),
    (
        "Tidegate, 2 workers, by address",
        Way::Engine {
            workers: 2,
            key: false,
        },
    ),
];

#[tokio::main]
async fn main() {
    let rows = std::env::args()
        .skip(1)
        .find_map(|arg| arg.parse().ok())
        .unwrap_or(1_000_000);
    let server = server::Server::start(&["max_wal_size=8GB"]);
    let config = Config::load(&Overrides {
        database_url: Some(server.url("postgres")),
        ..Overrides::default()
    })
    .unwrap();
    let environment = config.environment(None).unwrap();
    let target = environment.target(&config).await.unwrap();
    Control::open(&target).await.unwrap();
    for (fillfactor, secondary_indexes) in [(100, 1), (70, 1), (100, 5)] {
        println!(
            "\n{rows} rows, fillfactor {fillfactor}, {secondary_indexes} secondary index(es)\n"
        );
        println!("| way | CPU s | CPU | WAL B/row | WAL | heap | indexes | HOT | wall s |");
        println!("|---|---|---|---|---|---|---|---|---|");
        let case = Case {
            rows,
            fillfactor,
            secondary_indexes,
        };
        let mut base: Option<Figures> = None;
        for (name, way) in WAYS {
            let now = measure(&server, &target, case, way).await;
            let base = base.get_or_insert(Figures { ..now });
            println!(
                "| {name} | {:.1} | {:.2}x | {:.0} | {:.2}x | {:+.0} % | {:+.0} % | {:.0} % | {:.1} |",
                now.cpu,
                now.cpu / base.cpu,
                now.wal / rows as f64,
                now.wal / base.wal,
                100.0 * now.heap,
                100.0 * now.index,
                100.0 * now.hot,
                now.wall,
            );
        }
    }
}
