//! A lineage is as good as each backup in it: what is wrong with a parent is found and named, and
//! nothing is left of the restore.

use super::engines::tablespaces::{each_is_too_late, folder, restore};
use super::incremental::primary;
use super::stage::{KEY, Shelf, run};
use crate::support::Cli;

/// A full backup and two increments of a server that is gone; their ids. None where the server makes
/// no increments: that was asserted then.
async fn lineage(shelf: &Shelf) -> Option<[String; 3]> {
    let source = folder();
    let server = primary(source.path()).await?;
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url];
    let more = [&create[..], &["--incremental"]].concat();
    let mut ids = Vec::new();
    for args in [&create[..], &more, &more] {
        run(
            &server,
            "update load set text = text || 'x' where id % 500 = 0",
        )
        .await;
        let data = shelf.backup(args).data();
        ids.push(data["id"].as_str().unwrap().to_owned());
    }
    server.stop().await;
    ids.try_into().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_of_a_parent_that_was_changed_stops_the_restore_of_its_increment() {
    let shelf = Shelf::new();
    let Some([full, _, last]) = lineage(&shelf).await else {
        return;
    };
    let to = shelf.path().with_file_name("back");
    each_is_too_late(&shelf, &to, &["fetch", "verify", "replay"]);
    let part = shelf.part(&full, 1);
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let named = format!("backups/{full}/data/000001");
    let failed = restore(&shelf, &to, &["--backup", &last, "--format", "json"]);
    let error = failed.exits(3).error().to_string();
    assert!(error.contains(&named) && error.contains("seal"), "{error}");
    assert!(!to.exists(), "something is left");
    let verified = shelf.backup(&["verify", "--backup", &last, "--format", "json"]);
    let found = verified.exits(3).stdout;
    assert!(found.contains(&named), "{found}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_that_is_gone_is_named_by_everybody() {
    let shelf = Shelf::new();
    let Some([full, first, last]) = lineage(&shelf).await else {
        return;
    };
    let location = format!("file:{}", shelf.path().display());
    let audit = || {
        Cli::new([
            "wal",
            "audit",
            "--repository",
            &location,
            "--format",
            "json",
        ])
        .env("TIDEGATE_SEAL_KEY", KEY)
    };
    audit().exits(0);
    // The one in the middle goes, by hand.
    let name = tidegate::recovery::BackupManifest::name(&first);
    std::fs::remove_file(shelf.path().join(name)).unwrap();
    let words = format!("backup {last} is an increment of {first}, which is not there");
    let to = shelf.path().with_file_name("back");
    let error = restore(&shelf, &to, &["--format", "json"]).exits(3).error();
    assert_eq!(error["code"], "TG1003", "{error:#}");
    assert!(error.to_string().contains(&words), "{error:#}");
    assert!(!to.exists(), "something is left");
    for outcome in [
        audit().exits(3),
        shelf.backup(&["verify", "--format", "json"]).exits(3),
    ] {
        assert!(outcome.stdout.contains(&words), "{}", outcome.stdout);
    }
    let server_less = restore(&shelf, &to, &["--backup", &full]).data();
    assert_eq!(server_less["backup"], full.as_str());
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_were_joined_wrongly_are_not_taken() {
    let shelf = Shelf::new();
    let Some([_, first, last]) = lineage(&shelf).await else {
        return;
    };
    // The manifest says that the last one follows the full backup: an increment is left out.
    let repository = shelf.repository();
    let mut manifest = shelf.manifest(&last).await;
    manifest.parent = shelf.manifest(&first).await.parent;
    let name = tidegate::recovery::BackupManifest::name(&last);
    repository.remove(&name).await.unwrap();
    repository
        .put(&name, manifest.to_bytes().unwrap())
        .await
        .unwrap();
    let to = shelf.path().with_file_name("back");
    let failed = restore(&shelf, &to, &["--format", "json"]).exits(3);
    let error = failed.error().to_string();
    assert!(error.contains("cannot be joined"), "{error}");
    assert!(!to.exists(), "something is left");
}
