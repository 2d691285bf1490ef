//! Compares the gate of a copy with the load and with a raw pipe of the same table, in the same run
//! on the same server. `cargo bench --bench gate [ROWS]` prints a line a round and what each check
//! says.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a runner of its own"
)]

#[path = "cpu.rs"]
mod cpu;
#[path = "raw_pipe.rs"]
mod raw_pipe;
#[path = "../tests/it/copy/rules.rs"]
mod rules;

use std::sync::Arc;
use std::time::Instant;

use raw_pipe::{engine, full_server, psql, raw};
use tidegate::catalog::Catalog;
use tidegate::clock::SystemClock;
use tidegate::control::copy as ledger;
use tidegate::job::Silent;
use tidegate::masking::{Class, MaskPlan, Shape, default_rule};
use tidegate::postgres::Session;
use tidegate::postgres::private::Running;
use tidegate::service::copy::GateReport;
use tidegate::service::copy::gate::{self, Subject};
use tidegate::service::diff::Watch;
use tokio_util::sync::CancellationToken;

const ROUNDS: usize = 3;

const MASKED: [(&str, Class); 6] = [
    ("email", Class::Email),
    ("full_name", Class::PersonName),
    ("phone", Class::Phone),
    ("address", Class::Address),
    ("city", Class::City),
    ("zip", Class::PostalCode),
];

#[tokio::main]
async fn main() {
    let rows: u64 = std::env::args()
        .filter_map(|argument| argument.parse().ok())
        .next()
        .unwrap_or(300_000);
    let server = full_server(rows).await;
    for round in 1..=ROUNDS {
        let raw = raw(&server).await;
        let (load, gate, report) = load_and_gate(&server).await;
        let (wall, cpu) = (|one: &Cost| one.wall, |one: &Cost| one.cpu);
        println!(
            "round {round}: raw {raw:.2} s; load {:.2}x; gate {:.2} s = {:.2}x of raw, {:.2}x of the load; \
             CPU of the copy without its gate {:.2} s, of the gate {:.2} s = {:.2}x",
            wall(&load) / raw,
            wall(&gate),
            wall(&gate) / raw,
            wall(&gate) / wall(&load),
            cpu(&load),
            cpu(&gate),
            cpu(&gate) / cpu(&load)
        );
        for check in &report.checks {
            println!("  {:<16} {} {}", check.name, check.passed, check.detail);
        }
    }
    server.stop().await;
}

/// The masks of their classes; everything else is kept.
fn masks(catalog: &Catalog) -> MaskPlan {
    let mut plan = rules::masks(catalog, &[]);
    for column in plan.tables.iter_mut().flat_map(|table| &mut table.columns) {
        let known = MASKED
            .iter()
            .find(|(name, _)| *name == column.column.as_str());
        if let Some((_, class)) = known {
            column.rule = default_rule(*class, Shape::Text);
            column.class = Some(*class);
        }
    }
    plan
}

/// Seconds.
struct Cost {
    wall: f64,
    /// Of this process and of the server's.
    cpu: f64,
}

/// CPU seconds of this process and of the server's processes, with those that ended.
fn cpu_seconds(server: &Running) -> f64 {
    cpu::cpu_seconds(u32::try_from(server.pid).unwrap(), &[std::process::id()])
}

/// The load, and the gate after it; CPU of the load is that of the whole copy without its gate.
async fn load_and_gate(server: &Running) -> (Cost, Cost, GateReport) {
    let before = cpu_seconds(server);
    let folder = tempfile::tempdir().unwrap();
    let opened = engine(server, folder.path(), 2).await.open().await.unwrap();
    let plan = masks(&opened.gathered.catalog);
    let outcome = opened.run(&plan, &rules::key()).await.unwrap();
    let copied = cpu_seconds(server) - before;
    let engine = engine(server, folder.path(), 2).await;
    let gathered = engine.survey().await.unwrap();
    let copy = engine.target.at_database(&outcome.database);
    let holder = Session::connect(&engine.source, "bench").await.unwrap();
    let begin = "begin transaction isolation level repeatable read, read only";
    holder.batch_execute(begin).await.unwrap();
    let export = "select pg_catalog.pg_export_snapshot()";
    let snapshot: String = holder.query_one(export, &[]).await.unwrap().get(0);
    let session = Session::connect(&copy, "bench").await.unwrap();
    let key = rules::key();
    let subject = Subject {
        source: &engine.source,
        snapshot: &snapshot,
        copy: &copy,
        catalog: &gathered.catalog,
        plan: &engine.plan(&gathered, &plan, &key).unwrap(),
        masks: &plan,
        key: &key,
        selection: None,
        sums: &ledger::sums(&*session).await.unwrap(),
    };
    let watch = Watch {
        clock: Arc::new(SystemClock::default()),
        events: Arc::new(Silent),
        cancel: CancellationToken::new(),
    };
    let (began, before) = (Instant::now(), cpu_seconds(server));
    let report = gate::run(&subject, &watch).await.unwrap();
    let gate = Cost {
        wall: began.elapsed().as_secs_f64(),
        cpu: cpu_seconds(server) - before,
    };
    drop((session, holder));
    let drop_copy = format!("drop database {} with (force)", outcome.database);
    psql(server, "postgres", &drop_copy);
    let load = Cost {
        wall: outcome.load_seconds,
        // The run had a gate of its own.
        cpu: copied - gate.cpu,
    };
    (load, gate, report)
}
