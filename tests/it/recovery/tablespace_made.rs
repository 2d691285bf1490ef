//! A tablespace that is made after the base backup: replay links to the path of the source, where its own
//! files may lie.

use std::path::Path;

use super::drill::below;
use super::engines::tablespaces::folder;
use super::pitr::{Received, command};
use super::stage::{Shelf, run, value};

/// Everything below a folder: paths, sizes, times of the last change.
fn state(folder: &Path) -> Vec<(String, u64, std::time::SystemTime)> {
    let mut found = Vec::new();
    for entry in below(folder) {
        let meta = entry.metadata().unwrap();
        found.push((
            entry.display().to_string(),
            meta.len(),
            meta.modified().unwrap(),
        ));
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn no_restore_writes_into_a_tablespace_that_the_source_made_later() {
    let source = Received::new().await;
    let receiver = source.receiver();
    source.insert(1, "before").await;
    source.backup();
    source.insert(2, "early").await;
    let early = value(&source.primary, "select pg_current_wal_lsn()::text").await;
    let place = folder();
    let location = place.path().display().to_string();
    run(
        &source.primary,
        &format!("create tablespace later location '{location}'"),
    )
    .await;
    let fill = "create table far (i int) with (autovacuum_enabled = off) tablespace later; insert into far select generate_series(1, 1000); checkpoint";
    run(&source.primary, fill).await;
    source.insert(3, "late").await;
    run(&source.primary, "select pg_switch_wal()").await;
    source.uploaded().await;

    let before = state(place.path());
    assert!(!before.is_empty());
    let to = source.shelf.path().with_file_name("refused");
    let restore = ["restore", "--to", to.to_str().unwrap(), "--format", "json"];
    let outcome = command(&source.shelf, &restore).exits(3);
    let error = outcome.error();
    let message = error["message"].as_str().unwrap();
    assert!(
        message.contains(&location) && message.contains("after the base backup"),
        "{error}"
    );
    assert!(
        error["hint"]
            .as_str()
            .unwrap()
            .contains("--tablespace-mapping"),
        "{error}"
    );
    assert!(!to.exists(), "nothing is left of it");
    let drill = command(
        &source.shelf,
        &["drill", "run", "--controls", "none", "--format", "json"],
    )
    .exits(3);
    assert!(drill.stdout.contains(&location), "{}", drill.stdout);
    assert_eq!(
        state(place.path()),
        before,
        "the source's files are as they were"
    );

    // A moment before it is reached, and with a backup of it all is there.
    let rows = source.restored("early", &["--target-lsn", &early]).await;
    assert_eq!(rows, ["before", "early"]);
    source.backup();
    let rows = source.restored("late", &[]).await;
    assert_eq!(rows, ["before", "early", "late"]);
    assert_eq!(state(place.path()), before);
    receiver.interrupt();
    receiver.wait();

    source.primary.stop().await;
    drop(place);
    used(&source.shelf, &location);
}

/// On a machine where the path is a folder of nobody else it may be used.
fn used(shelf: &Shelf, location: &str) {
    let place = folder_at(Path::new(location));
    let to = shelf.path().with_file_name("shared");
    let mapping = format!("{location}={location}");
    let backups = command(shelf, &["backup", "list"]).data();
    let first = backups["backups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["id"].as_str().unwrap())
        .min()
        .unwrap();
    let restore = [
        "restore",
        "--to",
        to.to_str().unwrap(),
        "--backup",
        first,
        "--tablespace-mapping",
        &mapping,
    ];
    command(shelf, &restore).ok();
    assert!(!below(&place).is_empty());
    std::fs::remove_dir_all(&place).unwrap();
}

/// The same folder again.
fn folder_at(path: &Path) -> std::path::PathBuf {
    let made = folder().keep();
    std::fs::rename(&made, path).unwrap();
    path.to_owned()
}
