//! M10: a base backup is complete, sealed, and holds the WAL that it needs.

use super::stage::{KEY, ROWS, Shelf, run, server, value};
use crate::support::{Cli, Project};

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_backup_is_taken_listed_verified_and_stands_on_its_own() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let data = shelf.backup(&["create", "--database-url", &url]).data();
    let id = data["id"].as_str().unwrap().to_owned();
    assert_eq!(data["wal_included"], true, "{data:#}");
    assert!(data["parts"].as_u64().unwrap() >= 2, "{data:#}");
    assert!(
        data["bytes"].as_u64() > data["sealed_bytes"].as_u64(),
        "{data:#}"
    );

    let manifest = shelf.manifest(&id).await;
    let system = value(
        &server,
        "select system_identifier::text from pg_control_system()",
    )
    .await;
    assert_eq!(manifest.system_identifier.to_string(), system);
    assert_eq!(data["system_identifier"], system.as_str());
    assert!(manifest.start < manifest.end && manifest.timeline == 1);
    assert_eq!(manifest.postgres / 10_000, server.version().major);
    assert_eq!(manifest.settings.parameters["max_wal_senders"], "5");
    assert_eq!(manifest.settings.encoding, "UTF8");

    let list = shelf.backup(&["list"]).data();
    assert_eq!(list["backups"][0]["id"], id.as_str());
    assert_eq!(list["unfinished"], serde_json::json!([]));
    let page = shelf.backup(&["list"]).ok().stdout;
    assert!(page.contains(&id), "{page}");
    let verified = shelf.backup(&["verify"]).data();
    assert_eq!(verified["opened"], verified["parts"], "{verified:#}");
    assert_eq!(verified["parts"], data["parts"]);

    // Every file and the WAL between start and end, by PostgreSQL's own program.
    let folder = shelf.unpack_and_verify(&id, &server.binaries.dir).await;
    assert!(folder.path().join("backup_manifest").is_file());
    let wal = manifest.first_segment().name(manifest.wal_segment_bytes);
    assert!(folder.path().join("pg_wal").join(wal).is_file());
    // Nothing is readable, nothing is left.
    let part = std::fs::read(shelf.part(&id, 0)).unwrap();
    assert!(!part.windows(10).any(|window| window == b"PG_VERSION"));
    assert_eq!(shelf.temp().read_dir().unwrap().count(), 0);
    let slots = value(&server, "select count(*)::text from pg_replication_slots").await;
    assert_eq!(slots, "0");

    let second = shelf.backup(&["create", "--database-url", &url]).data();
    assert_ne!(second["id"], id.as_str());
    assert_eq!(
        shelf.backup(&["list"]).data()["backups"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tablespaces_are_streams_of_their_own() {
    use std::os::unix::fs::{PermissionsExt as _, chown};
    let (server, shelf) = (server().await, Shelf::new());
    let place = tempfile::Builder::new()
        .prefix("tgts-")
        .tempdir_in("/tmp")
        .unwrap();
    if let Some((uid, gid)) = crate::support::unprivileged() {
        chown(place.path(), Some(uid), Some(gid)).unwrap();
    }
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(place.path(), mode).unwrap();
    let location = place.path().display().to_string();
    run(
        &server,
        &format!("create tablespace elsewhere location '{location}'"),
    )
    .await;
    run(&server, "create table far (id int) tablespace elsewhere; insert into far select generate_series(1, 1000)").await;
    let data = shelf
        .backup(&["create", "--database-url", &server.url("postgres")])
        .data();
    assert_eq!(data["streams"], 2, "{data:#}");
    let id = data["id"].as_str().unwrap();
    let manifest = shelf.manifest(id).await;
    assert_eq!(manifest.streams[0].name, "base");
    assert_eq!(
        manifest.streams[1].location.as_deref(),
        Some(location.as_str())
    );
    let folder = shelf.unpack_and_verify(id, &server.binaries.dir).await;
    assert!(folder.path().join("tablespace_map").is_file());
    assert_eq!(
        shelf.temp().read_dir().unwrap().count(),
        0,
        "the staging folder is gone"
    );
    shelf.backup(&["verify"]).ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_is_killed_is_none_and_its_remains_are_cleaned() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url];
    let slow = [&create[..], &["--max-rate", "8MB"]].concat();
    let running = shelf.backup(&slow).spawn();
    let backups = shelf.path().join("backups");
    let first_part = || {
        let ids = backups.read_dir().ok()?.flatten();
        ids.map(|id| id.path().join("data/000000"))
            .find(|part| part.is_file())
    };
    let mut tries = 0;
    while first_part().is_none() {
        tries += 1;
        assert!(tries < 600, "no part was written");
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(running.kill().signal(), Some(9));

    let list = shelf.backup(&["list"]).data();
    assert_eq!(list["backups"], serde_json::json!([]), "{list:#}");
    assert_eq!(list["unfinished"].as_array().unwrap().len(), 1);
    let error = shelf.backup(&["verify"]).exits(3);
    assert!(error.stderr.contains("holds no backup"), "{}", error.stderr);
    // The server's side is gone, too: the temporary slot, and the sender.
    for query in ["pg_replication_slots", "pg_stat_replication"] {
        let mut tries = 0;
        while value(&server, &format!("select count(*)::text from {query}")).await != "0" {
            tries += 1;
            assert!(tries < 200, "{query} is not empty");
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
    }
    shelf.backup(&create).ok();
    // It may be alive for all that is known, until it has been silent for an hour.
    let expire = ["expire", "--keep-count", "1"];
    assert_eq!(
        shelf.backup(&expire).data()["remains"],
        serde_json::json!([])
    );
    let soon = [&expire[..], &["--abandoned-after", "0s"]].concat();
    let dry = [&soon[..], &["--dry-run"]].concat();
    for args in [&dry, &soon] {
        let data = shelf.backup(args).data();
        assert_eq!(data["remains"].as_array().unwrap().len(), 1, "{data:#}");
    }
    assert_eq!(backups.read_dir().unwrap().count(), 1);
    shelf.backup(&["verify"]).ok();
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backup_takes_everything_away_again() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let url = server.url("postgres");
    let running = shelf
        .backup(&["create", "--database-url", &url, "--max-rate", "4MB"])
        .spawn();
    let backups = shelf.path().join("backups");
    while backups.read_dir().map_or(0, Iterator::count) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    std::thread::sleep(std::time::Duration::from_millis(300));
    running.interrupt();
    let outcome = running.wait();
    assert_eq!(outcome.code(), Some(130), "{}", outcome.stderr);
    assert_eq!(backups.read_dir().map_or(0, Iterator::count), 0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_there_is_an_audit_log_backups_are_in_it() {
    let (server, shelf) = (server().await, Shelf::new());
    let url = server.url("postgres");
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\
         [environments.dev]\nurl = \"{url}\"\nregion = \"eu\"\n\
         [backup]\nrepository = \"file:{}\"\nkeep = {{ count = 1 }}\n",
        shelf.path().display()
    ));
    let tidegate = |args: &[&str]| -> Cli {
        project
            .tidegate(args.iter().copied())
            .env("TIDEGATE_SEAL_KEY", KEY)
    };
    tidegate(&["backup", "create"]).ok();
    let schema = "select count(*)::text from pg_namespace where nspname = 'tidegate'";
    assert_eq!(
        value(&server, schema).await,
        "0",
        "a backup makes no schema"
    );
    tidegate(&["audit", "show"]).ok();
    // A database that is read only by default is on record as well.
    let still = "alter database postgres set default_transaction_read_only = on";
    run(&server, still).await;
    let newest = tidegate(&["backup", "create"]).data();
    let expired = tidegate(&["backup", "expire"]).data();
    assert_eq!(
        expired["expired"].as_array().unwrap().len(),
        1,
        "{expired:#}"
    );
    assert_eq!(expired["kept"][0]["id"], newest["id"]);
    let log = tidegate(&["audit", "show"]).ok().stdout;
    assert!(
        log.contains("backup.create") && log.contains("backup.expire"),
        "{log}"
    );
    tidegate(&["audit", "verify"]).ok();
    server.stop().await;
}
