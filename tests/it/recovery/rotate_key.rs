//! M10: the key that seals is changed, and the old one is needed no more.

use tidegate::postgres::private::PrivateServer;

use super::engines::tablespaces::ask;
use super::stage::{KEY, OTHER_KEY, ROWS, Shelf, run, server, value};
use crate::support::Cli;

const SUM: &str = "select count(*) || '/' || md5(string_agg(text, '' order by id)) from load";

#[tokio::test(flavor = "multi_thread")]
async fn m10_after_a_rotation_everything_opens_with_the_new_key_alone() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url];
    let first = shelf.backup(&create).data()["id"].clone();
    let with_new =
        |args: &[&str]| -> Cli { shelf.backup(args).env("TIDEGATE_SEAL_KEY", OTHER_KEY) };

    let verify = with_new(&["verify", "--format", "json"]);
    assert_eq!(verify.exits(2).error()["code"], "TG0832");
    // Not by whoever does not have the old one.
    let strange = with_new(&["rotate-key", "--format", "json"]);
    strange
        .env("TIDEGATE_OLD_SEAL_KEY", OTHER_KEY.replace("9f1d", "7f1d"))
        .exits(2);
    let rotate = || with_new(&["rotate-key"]).env("TIDEGATE_OLD_SEAL_KEY", KEY);
    assert_eq!(rotate().data()["former"].as_array().unwrap().len(), 1);
    let file = shelf.temp().join("old");
    std::fs::write(&file, KEY).unwrap();
    let by_file = ["rotate-key", "--old-key-file", file.to_str().unwrap()];
    with_new(&by_file).data();

    run(
        &server,
        "insert into load values (1000000, 'under the new key')",
    )
    .await;
    let second = with_new(&create).data()["id"].clone();
    let wanted = value(&server, SUM).await;
    server.stop().await;
    with_new(&["verify"]).ok();
    let restored = async |id: &serde_json::Value| {
        let to = shelf.temp().join(id.as_str().unwrap());
        let location = format!("file:{}", shelf.path().display());
        let args = ["restore", "--keep-running", "--repository", &location];
        let restore = Cli::new(args.iter().copied())
            .args([
                "--backup",
                id.as_str().unwrap(),
                "--to",
                to.to_str().unwrap(),
            ])
            .env("TIDEGATE_SEAL_KEY", OTHER_KEY)
            .env("TMPDIR", shelf.temp());
        let sum = ask(restore.data()["url"].as_str().unwrap(), SUM).await;
        PrivateServer::open(&to).unwrap().stop().await.unwrap();
        sum
    };
    assert_eq!(restored(&second).await, wanted);
    assert_ne!(restored(&first).await, wanted);
    // The old key alone opens nothing that is new.
    let old = shelf.backup(&["verify", "--format", "json"]);
    assert_eq!(old.exits(2).error()["code"], "TG0832");
}
