//! A backup in a bucket comes back through a network that cuts connections: the rest of a part that
//! did not come to its end is asked for.

use tidegate::postgres::private::PrivateServer;

use super::engines::tablespaces::ask;
use super::stage::{KEY, ROWS, Shelf, run, server, value};
use crate::bucket::network::{Fault, Network};
use crate::bucket::server::{ACCESS_KEY, Bucket, SECRET_KEY};
use crate::support::Cli;

pub(super) const SUM: &str =
    "select count(*) || '/' || md5(string_agg(text, '' order by id)) from load";

/// How the bucket behind `port` is reached.
pub(super) fn options(port: u16) -> Vec<(String, String)> {
    [
        ("aws_endpoint", format!("http://127.0.0.1:{port}")),
        ("aws_allow_http", "true".to_owned()),
        ("aws_region", "eu-west-1".to_owned()),
        ("aws_access_key_id", ACCESS_KEY.to_owned()),
        ("aws_secret_access_key", SECRET_KEY.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// `tidegate ...` with a repository in the bucket behind `port`.
pub(super) fn tidegate(shelf: &Shelf, port: u16, args: &[&str]) -> Cli {
    let cli = Cli::new(args.iter().copied())
        .args(["--repository", "s3://backups/shop"])
        .env("TIDEGATE_SEAL_KEY", KEY)
        .env("TMPDIR", shelf.temp());
    let options = options(port).into_iter();
    options.fold(cli, |cli, (name, value)| {
        cli.env(&name.to_uppercase(), value)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_backup_in_a_bucket_comes_back_through_a_bad_network() {
    let (server, shelf, bucket) = (server().await, Shelf::new(), Bucket::start().await);
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let made = tidegate(&shelf, bucket.port, &create).data();
    assert!(made["parts"].as_u64().unwrap() >= 2, "{made:#}");
    let wanted = value(&server, SUM).await;
    server.stop().await;
    let faults = [
        Fault::Throttle(3),
        Fault::CutAnswer(3, 40),
        // In the middle of a part.
        Fault::CutAnswer(3, 300_000),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        let network = Network::before(bucket.port, fault);
        let to = shelf.path().with_file_name(format!("back-{number}"));
        let to = to.to_str().unwrap();
        let restore = ["restore", "--to", to, "--keep-running"];
        let back = tidegate(&shelf, network.port, &restore).data();
        assert_eq!(ask(back["url"].as_str().unwrap(), SUM).await, wanted);
        assert!(network.faults() > 0, "{fault:?}");
        let server = PrivateServer::open(std::path::Path::new(to)).unwrap();
        server.stop().await.unwrap();
    }
}
