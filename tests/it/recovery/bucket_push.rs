//! What an archiver asks of a bucket for each segment: it pays for every request, and waits for it.

use std::path::{Path, PathBuf};

use tidegate::postgres::private::Ephemeral;

use super::bucket_restore::tidegate;
use super::stage::{KEY, OTHER_KEY, Shelf, run, server, value};
use crate::bucket::network::Network;
use crate::bucket::server::Bucket;

/// A segment that is whole, where the server has it.
async fn segment(server: &Ephemeral) -> PathBuf {
    run(server, "select pg_create_restore_point('here')").await;
    let name = value(server, "select pg_walfile_name(pg_switch_wal())").await;
    let data = value(server, "show data_directory").await;
    Path::new(&data).join("pg_wal").join(name)
}

/// Listings among the requests that `act` makes.
fn listings(network: &Network, act: impl FnOnce()) -> Vec<String> {
    let before = network.requests().len();
    act();
    let made = network.requests().split_off(before);
    assert!(!made.is_empty());
    made.into_iter()
        .filter(|line| line.starts_with("GET") && line.contains("list-type="))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_segment_is_pushed_and_fetched_without_a_listing_before_and_after_a_rotation() {
    let (server, shelf, bucket) = (server().await, Shelf::new(), Bucket::start().await);
    let network = Network::with(bucket.port, |_, _| None);
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    tidegate(&shelf, bucket.port, &create).data();
    let file = segment(&server).await;
    let push = ["wal", "push", file.to_str().unwrap()];
    let pushed = listings(&network, || {
        tidegate(&shelf, network.port, &push).ok();
    });
    assert_eq!(pushed, [""; 0]);

    let rotate = tidegate(&shelf, bucket.port, &["backup", "rotate-key"]);
    let rotate = rotate.env("TIDEGATE_OLD_SEAL_KEY", KEY);
    rotate.env("TIDEGATE_SEAL_KEY", OTHER_KEY).data();
    let to = shelf.temp().join("back");
    let name = file.file_name().unwrap().to_str().unwrap();
    let fetch = ["wal", "fetch", name, to.to_str().unwrap()];
    let fetched = listings(&network, || {
        let fetch = tidegate(&shelf, network.port, &fetch);
        fetch.env("TIDEGATE_SEAL_KEY", OTHER_KEY).ok();
    });
    assert_eq!(fetched, [""; 0]);
    assert_eq!(std::fs::read(&to).unwrap(), std::fs::read(&file).unwrap());
    let envelope = |line: &String| line.contains("/keys/");
    assert!(network.requests().iter().any(envelope));
    let file = segment(&server).await;
    let push = ["wal", "push", file.to_str().unwrap()];
    let pushed = listings(&network, || {
        let push = tidegate(&shelf, network.port, &push);
        push.env("TIDEGATE_SEAL_KEY", OTHER_KEY).ok();
    });
    assert_eq!(pushed, [""; 0]);
    server.stop().await;
}
