//! Each damage is found, by its own message, with exit code 3.

use serde_json::Value;

use super::stage::{OTHER_KEY, ROWS, Shelf, run, server, with};

/// What `verify` finds.
fn findings(shelf: &Shelf, args: &[&str]) -> Vec<(String, String)> {
    let args = [&["verify", "--format", "json"], args].concat();
    let data = shelf.backup(&args).exits(3).json()["data"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = data["findings"].as_array().unwrap().iter();
    findings
        .map(|one| (text(&one["file"]), text(&one["problem"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_each_damage_of_a_backup_is_red_with_its_own_message() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let created = shelf
        .backup(&["create", "--database-url", &server.url("postgres")])
        .data();
    server.stop().await;
    let id = created["id"].as_str().unwrap();
    let (first, second) = (shelf.part(id, 0), shelf.part(id, 1));
    let one = |args: &[&str], file: &str, words: &str| {
        let found = findings(&shelf, args);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].0.ends_with(file) && found[0].1.contains(words),
            "{found:?}"
        );
    };
    shelf.backup(&["verify"]).ok();

    let middle = |bytes: &mut Vec<u8>| {
        let place = bytes.len() / 2;
        bytes[place] ^= 4;
    };
    with(&first, middle, || {
        one(&[], "data/000000", "its seal does not hold")
    });
    with(
        &second,
        |bytes| {
            bytes.pop();
        },
        || one(&[], "data/000001", "its seal does not hold"),
    );
    with(&second, Vec::clear, || {
        one(&[], "data/000001", "ends in its header")
    });
    // A good file in a wrong place: its seal holds, and it is not what was written.
    let other = std::fs::read(&second).unwrap();
    with(
        &first,
        |bytes| *bytes = other,
        || one(&["--backup", id], "data/000000", "holds something else"),
    );
    // A part that is gone is found by the smallest share, whoever's turn it is.
    std::fs::rename(&second, shelf.temp().join("aside")).unwrap();
    one(&["--part", "1%"], "data/000001", "is not there");
    let list = shelf.backup(&["list"]).ok().stdout;
    assert!(list.contains("1 of its"), "{list}");
    std::fs::rename(shelf.temp().join("aside"), &second).unwrap();
    let manifest = shelf.path().join("backups").join(id).join("backup.tg");
    with(&manifest, middle, || {
        one(&[], "backup.tg", "its seal does not hold")
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_wrong_keys_and_manifests_that_are_gone_are_told_apart() {
    let (server, shelf) = (server().await, Shelf::new());
    let created = shelf
        .backup(&["create", "--database-url", &server.url("postgres")])
        .data();
    server.stop().await;
    let id = created["id"].as_str().unwrap();
    let wrong_key = shelf
        .backup(&["verify"])
        .env("TIDEGATE_SEAL_KEY", OTHER_KEY)
        .exits(2);
    assert!(
        wrong_key.stderr.contains("was sealed with the key"),
        "{}",
        wrong_key.stderr
    );
    let none = shelf
        .backup(&["verify", "--backup", "20260101T000000Z-000000"])
        .exits(3);
    assert!(
        none.stderr.contains("there is no backup 2026"),
        "{}",
        none.stderr
    );
    let manifest = shelf.path().join("backups").join(id).join("backup.tg");
    std::fs::remove_file(&manifest).unwrap();
    let gone = shelf.backup(&["verify", "--backup", id]).exits(3);
    assert!(
        gone.stderr.contains("was never completed"),
        "{}",
        gone.stderr
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn turns_cover_everything_and_a_damaged_part_is_found_in_its_turn() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let mut ids: Vec<String> = (0..2)
        .map(|_| {
            let data = shelf.backup(&["create", "--database-url", &url]).data();
            data["id"].as_str().unwrap().to_owned()
        })
        .collect();
    server.stop().await;
    ids.sort();
    let turn = || shelf.backup(&["verify", "--part", "1%"]).data();
    let total = turn()["parts"].as_u64().unwrap();
    for run in 2..=total {
        let data = turn();
        assert_eq!(
            (data["opened"].as_u64(), data["coverage"]["proven"].as_u64()),
            (Some(1), Some(run))
        );
    }
    // The next round finds what was damaged since, when it comes there and not before.
    let last = total as usize / 2 - 1;
    let part = shelf.part(&ids[1], last);
    let mut bytes = std::fs::read(&part).unwrap();
    bytes[5000] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    for _ in 1..total {
        turn();
    }
    let found = findings(&shelf, &["--part", "1%"]);
    assert!(found[0].0.contains(&ids[1]), "{found:?}");
    // It stays unproven until it is whole again, however often the others have their turn.
    let data = turn();
    assert_eq!(data["coverage"]["proven"], total - 1, "{data:#}");
}
