//! A worker is cut off from the network in the middle of a range, and then killed.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tidegate::clock::SystemClock;
use tidegate::config::{Config, Overrides};
use tidegate::dispatch::Queue;
use tidegate::job::Silent;
use tidegate::service::copy::{Engine, Outcome};
use tidegate::service::masking;
use tokio_util::sync::CancellationToken;

use super::network::Network;
use super::{eventually, project};
use crate::support::{Project, Running};

/// 20 MB in 300 ranges.
const SCHEMA: &str = "
create table users (id int primary key, email text unique, filling text);
create table cold (id int primary key, filling text);
insert into users select i, 'user' || i || '@example.org', repeat('x', 400) from generate_series(1, 20000) i;
insert into cold select i, repeat('y', 400) from generate_series(1, 25000) i;";

/// What a range holds.
const RANGE: u64 = 64 << 10;

const DONE: &str = "select count(*) from tidegate_copy.chunk where state = 'done'";

fn worker(site: &Site, client: usize) -> Running {
    site.clients[client]
        .tidegate(["worker", "--heartbeat", "1s"])
        .in_network(&site.network.namespace(client))
        .spawn()
}

/// The coordinator, with smaller ranges than the command line's.
async fn coordinate(file: PathBuf) -> tidegate::Result<Outcome> {
    let config = Config::load(&Overrides {
        file: Some(file),
        ..Overrides::default()
    })?;
    let ends = (
        config.environment(Some("origin"))?,
        config.environment(Some("staging"))?,
    );
    let (clock, events) = (Arc::new(SystemClock::default()), Arc::new(Silent));
    let mut engine =
        Engine::between(&config, ends, clock, events, CancellationToken::new()).await?;
    engine.options.chunk_bytes = RANGE;
    engine.options.promote = true;
    let control = config.control_target(None).await?;
    engine.options.helpers = Some(Arc::new(Queue::open(&control).await?));
    let opened = engine.open().await?;
    let (masks, key) = masking::load(&config, "staging", &opened.gathered.catalog).await?;
    opened.run(&masks, &key).await
}

/// The sessions of a client in the database that is being built.
fn sessions(network: &Network, copy: &str, client: usize) -> i64 {
    network.number(
        "postgres",
        &format!(
            "select count(*) from pg_stat_activity where datname = '{copy}' \
             and client_addr = '{}' and xact_start is not null",
            Network::address(client)
        ),
    )
}

fn loaded_by(network: &Network, copy: &str, pid: u32) -> i64 {
    network.number(copy, &format!("{DONE} and worker like '%process {pid}'"))
}

fn same_rows(network: &Network) {
    for sql in [
        "select count(*), count(distinct id), sum(id), md5(string_agg(filling, ';' order by id)) from users",
        "select count(*), count(distinct id), md5(string_agg(c::text, ';' order by id)) from cold c",
        "select count(distinct email) from users",
    ] {
        assert_eq!(
            network.rows("staging", sql),
            network.rows("origin", sql),
            "{sql}"
        );
    }
    let raw = "select count(*) from users where email like 'user%@example.org'";
    assert_eq!(network.rows("staging", raw), ["0"]);
}

/// Databases, a coordinator at work, and the project of each client.
struct Site {
    network: Network,
    coordinator: tokio::task::JoinHandle<tidegate::Result<Outcome>>,
    clients: Vec<Project>,
    _main: Project,
}

impl Site {
    fn new(clients: usize) -> Option<Self> {
        let network = Network::new(clients)?;
        for database in ["origin", "control"] {
            network.rows("postgres", &format!("create database {database}"));
        }
        network.rows("origin", SCHEMA);
        let here = |database: &str| network.socket_url(database);
        let main = project(&here("origin"), &here("staging"), &here("control"), "");
        let there = |client| {
            let url = |database| Network::url(client, database);
            project(&url("origin"), &url("staging"), &url("control"), "")
        };
        let coordinator = tokio::spawn(coordinate(main.path().join("tidegate.toml")));
        Some(Self {
            network,
            coordinator,
            clients: (0..clients).map(there).collect(),
            _main: main,
        })
    }

    /// The database that is being built.
    fn copy(&self) -> String {
        let mut copy = String::new();
        eventually("the database that is built", || {
            let sql = "select datname from pg_database where datname like 'staging_tidegate%'";
            copy = self.network.rows("postgres", sql).pop().unwrap_or_default();
            !copy.is_empty()
        });
        copy
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_a_worker_that_is_cut_off_and_killed_loses_nothing_and_doubles_nothing() {
    let Some(site) = Site::new(2) else {
        return;
    };
    let network = &site.network;
    let (cut, other) = (worker(&site, 0), worker(&site, 1));
    let copy = site.copy();
    eventually("both workers at work", || {
        loaded_by(network, &copy, cut.pid()) > 3 && loaded_by(network, &copy, other.pid()) > 3
    });
    network.cut(0);
    let begun = Instant::now();
    assert!(sessions(network, &copy, 0) > 0, "it holds a lease");
    let kept = loaded_by(network, &copy, cut.pid());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(loaded_by(network, &copy, cut.pid()), kept, "it is cut off");
    let pid = cut.pid();
    cut.kill();
    assert!(
        sessions(network, &copy, 0) > 0,
        "the server does not know that it is gone"
    );
    assert!(
        network.number(
            &copy,
            "select count(*) from tidegate_copy.chunk where state <> 'done'"
        ) > 0
    );
    eventually("its lease to end", || sessions(network, &copy, 0) == 0);
    let freed = begun.elapsed();
    assert!(freed < Duration::from_secs(45), "{freed:?}");
    let outcome = site.coordinator.await.unwrap().unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert!(outcome.promoted);
    eprintln!(
        "lease of the worker cut off ended after {freed:?}; ranges {:?}",
        outcome.workers
    );
    // Nobody else took part, and what the dead worker had recorded stands.
    let by = |pid: u32| {
        let name = format!("process {pid}");
        let found = outcome
            .workers
            .iter()
            .find(|(worker, _)| worker.ends_with(&name));
        found.map_or(0, |(_, ranges)| *ranges)
    };
    assert_eq!(outcome.workers.len(), 2, "{:?}", outcome.workers);
    assert_eq!(i64::try_from(by(pid)).unwrap(), kept);
    assert!(by(other.pid()) > by(pid));
    same_rows(network);
    other.interrupt();
    assert_eq!(other.wait().code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn m18_a_worker_that_was_cut_off_for_a_while_comes_back() {
    let Some(site) = Site::new(1) else {
        return;
    };
    let network = &site.network;
    let worker = worker(&site, 0);
    let copy = site.copy();
    eventually("the worker at work", || {
        loaded_by(network, &copy, worker.pid()) > 3
    });
    network.cut(0);
    eventually("its lease to end", || sessions(network, &copy, 0) == 0);
    network.mend(0);
    // By now the coordinator may have begun to load, too.
    let outcome = site.coordinator.await.unwrap().unwrap();
    assert!(
        outcome.gate.passed && outcome.promoted,
        "{:?}",
        outcome.gate
    );
    eprintln!("ranges {:?}", outcome.workers);
    same_rows(network);
    let orders = "select count(*) from tidegate_queue.jobs";
    eventually("its order to be over", || {
        network.number("control", orders) == 0
    });
    worker.interrupt();
    assert_eq!(worker.wait().code(), Some(0));
}
