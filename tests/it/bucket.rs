//! M14, M16: sealed files in an object store that speaks S3, through a network that throttles, drops
//! connections and cuts requests and answers: what was written is whole, or it is not there.

pub(crate) mod network;
pub(crate) mod server;

use bytes::Bytes;
use tidegate::error::Kind;
use tidegate::storage::{Location, Store};

use self::network::{Fault, Network};
use self::server::{ACCESS_KEY, Bucket, SECRET_KEY};

const FAULTS: [Fault; 4] = [
    Fault::Throttle(3),
    Fault::CutRequest(3, 700),
    Fault::CutRequest(4, 200_000),
    Fault::CutAnswer(3, 40),
];

fn store(port: u16, prefix: &str) -> Store {
    let location: Location = format!("s3://backups/{prefix}").parse().unwrap();
    let options = [
        ("aws_endpoint", format!("http://127.0.0.1:{port}")),
        ("aws_allow_http", "true".to_owned()),
        ("aws_region", "eu-west-1".to_owned()),
        ("aws_access_key_id", ACCESS_KEY.to_owned()),
        ("aws_secret_access_key", SECRET_KEY.to_owned()),
    ];
    let options = options.map(|(name, value)| (name.to_owned(), value)).into();
    Store::open(&location, options).unwrap()
}

/// Bytes that tell of which file they are, and of which place in it.
fn content(number: usize, length: usize) -> Bytes {
    (0..length)
        .map(|at| u8::try_from((at * 31 + number * 7 + at / 256) % 251).unwrap())
        .collect::<Vec<u8>>()
        .into()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_through_a_bad_network_is_whole() {
    let bucket = Bucket::start().await;
    for (run, fault) in FAULTS.into_iter().enumerate() {
        let network = Network::before(bucket.port, fault);
        let store = store(network.port, &format!("run-{run}"));
        for number in 0..12 {
            let name = format!("data/{number}");
            let bytes = content(number, 1 + number * 40_000);
            store.create(&name, bytes.clone()).await.unwrap();
            assert_eq!(store.read(&name).await.unwrap(), bytes, "{fault:?} {name}");
        }
        let again = store.create("data/3", content(99, 10)).await.unwrap_err();
        assert_eq!(again.kind(), Kind::StorageExists, "{fault:?}");
        assert_eq!(store.read("data/3").await.unwrap(), content(3, 120_001));
        let mut listed = store.list("data").await.unwrap();
        listed.sort();
        assert_eq!(listed.len(), 12, "{fault:?}");
        store.remove("data/11").await.unwrap();
        assert!(!store.exists("data/11").await.unwrap());
        assert!(network.faults() > 3, "{fault:?}: {}", network.faults());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_out_of_reach() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = store(port, "x").read("a").await.unwrap_err();
    assert_eq!(error.kind(), Kind::Storage);
}
