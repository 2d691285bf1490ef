//! A server with a full source, the raw pipe that copies are measured against, and the engine.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "part of benchmarks"
)]

#[path = "server.rs"]
mod server;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

pub(crate) use server::psql;
use server::start;
use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::job::Silent;
use tidegate::postgres::private::{Ephemeral, Running};
use tidegate::service::copy::Engine;
use tokio_util::sync::CancellationToken;

/// Twelve columns, about 300 bytes a row.
const TABLE: &str = "create table people (id bigint, email text, full_name text, phone text, address text,
    city text, zip text, born date, created timestamptz, balance numeric(12,2), notes text, ref uuid)";

const FILL: &str = "insert into people select i, 'user' || i || '@example.com', 'Given' || i || ' Family' || i % 977,
    '+4930' || lpad(i::text, 8, '0'), i || ' Long Street Name', 'City ' || i % 500, lpad((i % 99999)::text, 5, '0'),
    '1950-01-01'::date + (i % 20000)::int, '2020-01-01'::timestamptz + i * interval '1 s', (i % 100000) / 7.0,
    repeat(md5(i::text), 4), gen_random_uuid() from generate_series(1, $ROWS::bigint) i";

/// A server whose database `source` holds the table.
pub(crate) async fn full_server(rows: u64) -> Ephemeral {
    let server = start(&[("max_wal_size", "8GB")]).await;
    server.ensure_database("source").await.unwrap();
    psql(&server, "source", TABLE);
    psql(&server, "source", &FILL.replace("$ROWS", &rows.to_string()));
    psql(&server, "source", "vacuum (freeze, analyze) people");
    server
}

/// Two `psql` and a pipe.
pub(crate) async fn raw(server: &Running) -> f64 {
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

pub(crate) async fn engine(server: &Running, folder: &Path, workers: usize) -> Engine {
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
