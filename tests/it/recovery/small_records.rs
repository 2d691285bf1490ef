//! A damaged small record is told of, and stops no command.

use super::stage::{Shelf, run, server};

/// Changes one bit in the middle of every file below a folder; their names.
fn flip_all(shelf: &Shelf, folder: &str) -> Vec<String> {
    let inside = shelf.path().join(folder);
    let files = inside
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let flipped = files.map(|path| {
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        format!("{folder}/{}", path.file_name().unwrap().to_string_lossy())
    });
    flipped.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_turn_proves_nothing_and_a_damaged_point_is_passed_over() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, "create table t (id int primary key)").await;
    let url = server.url("postgres");
    let create = || shelf.backup(&["create", "--database-url", &url]).data();
    create();
    let verify = || shelf.backup(&["verify", "--part", "100%", "--format", "json"]);
    let whole = verify().exits(0).json()["data"]["coverage"].take();
    assert_eq!(whole["proven"], whole["parts"]);
    let turn = flip_all(&shelf, "verified");
    let found = verify().exits(3).json()["data"].take();
    assert_eq!(found["findings"][0]["file"], turn[0].as_str(), "{found:#}");
    assert_eq!(found["coverage"]["proven"], whole["parts"], "by this run");

    let repository = shelf.repository();
    let name = "points/tidegate_before_2.1.0_0007_expand_20261126T073000.125Z.tg";
    repository.put(name, &b"{}"[..]).await.unwrap();
    create();
    let expire = ["expire", "--keep-count", "1", "--format", "json"];
    let expired = shelf.backup(&expire).exits(0).json()["data"].take();
    assert_eq!(
        expired["expired"].as_array().unwrap().len(),
        1,
        "{expired:#}"
    );
    // What proves nothing goes with the records of the backup that went; a point stays.
    assert!(
        repository
            .list("verified")
            .await
            .unwrap()
            .iter()
            .all(|(file, _)| *file != turn[0])
    );
    assert!(repository.exists(name).await.unwrap());
    verify().exits(0);

    let location = format!("file:{}", shelf.path().display());
    let to = shelf.temp().join("never").display().to_string();
    let restore = [
        "restore",
        "--to",
        &to,
        "--before-release",
        "2.1.0",
        "--repository",
        &location,
    ];
    let outcome = crate::support::Cli::new(restore)
        .args(["--format", "json"])
        .env("TIDEGATE_SEAL_KEY", super::stage::KEY)
        .run();
    assert_eq!(outcome.error()["code"], "TG1003", "{}", outcome.stderr);
    assert!(outcome.stderr.contains(name), "{}", outcome.stderr);
    server.stop().await;
}
