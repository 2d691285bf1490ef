//! M14, M16: a copy in S3, written and read through a network that throttles and cuts.

use super::archive::{SEAL_KEY, Stop, tidegate, write_policy};
use super::stage::Stage;
use crate::bucket::network::{Fault, Network};
use crate::bucket::server::{ACCESS_KEY, Bucket, SECRET_KEY};
use crate::support::Cli;

fn through(network: &Network, command: Cli) -> Cli {
    let endpoint = format!("http://127.0.0.1:{}", network.port);
    command
        .env("AWS_ENDPOINT", endpoint)
        .env("AWS_ALLOW_HTTP", "true")
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_a_copy_in_s3_survives_a_bad_network() {
    let bucket = Bucket::start().await;
    let stage = Stage::new(
        "create table users (id int primary key, email text unique, motto text not null); \
         insert into users select g, 'person' || g || '@real-mail.test', 'motto that is kept ' || g from generate_series(1, 3000) g",
    );
    let _stop = Stop(&stage);
    write_policy(&stage);
    for (run, fault) in [
        Fault::Throttle(3),
        Fault::CutRequest(3, 700),
        Fault::CutAnswer(3, 40),
    ]
    .into_iter()
    .enumerate()
    {
        let network = Network::before(bucket.port, fault);
        let place = format!("s3://backups/copies-{run}");
        let write = [
            "copy",
            "run",
            "--from",
            "production",
            "--to",
            &place,
            "--region",
            "eu",
        ];
        let data = through(&network, tidegate(&stage, &write, SEAL_KEY)).data();
        assert_eq!(data["rows"], 3000, "{fault:?}");
        let load = [
            "copy",
            "run",
            "--from",
            &place,
            "--to",
            "staging",
            "--promote",
        ];
        let data = through(&network, tidegate(&stage, &load, SEAL_KEY)).data();
        assert_eq!(data["promoted"], true, "{fault:?}");
        let rows = "select count(*) || ' ' || count(distinct email) || ' ' || sum(id) from users \
                    where motto = 'motto that is kept ' || id and email not like '%real-mail%'";
        assert_eq!(stage.rows(rows).await, ["3000 3000 4501500"], "{fault:?}");
        assert!(network.faults() > 0, "{fault:?}");
    }
}
