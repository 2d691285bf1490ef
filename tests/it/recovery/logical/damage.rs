//! Each damage is red, on verification and on a restore, which changes nothing then.

use serde_json::Value;
use tidegate::recovery::{LogicalManifest, Part};

use super::super::stage::{OTHER_KEY, value_at, with};
use super::{SHOP, Shop, digest};

fn findings(shop: &Shop) -> Vec<(String, String)> {
    let verify = ["verify", "--format", "json"];
    let data = shop.shelf.backup(&verify).exits(3).json()["data"].take();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let findings = data["findings"].as_array().unwrap().iter();
    findings
        .map(|one| (text(&one["file"]), text(&one["problem"])))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_each_damage_of_a_logical_backup_is_red_and_nothing_is_restored() {
    let shop = Shop::open(SHOP).await;
    let tables = ["app.users", "app.orders"];
    let id = shop.create_tables(&tables).data()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let copy = shop.database("copy").await;
    let folder = shop.shelf.path().join("logical").join(&id);
    let (orders, users) = (
        folder.join("data/000000/000000"),
        folder.join("data/000001/000000"),
    );
    let manifest = folder.join("logical.tg");
    let red = |file: &str, words: &str| {
        let found = findings(&shop);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].0.ends_with(file) && found[0].1.contains(words),
            "{found:?}"
        );
        let told = shop.restore(&copy, &["--backup", &id]).exits(3).stderr;
        assert!(told.contains(words), "{words}: {told}");
    };
    let middle = |bytes: &mut Vec<u8>| {
        let place = bytes.len() / 2;
        bytes[place] ^= 4;
    };
    with(&orders, middle, || {
        red("000000/000000", "its seal does not hold")
    });
    let cut = |bytes: &mut Vec<u8>| bytes.truncate(bytes.len() - 1);
    with(&users, cut, || {
        red("000001/000000", "its seal does not hold")
    });
    with(&manifest, middle, || {
        red("logical.tg", "its seal does not hold")
    });
    let other = std::fs::read(&users).unwrap();
    with(
        &orders,
        |bytes| *bytes = other,
        || {
            red("000000/000000", "holds something else than was written");
        },
    );
    nothing_came(&shop, &copy).await;
    shop.server.stop().await;
}

/// Nothing was restored by what was red, and the backup is good all the same.
async fn nothing_came(shop: &Shop, copy: &str) {
    let schemas = "select count(*)::text from pg_namespace where nspname = 'app'";
    assert_eq!(value_at(copy, schemas).await, "0", "nothing was restored");
    shop.shelf.backup(&["verify"]).ok();
    shop.restore(copy, &[]).ok();
    let orders = digest(&shop.url(), "app.orders").await;
    assert_eq!(digest(copy, "app.orders").await, orders);
}

#[tokio::test(flavor = "multi_thread")]
async fn m14_parts_that_are_gone_and_wrong_keys_are_told_apart() {
    let shop = Shop::open(SHOP).await;
    let created = shop.create_tables(&["app.users", "app.orders"]).data();
    let id = created["id"].as_str().unwrap().to_owned();
    let copy = shop.database("copy").await;
    let folder = shop.shelf.path().join("logical").join(&id);
    let (orders, users) = (
        folder.join("data/000000/000000"),
        folder.join("data/000001/000000"),
    );
    let aside = shop.shelf.temp().join("aside");
    std::fs::rename(&users, &aside).unwrap();
    assert_eq!(findings(&shop)[0].1, "is not there");
    let list = shop.shelf.backup(&["list"]).ok().stdout;
    assert!(list.contains("1 of its 2 parts"), "{list}");
    // It is not chosen, and it does not restore.
    let none = shop.restore(&copy, &[]).exits(3).stderr;
    assert!(none.contains("no good logical backup"), "{none}");
    let gone = shop.restore(&copy, &["--backup", &id]).exits(3).stderr;
    assert!(gone.contains("000001/000000 is not there"), "{gone}");
    std::fs::rename(&aside, &users).unwrap();
    for wrong_key in [shop.shelf.backup(&["verify"]), shop.restore(&copy, &[])] {
        let told = wrong_key
            .env("TIDEGATE_SEAL_KEY", OTHER_KEY)
            .exits(2)
            .stderr;
        assert!(told.contains("was sealed with the key"), "{told}");
    }
    // A share of the parts has its turn, like those of base backups.
    std::fs::rename(&orders, &aside).unwrap();
    let part = shop
        .shelf
        .backup(&["verify", "--part", "1%"])
        .exits(3)
        .stdout;
    assert!(part.contains("000000/000000: is not there"), "{part}");
    std::fs::rename(&aside, &orders).unwrap();

    nothing_came(&shop, &copy).await;
    shop.server.stop().await;
}

/// Files that are what was written, of a backup that cannot be restored: only `pg_restore` tells.
#[tokio::test(flavor = "multi_thread")]
async fn archives_that_do_not_hold_what_they_should_are_found() {
    let shop = Shop::open(SHOP).await;
    let id = shop.create_tables(&["app.users"]).data()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let repository = shop.shelf.repository();
    let (name, folder) = (LogicalManifest::name(&id), LogicalManifest::folder(&id));
    let text = repository.get(&name).await.unwrap();
    let good = LogicalManifest::from_bytes(&id, &text).unwrap();
    let part = repository
        .get(&LogicalManifest::part_name(&id, "000000", 0))
        .await
        .unwrap();

    let mut more = good.clone();
    let orders = serde_json::json!({ "schema": "app", "name": "orders" });
    more.archives[0]
        .rows_of
        .push(serde_json::from_value(orders).unwrap());
    let mut none = good.clone();
    let junk = b"no archive at all, of the same backup".to_vec();
    none.archives[0].parts = vec![Part {
        bytes: junk.len() as u64,
        sha256: hex_digest(&junk),
    }];
    none.bytes = junk.len() as u64;
    for (manifest, part, words) in [
        (&more, &part, "does not name the rows of app.orders"),
        (&none, &junk, "pg_restore cannot use the archive"),
        (&good, &part, ""),
    ] {
        repository.remove_folder(&folder).await.unwrap();
        let file = LogicalManifest::part_name(&id, "000000", 0);
        repository.put(&file, part.clone()).await.unwrap();
        repository
            .put(&name, manifest.to_bytes().unwrap())
            .await
            .unwrap();
        if words.is_empty() {
            shop.shelf.backup(&["verify"]).ok();
        } else {
            let found = findings(&shop);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].1.contains(words), "{found:?}");
        }
    }
    shop.server.stop().await;
}

fn hex_digest(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    hex::encode(sha2::Sha256::digest(bytes))
}
