//! What must not be backed up, or not there.

use rustix::process::{Pid, Signal, kill_process};
use tidegate::recovery::BackupManifest;

use super::engines::tablespaces::folder;
use super::stage::{KEY, Shelf, run, server, value};
use super::wal::holds;
use crate::support::{Cli, Project};

#[tokio::test(flavor = "multi_thread")]
async fn m16_a_repository_belongs_to_one_cluster_in_one_region() {
    let (first, second, shelf) = (server().await, server().await, Shelf::new());
    let place = Project::empty();
    let create = |url: &str, region: &str| -> Cli {
        let text = format!(
            "version = 1\n[environments.production]\nurl = \"{url}\"\nregion = \"{region}\"\n\
             [backup]\nrepository = \"file:{}\"\n",
            shelf.path().display()
        );
        place.write("tidegate.toml", &text);
        place
            .tidegate(["backup", "create", "-e", "production"])
            .env("TIDEGATE_SEAL_KEY", KEY)
    };
    let url = first.url("postgres");
    create(&url, "eu").ok();
    let error = create(&second.url("postgres"), "eu").exits(4);
    assert!(
        error.stderr.contains("system identifier"),
        "{}",
        error.stderr
    );
    let error = create(&url, "us").exits(4);
    assert!(
        error.stderr.contains("eu") && error.stderr.contains("us"),
        "{}",
        error.stderr
    );
    assert_eq!(
        shelf.backup(&["list"]).data()["backups"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    create(&url, "eu").ok();
    // Nobody brings the data to another region by restoring it there.
    let to = shelf.path().with_file_name("restored");
    let restore = |region: &str| {
        drop(create(&url, region));
        place
            .tidegate(["restore", "--to", to.to_str().unwrap(), "-e", "production"])
            .env("TIDEGATE_SEAL_KEY", KEY)
    };
    let drill = ["drill", "run", "-e", "production"];
    let drill = |region: &str| {
        drop(create(&url, region));
        place.tidegate(drill).env("TIDEGATE_SEAL_KEY", KEY)
    };
    let segment = "select current_setting('data_directory') || '/pg_wal/' || pg_walfile_name(pg_switch_wal())";
    let segment = value(&first, segment).await;
    let push = |region: &str| {
        drop(create(&url, region));
        let push = ["wal", "push", "-e", "production", &segment];
        place.tidegate(push).env("TIDEGATE_SEAL_KEY", KEY)
    };
    push("eu").ok();
    let refused = [
        restore("us").exits(4),
        drill("us").exits(4),
        push("us").exits(4),
    ];
    for refused in refused {
        let told = refused.stderr;
        assert!(told.contains("eu") && told.contains("us"), "{told}");
    }
    assert!(!to.exists());
    first.stop().await;
    second.stop().await;
    // A repository outlives its database, and so does a restore.
    let told = restore("eu").ok().stderr;
    assert!(told.contains("not recorded in the audit log"), "{told}");
    assert!(to.join("data/PG_VERSION").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_without_replication_is_told_what_it_needs() {
    let (server, shelf) = (server().await, Shelf::new());
    run(
        &server,
        "create role plain login; create role saver login replication",
    )
    .await;
    let url = |role: &str| {
        let url = server.url("postgres");
        let (rest, _) = url.rsplit_once("user=").unwrap();
        format!("{rest}user={role}")
    };
    let as_role = |role: &str| shelf.backup(&["create", "--database-url", &url(role)]);
    let error = as_role("plain").exits(2);
    assert!(
        error.stderr.contains("alter role \"plain\" replication"),
        "{}",
        error.stderr
    );
    assert!(error.stderr.contains("pg_hba.conf"), "{}", error.stderr);
    assert!(!shelf.path().join("repository.tg").exists());
    as_role("saver").ok();
    // `all` in pg_hba.conf does not cover replication.
    let hba = value(&server, "show hba_file").await;
    std::fs::write(hba, "local all all trust\n").unwrap();
    run(&server, "select pg_reload_conf()").await;
    let mut tries = 0;
    let error = loop {
        let outcome = as_role("saver").run();
        if outcome.code() != Some(0) || tries == 20 {
            break outcome;
        }
        tries += 1;
    };
    assert_eq!(error.code(), Some(2), "{}", error.stderr);
    assert!(
        error.stderr.contains("host replication saver"),
        "{}",
        error.stderr
    );
    let backups = shelf.backup(&["list"]).data();
    assert_eq!(backups["unfinished"], serde_json::json!([]));
    server.stop().await;
}

#[test]
fn a_repository_and_a_key_must_be_named() {
    let error = Cli::new(["backup", "list"]).exits(2);
    assert!(error.stderr.contains("--repository"), "{}", error.stderr);
    let shelf = Shelf::new();
    let error = shelf
        .backup(&["list"])
        .env("TIDEGATE_SEAL_KEY", "short")
        .exits(2);
    assert!(error.stderr.contains("256 bits"), "{}", error.stderr);
    std::fs::create_dir(shelf.path()).unwrap();
    let error = shelf.backup(&["expire"]).exits(2);
    assert!(error.stderr.contains("--keep-count"), "{}", error.stderr);
    let page = shelf.backup(&["list"]).ok().stdout;
    assert!(page.contains("No backups"), "{page}");
}

/// A tablespace that comes while the server makes the checkpoint that a backup begins with: the list of
/// tablespaces was read before.
#[tokio::test(flavor = "multi_thread")]
async fn a_tablespace_that_comes_while_the_backup_begins_is_not_left_out_unseen() {
    let (server, shelf) = (server().await, Shelf::new());
    let [first, second] = [folder(), folder()];
    let make = |name: &str, folder: &tempfile::TempDir| {
        let place = folder.path().display();
        format!("create tablespace {name} location '{place}'")
    };
    run(&server, &make("first", &first)).await;
    let sql = "select pid::text from pg_stat_activity where backend_type = 'checkpointer'";
    let checkpointer: i32 = value(&server, sql).await.parse().unwrap();
    let checkpointer = Pid::from_raw(checkpointer).unwrap();
    kill_process(checkpointer, Signal::STOP).unwrap();
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url, "--format", "json"];
    let running = shelf.backup(&create).spawn();
    let waits = "select (count(*) > 0)::text from pg_stat_activity where wait_event in ('CheckpointStart', 'CheckpointDone')";
    holds(&server, waits).await;
    run(&server, &make("second", &second)).await;
    kill_process(checkpointer, Signal::CONT).unwrap();
    let outcome = running.wait();
    assert_eq!(
        outcome.code(),
        Some(4),
        "{}{}",
        outcome.stdout,
        outcome.stderr
    );
    let error = outcome.error();
    assert_eq!(error["code"], "TG1001", "{error:#}");
    assert!(error.to_string().contains("made or dropped"), "{error:#}");
    let left = shelf
        .repository()
        .list(BackupManifest::FOLDER)
        .await
        .unwrap();
    assert!(left.is_empty(), "{left:?}");
    shelf.backup(&create).ok();
    shelf.backup(&["verify"]).ok();
    server.stop().await;
}

/// An archiver that was told the wrong place came first.
#[tokio::test(flavor = "multi_thread")]
async fn a_repository_with_the_wal_of_another_cluster_is_refused() {
    let (first, second, shelf) = (server().await, server().await, Shelf::new());
    let name = value(&first, "select pg_walfile_name(pg_switch_wal())").await;
    let data = value(&first, "select current_setting('data_directory')").await;
    let wal = std::fs::read(format!("{data}/pg_wal/{name}")).unwrap();
    let repository = shelf.repository();
    let pushed = tidegate::service::wal::push(&repository, &name, &wal);
    pushed.await.unwrap();
    let create = |url: &str| shelf.backup(&["create", "--database-url", url, "--format", "json"]);
    let error = create(&second.url("postgres")).exits(4).error();
    assert_eq!(error["code"], "TG1001", "{error:#}");
    assert!(error.to_string().contains("system identifier"), "{error:#}");
    let left = shelf.repository().list("").await.unwrap();
    assert_eq!(left.len(), 1, "{left:?}");
    create(&first.url("postgres")).ok();
    first.stop().await;
    second.stop().await;
}
