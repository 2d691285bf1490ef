//! Compares the load of a copy with a raw pipe of the same table, `psql COPY binary | psql COPY
//! binary`, in the same run on the same server. `cargo bench --bench copy [ROWS]` prints a line a
//! round.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a runner of its own"
)]

#[path = "../tests/it/copy/rules.rs"]
mod rules;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::job::Silent;
use tidegate::masking::Mask;
use tidegate::postgres::private::{Ephemeral, Options, Running};
use tidegate::service::copy::Engine;
use tokio_util::sync::CancellationToken;

/// Twelve columns, about 300 bytes a row.
const TABLE: &str = "create table people (id bigint, email text, full_name text, phone text, address text,
    city text, zip text, born date, created timestamptz, balance numeric(12,2), notes text, ref uuid)";

const FILL: &str = "insert into people select i, 'user' || i || '@example.com', 'Given' || i || ' Family' || i % 977,
    '+4930' || lpad(i::text, 8, '0'), i || ' Long Street Name', 'City ' || i % 500, lpad((i % 99999)::text, 5, '0'),
    '1950-01-01'::date + (i % 20000)::int, '2020-01-01'::timestamptz + i * interval '1 s', (i % 100000) / 7.0,
    repeat(md5(i::text), 4), gen_random_uuid() from generate_series(1, $ROWS::bigint) i";

const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let rows: u64 = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(1_000_000);
    let settings = [
        ("shared_buffers", "512MB"),
        ("max_wal_size", "8GB"),
        ("checkpoint_timeout", "1h"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    let server = Ephemeral::start(&Options {
        settings,
        ..Options::default()
    })
    .await
    .unwrap();
    server.ensure_database("source").await.unwrap();
    psql(&server, "source", TABLE);
    psql(&server, "source", &FILL.replace("$ROWS", &rows.to_string()));
    psql(&server, "source", "vacuum (freeze, analyze) people");
    let computed = ["email", "full_name", "phone", "address", "city", "zip"].map(|column| {
        let expression = format!("left(md5({column}), 10)");
        (format!("people.{column}"), Mask::Sql { expression })
    });
    for round in 1..=ROUNDS {
        let raw = raw(&server).await;
        let none = load(&server, &[], 2).await;
        let one = load(&server, &[], 1).await;
        let sql: Vec<(&str, Mask)> = computed
            .iter()
            .map(|(n, m)| (n.as_str(), m.clone()))
            .collect();
        let six = load(&server, &sql, 2).await;
        println!(
            "round {round}: raw {raw:.2} s; no mask, 2 workers {:.2}x, 1 worker {:.2}x; 6 SQL masks {:.2}x",
            none / raw,
            one / raw,
            six / raw
        );
    }
    server.stop().await;
}

fn psql(server: &Running, database: &str, sql: &str) {
    let program = server.binaries.program("psql").unwrap();
    let status = Command::new(program)
        .args([
            "-XqAt",
            "-v",
            "ON_ERROR_STOP=1",
            "-d",
            &server.url(database),
            "-c",
            sql,
        ])
        .stdout(Stdio::null())
        .status()
        .unwrap();
    assert!(status.success(), "{sql}");
}

/// Two `psql` and a pipe.
async fn raw(server: &Running) -> f64 {
    psql(
        server,
        "postgres",
        "drop database if exists raw with (force)",
    );
    server.ensure_database("raw").await.unwrap();
    psql(server, "raw", TABLE);
    psql(server, "raw", "checkpoint");
    let program = server.binaries.program("psql").unwrap();
    let began = Instant::now();
    let mut from = Command::new(&program)
        .args([
            "-Xq",
            "-d",
            &server.url("source"),
            "-c",
            "copy people to stdout (format binary)",
        ])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let status = Command::new(&program)
        .args([
            "-Xq",
            "-d",
            &server.url("raw"),
            "-c",
            "copy people from stdin (format binary)",
        ])
        .stdin(from.stdout.take().unwrap())
        .status()
        .unwrap();
    assert!(status.success() && from.wait().unwrap().success());
    began.elapsed().as_secs_f64()
}

/// Seconds of the load of one copy.
async fn load(server: &Running, masks: rules::Rules<'_>, workers: usize) -> f64 {
    let folder = tempfile::tempdir().unwrap();
    let engine = engine(server, folder.path(), workers).await;
    psql(server, "source", "checkpoint");
    let opened = engine.open().await.unwrap();
    let plan = rules::masks(&opened.gathered.catalog, masks);
    let outcome = opened.run(&plan, &rules::key()).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    psql(
        server,
        "postgres",
        &format!("drop database {} with (force)", outcome.database),
    );
    outcome.load_seconds
}

async fn engine(server: &Running, folder: &Path, workers: usize) -> Engine {
    let file = folder.join("tidegate.toml");
    let text = format!(
        "version = 1\n[environments.production]\nregion = \"eu\"\nurl = \"{}\"\n\
         [environments.staging]\nregion = \"eu\"\nurl = \"{}\"\n",
        server.url("source"),
        server.url("copied")
    );
    std::fs::write(&file, text).unwrap();
    let config = Config::load(&Overrides {
        file: Some(file),
        ..Overrides::default()
    })
    .unwrap();
    let ends = (
        config.environment(Some("production")).unwrap(),
        config.environment(Some("staging")).unwrap(),
    );
    let clock = Arc::new(SystemClock::default());
    let mut engine = Engine::between(
        &config,
        ends,
        clock,
        Arc::new(Silent),
        CancellationToken::new(),
    )
    .await
    .unwrap();
    engine.options.workers = workers;
    engine
}
