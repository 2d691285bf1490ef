//! Compares `seed run` with COPY of binary files that were made before, by as many workers, both with
//! the indexes and constraints made afterwards, and with `insert ... select generate_series` into the
//! indexed tables; in the same run on the same server.
//! `TIDEGATE_BENCH_ROWS=1000000 cargo bench --bench seed` prints a line a round.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a runner of its own"
)]

#[path = "server.rs"]
mod server;

use std::path::Path;
use std::process::Child;
use std::sync::Arc;
use std::time::Instant;

use server::{psql, spawn, start};
use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::generate::{Options, Spec, Standing, plan};
use tidegate::job::Silent;
use tidegate::postgres::private::Running;
use tidegate::postgres::{Session, introspect};
use tidegate::service::seed::{Engine, Request};
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 3;
const WORKERS: usize = 2;

const TABLES: &str = "
create table users (id bigint not null, email text not null, full_name text not null, phone text, city text,
    zip text, born date, created_at timestamptz not null, balance numeric(12,2), active boolean not null);
create table orders (id bigint not null, user_id bigint not null, amount_cents int not null, status text not null,
    created_at timestamptz not null)";

const KEYS: &str = "
alter table users add primary key (id); alter table users add constraint users_email unique (email);
alter table orders add primary key (id); create index orders_user on orders (user_id);
alter table orders add constraint orders_user foreign key (user_id) references users (id); analyze users; analyze orders";

const INSERT: &str = "
insert into users select i, 'user' || i || '@example.com', 'Given' || i || ' Family' || i % 977, '+4930' || lpad(i::text, 8, '0'),
    'City ' || i % 500, lpad((i % 99999)::text, 5, '0'), '1950-01-01'::date + (i % 20000)::int,
    '2020-01-01'::timestamptz + i * interval '1 s', (i % 100000) / 7.0, i % 10 > 0 from generate_series(1, $ROWS::bigint) i;
insert into orders select i, 1 + (hashint8(i)::bigint + 2147483648) % $ROWS, (random() * 100000)::int,
    (array['new', 'paid', 'sent'])[1 + i % 3], '2020-01-01'::timestamptz + i * interval '1 s' from generate_series(1, $ROWS::bigint) i";

#[tokio::main]
async fn main() {
    let rows = std::env::var("TIDEGATE_BENCH_ROWS").ok();
    let rows: u64 = rows.map_or(1_000_000, |rows| rows.parse().expect("a number of rows"));
    let server = start(&[("max_wal_size", "16GB"), ("maintenance_work_mem", "256MB")]).await;
    let folder = tempfile::tempdir().unwrap();
    for round in 1..=ROUNDS {
        let (load, seed) = seeded(&server, rows, folder.path()).await;
        let ceiling = copied(&server, folder.path()).await;
        fresh(&server, "inserted", &format!("{TABLES}; {KEYS}")).await;
        let began = Instant::now();
        psql(
            &server,
            "inserted",
            &INSERT.replace("$ROWS", &rows.to_string()),
        );
        let insert = began.elapsed().as_secs_f64();
        println!(
            "round {round}: seed {seed:.2} s (rows alone {load:.2} s), COPY of files {ceiling:.2} s: {:.2}x its speed; \
             INSERT {insert:.2} s: {:.2}x its speed",
            ceiling / seed,
            insert / seed
        );
    }
    server.stop().await;
}

/// Seconds of the rows and of the whole run.
async fn seeded(server: &Running, rows: u64, folder: &Path) -> (f64, f64) {
    fresh(server, "seeded", &format!("{TABLES}; {KEYS}")).await;
    let file = folder.join("tidegate.toml");
    let url = server.url("seeded");
    let text = format!(
        "version = 1\nproject = \"bench\"\ndefault = \"dev\"\n[environments.dev]\ntier = \"dev\"\nurl = \"{url}\"\n"
    );
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&Overrides {
        file: Some(file),
        environment: None,
        database_url: None,
    })
    .unwrap();
    let environment = config.environment(None).unwrap();
    let target = environment.target(&config).await.unwrap();
    let engine = Engine {
        target: target.clone(),
        clock: Arc::new(SystemClock::default()),
        events: Arc::new(Silent),
        cancel: CancellationToken::new(),
        options: tidegate::service::seed::Options {
            workers: WORKERS,
            ..Default::default()
        },
        consent: false,
    };
    let request = Request::new(&Options::default(), &[]);
    let make = || async {
        let session = Session::connect(&target, "bench").await?;
        let options = Options {
            rows: Some(rows),
            ..Options::default()
        };
        let catalog = introspect(&session).await?;
        plan(&catalog, &Spec::default(), &options, &Standing::default())
    };
    let outcome = engine.run(&request, make).await.unwrap();
    assert_eq!(outcome.rows, 2 * rows);
    (outcome.load_seconds, outcome.seconds)
}

/// Seconds of writing the same rows from files, then making keys and indexes.
async fn copied(server: &Running, folder: &Path) -> f64 {
    let path =
        |table: &str, part: usize| folder.join(format!("{table}.{part}")).display().to_string();
    for table in ["users", "orders"] {
        for part in 0..WORKERS {
            let rows = format!("select * from {table} where id % {WORKERS} = {part}");
            let to = path(table, part);
            psql(
                server,
                "seeded",
                &format!("\\copy ({rows}) to '{to}' (format binary)"),
            );
        }
    }
    fresh(server, "copied", TABLES).await;
    psql(server, "copied", "checkpoint");
    let began = Instant::now();
    for table in ["users", "orders"] {
        let parts = (0..WORKERS).map(|part| {
            let from = path(table, part);
            spawn(
                server,
                "copied",
                &format!("\\copy {table} from '{from}' (format binary)"),
            )
        });
        let mut parts: Vec<Child> = parts.collect();
        assert!(parts.iter_mut().all(|part| part.wait().unwrap().success()));
    }
    psql(server, "copied", KEYS);
    began.elapsed().as_secs_f64()
}

async fn fresh(server: &Running, database: &str, sql: &str) {
    psql(
        server,
        "postgres",
        &format!("drop database if exists {database} with (force)"),
    );
    server.ensure_database(database).await.unwrap();
    psql(server, database, sql);
}
