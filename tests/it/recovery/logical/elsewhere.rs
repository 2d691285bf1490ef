//! Into a server that is another one than the backup's, and out of a store that is far away.

use tidegate::recovery::LogicalManifest;

use super::super::bucket_restore::tidegate;
use super::super::stage::{run, run_at, value_at};
use super::super::standby::{followed, standby};
use super::{SHOP, Shop, digest};
use crate::bucket::network::{Fault, Hit, Network};
use crate::bucket::server::Bucket;

#[tokio::test(flavor = "multi_thread")]
async fn tables_go_to_a_bucket_and_come_back_through_a_bad_network() {
    let (shop, bucket) = (Shop::open(SHOP).await, Bucket::start().await);
    let url = shop.url();
    let tables = [
        "--table",
        "app.users",
        "--table",
        "app.orders",
        "--jobs",
        "2",
    ];
    let create = [
        "backup",
        "create",
        "--engine",
        "logical",
        "--database-url",
        &url,
    ];
    let network = Network::before(bucket.port, Fault::Throttle(3));
    let create = [&create[..], &tables].concat();
    tidegate(&shop.shelf, network.port, &create).ok();
    assert!(network.faults() > 0);
    tidegate(&shop.shelf, bucket.port, &["backup", "verify"]).ok();
    for (number, bytes) in [40, 30_000].into_iter().enumerate() {
        let copy = shop.database(&format!("copy{number}")).await;
        let network = Network::before(bucket.port, Fault::CutAnswer(3, bytes));
        let restore = ["restore", "--engine", "logical", "--database-url", &copy];
        tidegate(&shop.shelf, network.port, &restore).ok();
        assert!(network.faults() > 0, "{bytes}");
        let orders = digest(&url, "app.orders").await;
        assert_eq!(digest(&copy, "app.orders").await, orders);
    }
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn roles_that_are_not_there_are_named_and_can_be_left_out() {
    let shop = Shop::open(SHOP).await;
    let sql = "create role teller; create role auditor; grant all on schema app to teller; \
        grant select on app.users to auditor; alter table app.users owner to teller";
    run_at(&shop.url(), sql).await;
    shop.create_tables(&["app.users"]).ok();
    let copy = shop.database("copy").await;
    shop.restore(&copy, &[]).ok();
    let owner = "select relowner::regrole::text || ' ' || has_table_privilege('auditor', 'app.users', 'select') \
        from pg_class where oid = 'app.users'::regclass";
    assert_eq!(value_at(&copy, owner).await, "teller true");

    for url in [&copy, &shop.url()] {
        run_at(
            url,
            "drop owned by teller, auditor cascade; drop schema app cascade",
        )
        .await;
    }
    run(&shop.server, "drop role teller; drop role auditor").await;
    let told = shop.restore(&copy, &[]).exits(3).stderr;
    assert!(told.contains("role \"teller\" does not exist"), "{told}");
    assert!(told.contains("--no-owner"), "{told}");
    shop.restore(&copy, &["--no-owner"]).ok();
    let owner = "select relowner::regrole::text from pg_class where oid = 'app.users'::regclass";
    assert_eq!(value_at(&copy, owner).await, "postgres");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_server_is_refused() {
    let shop = Shop::open(SHOP).await;
    let created = shop.create_tables(&["app.users"]).data();
    let id = created["id"].as_str().unwrap();
    let (repository, name) = (shop.shelf.repository(), LogicalManifest::name(id));
    let text = repository.get(&name).await.unwrap();
    let mut manifest = LogicalManifest::from_bytes(id, &text).unwrap();
    manifest.postgres = 990_000;
    repository.remove(&name).await.unwrap();
    let text = manifest.to_bytes().unwrap();
    repository.put(&name, text).await.unwrap();
    let copy = shop.database("copy").await;
    let told = shop.restore(&copy, &[]).exits(4).stderr;
    assert!(told.contains("the backup is of 99"), "{told}");
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_are_read_from_a_standby_too() {
    let shop = Shop::open(SHOP).await;
    let folder = tempfile::Builder::new().prefix("tgs-").tempdir_in("/tmp");
    let folder = folder.unwrap();
    let standby = standby(&shop.server, folder.path()).await;
    followed(&shop.server, &standby).await;
    let url = standby.url("shop");
    let create = ["create", "--engine", "logical", "--database-url", &url];
    let tables = [
        "--table",
        "app.users",
        "--table",
        "app.orders",
        "--jobs",
        "2",
    ];
    let create = [&create[..], &tables].concat();
    shop.shelf.backup(&create).ok();
    standby.stop().await;
    let copy = shop.database("copy").await;
    shop.restore(&copy, &[]).ok();
    let orders = digest(&shop.url(), "app.orders").await;
    assert_eq!(digest(&copy, "app.orders").await, orders);
    shop.server.stop().await;
}

/// Rows that a role may not see would be missing without anybody knowing.
#[tokio::test(flavor = "multi_thread")]
async fn rows_that_are_hidden_from_the_role_are_an_error() {
    let shop = Shop::open(SHOP).await;
    let sql = "create role reader login; grant pg_read_all_data to reader; \
        alter table app.users enable row level security; create policy few on app.users using (id < 10)";
    run_at(&shop.url(), sql).await;
    let url = shop.url();
    let (rest, _) = url.rsplit_once("user=").unwrap();
    let url = format!("{rest}user=reader");
    let create = [
        "create",
        "--engine",
        "logical",
        "--table",
        "app.users",
        "--database-url",
        &url,
    ];
    let told = shop.shelf.backup(&create).exits(1).stderr;
    assert!(told.contains("row-level security"), "{told}");
    let folder = shop.shelf.path().join("logical");
    assert_eq!(folder.read_dir().map_or(0, Iterator::count), 0);
    shop.server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_bucket_does_not_let_go_stays_and_the_others_go() {
    let (shop, bucket) = (Shop::open(SHOP).await, Bucket::start().await);
    let url = shop.url();
    let create = [
        "backup",
        "create",
        "--engine",
        "logical",
        "--table",
        "app.users",
    ];
    let create = [&create[..], &["--database-url", &url]].concat();
    let ids: Vec<String> = (0..3)
        .map(|_| tidegate(&shop.shelf, bucket.port, &create).data()["id"].take())
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    let locked = ids[1].clone();
    let network = Network::with(bucket.port, move |_, line| {
        let refused = line.starts_with("DELETE") && line.contains(&locked);
        refused.then_some(Hit::Refuse)
    });
    let expire = ["backup", "expire", "--keep-count", "1", "--format", "json"];
    let error = tidegate(&shop.shelf, network.port, &expire)
        .exits(4)
        .error();
    assert_eq!(error["code"], "TG0834", "{error:#}");
    assert!(error.to_string().contains(&ids[1]), "{error:#}");
    let list = tidegate(&shop.shelf, bucket.port, &["backup", "list"]).data();
    assert_eq!(super::ids(&list["logical"]), [&ids[1], &ids[2]], "{list:#}");
    tidegate(&shop.shelf, bucket.port, &["backup", "verify"]).ok();
    tidegate(&shop.shelf, bucket.port, &expire).ok();
    let list = tidegate(&shop.shelf, bucket.port, &["backup", "list"]).data();
    assert_eq!(super::ids(&list["logical"]), [&ids[2]], "{list:#}");
    shop.server.stop().await;
}
