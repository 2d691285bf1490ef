//! Compares the load of a copy with a raw pipe of the same table, `psql COPY binary | psql COPY
//! binary`, in the same run on the same server. `cargo bench --bench copy [ROWS]` prints a line a
//! round.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a runner of its own"
)]

#[path = "raw_pipe.rs"]
mod raw_pipe;
#[path = "../tests/it/copy/rules.rs"]
mod rules;

use raw_pipe::{engine, full_server, psql, raw};
use tidegate::masking::Mask;
use tidegate::postgres::private::Running;

const ROUNDS: usize = 5;

#[tokio::main]
async fn main() {
    let rows: u64 = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(1_000_000);
    let server = full_server(rows).await;
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
