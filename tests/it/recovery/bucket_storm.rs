//! M10, M14: backups, WAL, audits, verifications, restores and a drill over S3 while the network
//! throttles, cuts, resets, loses answers and trickles at random. What comes of it is right, or an
//! error that says that the store is out of reach: never a wrong backup, never a report of damage.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value;
use tidegate::clock::SystemClock;
use tidegate::postgres::private::{Ephemeral, PrivateServer, Search, discover};
use tidegate::recovery::{BackupManifest, Lsn};
use tidegate::service::wal::{Receiver, ReceiverOptions};
use tidegate::storage::{Location, Repository, SealKey};

use super::bucket_restore::{SUM, options, tidegate};
use super::engines::tablespaces::ask;
use super::stage::{KEY, ROWS, Shelf, run, value};
use super::wal::{holds, primary, target};
use crate::bucket::network::{Hit, Network};
use crate::bucket::server::Bucket;

/// Of a hundred requests so many are hit.
const PERCENT: u64 = 35;
/// How often something is tried that the network may make fail.
const TRIES: usize = 6;

/// Seeds: the first one, and how many.
fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse().ok());
    let first = number("TIDEGATE_TEST_SEED").unwrap_or(0);
    first..first + number("TIDEGATE_S3_ROUNDS").unwrap_or(1)
}

fn repository(port: u16) -> Repository {
    let location: Location = "s3://backups/shop".parse().unwrap();
    let key = SealKey::parse(&KEY.to_owned().into()).unwrap();
    Repository::open(&location, options(port), key).unwrap()
}

/// Runs a command through the storm until it ends well; else it may only say that the store is out
/// of reach.
fn through(shelf: &Shelf, network: &Network, args: &[&str]) -> Value {
    for _ in 0..TRIES {
        let json = [args, &["--format", "json"]].concat();
        let outcome = tidegate(shelf, network.port, &json).run();
        match outcome.code() {
            Some(0) => return outcome.json()["data"].take(),
            Some(7) => assert_eq!(outcome.error()["code"], "TG0830", "{args:?}"),
            code => panic!(
                "{args:?} ended with {code:?}: {}{}",
                outcome.stdout, outcome.stderr
            ),
        }
    }
    panic!("{args:?} failed {TRIES} times; hits: {:?}", network.hits());
}

/// In clear weather every manifest names parts that are there, whole and right.
fn all_right(shelf: &Shelf, bucket: &Bucket) {
    let list = tidegate(shelf, bucket.port, &["backup", "list"]).data();
    if !list["backups"].as_array().unwrap().is_empty() {
        tidegate(shelf, bucket.port, &["backup", "verify"]).ok();
    }
}

async fn receiver(server: &Ephemeral, shelf: &Shelf, network: &Network) -> Receiver {
    let options = ReceiverOptions {
        target: target(&server.url("postgres")).await,
        binaries: discover(&Search::default()).await.unwrap(),
        repository: repository(network.port),
        spool: shelf.temp().join("spool"),
        slot: "storm".to_owned(),
        synchronous: false,
        clock: Arc::new(SystemClock::default()),
    };
    Receiver::start(&options).await.unwrap()
}

/// A round with a server of its own; the faults that it met.
async fn round(seed: u64) -> BTreeMap<&'static str, usize> {
    let (server, shelf, bucket) = (primary(&[]).await, Shelf::new(), Bucket::start().await);
    let network = Network::storm(bucket.port, seed, PERCENT);
    run(&server, ROWS).await;
    let receiver = receiver(&server, &shelf, &network).await;
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let made = through(&shelf, &network, &create);
    all_right(&shelf, &bucket);
    for _ in 0..3 {
        run(
            &server,
            "insert into load select id + 100000, text from load where id <= 500 on conflict do nothing; \
             update load set text = text || 'x' where id % 7 = 0; select pg_switch_wal()",
        )
        .await;
    }
    run(&server, "delete from load where id % 11 = 0").await;
    let sent = "select coalesce(bool_and(write_lsn >= pg_current_wal_lsn()), false)::text from pg_stat_replication where application_name = 'storm'";
    holds(&server, sent).await;
    let end = value(&server, "select pg_current_wal_flush_lsn()::text").await;
    let wanted = value(&server, SUM).await;
    server.lose(|| ()).await.unwrap();
    receiver.stopped().await;
    // What it has is in its spool; the network may take several receivers to get it out.
    receiver.drain().await.unwrap();
    server.stop().await;

    let audit = through(&shelf, &network, &["wal", "audit", "--deep"]);
    let reach = audit["backups"].as_array().unwrap().last().unwrap();
    let to: Lsn = reach["to"].as_str().unwrap().parse().unwrap();
    assert!(to >= end.parse().unwrap(), "{to} of {end}: {audit:#}");
    through(&shelf, &network, &["backup", "verify"]);
    let to = shelf.path().with_file_name("back");
    let to = to.to_str().unwrap();
    let back = through(&shelf, &network, &["restore", "--to", to, "--keep-running"]);
    assert_eq!(back["backup"], made["id"], "{back:#}");
    assert_eq!(ask(back["url"].as_str().unwrap(), SUM).await, wanted);
    let server = PrivateServer::open(Path::new(to)).unwrap();
    server.stop().await.unwrap();
    if seed.is_multiple_of(2) {
        let drill = ["drill", "run", "--controls", "1"];
        let drill = through(&shelf, &network, &drill);
        assert_eq!(drill["verdict"], "passed", "{drill:#}");
        assert_eq!(drill["source"]["backup"], made["id"]);
    }
    all_right(&shelf, &bucket);
    network.hits()
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_storm_makes_no_wrong_backup_in_a_bucket() {
    let mut all = BTreeMap::new();
    for seed in seeds() {
        eprintln!("seed {seed}");
        for (name, count) in round(seed).await {
            *all.entry(name).or_insert(0) += count;
        }
    }
    eprintln!("{all:?}");
    assert!(all.len() >= 6, "too few kinds of faults: {all:?}");
}

/// The manifest goes up last, and the signs of life are removed after it: with neither, `expire`
/// would take the files of an engine that keeps its own for those of a create that was killed.
#[tokio::test(flavor = "multi_thread")]
async fn the_manifest_is_there_before_the_signs_of_life_go() {
    let (server, shelf, bucket) = (
        super::stage::server().await,
        Shelf::new(),
        Bucket::start().await,
    );
    let network = Network::with(bucket.port, |_, _| None);
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let made = tidegate(&shelf, network.port, &create).data();
    server.stop().await;
    let id = made["id"].as_str().unwrap();
    let requests = network.requests();
    let place = |method: &str, inside: &str| {
        let begin = format!(
            "{method} /backups/shop/{}/{inside}",
            BackupManifest::folder(id)
        );
        let place = requests.iter().position(|line| line.starts_with(&begin));
        place.unwrap_or_else(|| panic!("no {begin} in {requests:#?}"))
    };
    let name = BackupManifest::name(id);
    let manifest = name.rsplit('/').next().unwrap();
    let written = place("PUT", manifest);
    assert!(
        place("PUT", "alive/") < place("PUT", "data/"),
        "{requests:#?}"
    );
    assert!(place("PUT", "data/") < written, "{requests:#?}");
    assert!(written < place("DELETE", "alive/"), "{requests:#?}");
}

/// A bucket that lets nothing be removed, as with an object lock or a role without that right.
#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_keeps_everything_is_backed_up_to_and_expire_says_so() {
    let (server, shelf, bucket) = (primary(&[]).await, Shelf::new(), Bucket::start().await);
    let network = Network::with(bucket.port, |_, line| {
        line.starts_with("DELETE").then_some(Hit::Refuse)
    });
    let receiver = receiver(&server, &shelf, &network).await;
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let first = tidegate(&shelf, network.port, &create).data();
    // Pieces of segments that become whole cannot go, and that stops no WAL.
    for number in 0..3 {
        let row = format!("insert into t values ({number}, 'x')");
        run(&server, &row).await;
        tokio::time::sleep(std::time::Duration::from_millis(1200)).await;
        run(&server, "select pg_switch_wal()").await;
    }
    assert_eq!(receiver.trouble(), None);
    let second = tidegate(&shelf, network.port, &create).data();
    receiver.drain().await.unwrap();
    server.stop().await;
    let before = repository(bucket.port).list("").await.unwrap();
    assert!(
        before.iter().any(|(name, _)| name.contains(".partial/")),
        "{before:#?}"
    );
    let expire = ["backup", "expire", "--keep-count", "1", "--format", "json"];
    let error = tidegate(&shelf, network.port, &expire).exits(4).error();
    assert_eq!(error["code"], "TG0834", "{error:#}");
    assert!(
        error.to_string().contains(first["id"].as_str().unwrap()),
        "{error:#}"
    );
    assert_eq!(repository(bucket.port).list("").await.unwrap(), before);
    // The lock has ended.
    let done = tidegate(&shelf, bucket.port, &expire).exits(0).json()["data"].take();
    assert_eq!(done["expired"][0]["id"], first["id"], "{done:#}");
    assert_eq!(done["kept"][0]["id"], second["id"], "{done:#}");
    tidegate(&shelf, bucket.port, &["backup", "verify"]).ok();
    tidegate(&shelf, bucket.port, &["wal", "audit", "--deep"]).ok();
}

/// A lock on one of several backups: its retention ends later than those of the others.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_locked_stays_whole_and_the_others_go() {
    let (server, shelf, bucket) = (primary(&[]).await, Shelf::new(), Bucket::start().await);
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let ids = [(); 4].map(|()| tidegate(&shelf, bucket.port, &create).data()["id"].take());
    let [first, locked, third, last] = ids.map(|id| id.as_str().unwrap().to_owned());
    server.stop().await;
    let folder = BackupManifest::folder(&locked);
    let network = Network::with(bucket.port, move |_, line| {
        (line.starts_with("DELETE") && line.contains(&folder)).then_some(Hit::Refuse)
    });
    let expire = ["backup", "expire", "--keep-count", "1", "--format", "json"];
    let error = tidegate(&shelf, network.port, &expire).exits(4).error();
    assert_eq!(error["code"], "TG0834", "{error:#}");
    let text = error.to_string();
    assert!(text.contains(&locked), "{text}");
    assert!(!text.contains(&first) && !text.contains(&third), "{text}");
    let left = tidegate(&shelf, bucket.port, &["backup", "list"]).data();
    let left: Vec<&str> = left["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|backup| backup["id"].as_str().unwrap())
        .collect();
    assert_eq!(left, [&locked, &last]);
    tidegate(&shelf, bucket.port, &["backup", "verify"]).ok();
    tidegate(&shelf, bucket.port, &["wal", "audit"]).ok();
}
