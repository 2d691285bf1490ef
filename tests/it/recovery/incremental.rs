//! Incremental backups: what has changed since another one, joined with it when it is restored.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use tidegate::postgres::private::{Ephemeral, PrivateServer};

use super::engines::tablespaces::{ask, folder, restore};
use super::stage::{Shelf, run, server, server_with, value};

/// The first major version that makes them.
pub(super) const FIRST: u32 = 17;

/// What must come back: rows, a table that came later, and what lies elsewhere.
pub(super) const STATE: &str = "select (select count(*) || '/' || sum(id) || '/' || md5(string_agg(text, '' order by id)) from load) \
    || ' ' || (select count(*) || '/' || sum(id) from later) || ' ' || (select count(*) || '/' || sum(id) from far)";

/// A primary with rows that keeps summaries, and a tablespace in `place`; none where the server
/// makes no increments: that was asserted then.
pub(super) async fn primary(place: &Path) -> Option<Ephemeral> {
    let server = server().await;
    let major = server.version().major;
    if major < FIRST {
        refused(
            &server,
            &format!("PostgreSQL {major} makes no incremental"),
            "17",
        )
        .await;
        server.stop().await;
        return None;
    }
    server.stop().await;
    let server = server_with(&[("summarize_wal", "on")]).await;
    run(&server, super::stage::ROWS).await;
    // Else the first reader marks every row as committed, and with checksums that changes its page.
    run(&server, "vacuum load").await;
    let location = place.display();
    run(
        &server,
        &format!("create tablespace elsewhere location '{location}'"),
    )
    .await;
    run(&server, "create table far (id int primary key using index tablespace elsewhere) tablespace elsewhere; \
        insert into far select generate_series(1, 1000)").await;
    Some(server)
}

/// An increment is refused before anything is written.
async fn refused(server: &Ephemeral, words: &str, remedy: &str) {
    let shelf = Shelf::new();
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url];
    shelf.backup(&create).ok();
    let before = shelf.repository().list("").await.unwrap();
    let more = [&create[..], &["--incremental", "--format", "json"]].concat();
    let outcome = shelf.backup(&more).exits(4);
    let error = outcome.error();
    assert_eq!(error["code"], "TG1001", "{error:#}");
    let text = error.to_string();
    assert!(text.contains(words) && text.contains(remedy), "{text}");
    assert_eq!(shelf.repository().list("").await.unwrap(), before);
    assert_eq!(shelf.temp().read_dir().unwrap().count(), 0);
}

/// Bytes of a backup's files but for its WAL.
async fn files(shelf: &Shelf, created: &serde_json::Value) -> u64 {
    let manifest = shelf.manifest(created["id"].as_str().unwrap()).await;
    let size = u64::from(manifest.wal_segment_bytes);
    let segments = (manifest.end.0 - 1) / size - manifest.start.0 / size + 1;
    manifest.bytes - segments * size
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_increments_are_joined_with_their_parents_and_all_comes_back() {
    let (shelf, source) = (Shelf::new(), folder());
    let Some(server) = primary(source.path()).await else {
        return;
    };
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url];
    let more = [&create[..], &["--incremental"]].concat();
    let full = shelf.backup(&create).data();
    run(
        &server,
        "update load set text = text || 'x' where id % 1000 = 0; create table later (id int); \
        insert into later values (1); insert into far values (1001)",
    )
    .await;
    let first = shelf.backup(&more).data();
    run(
        &server,
        "delete from load where id > 11000; insert into later values (2); truncate far; \
        insert into far select generate_series(1, 10)",
    )
    .await;
    run(&server, "vacuum load").await;
    let second = shelf.backup(&more).data();
    assert_eq!(full["parent"], serde_json::Value::Null);
    assert_eq!(first["parent"], full["id"]);
    assert_eq!(second["parent"], first["id"]);
    let bytes = |data: &serde_json::Value| data["bytes"].as_u64().unwrap();
    // Without the WAL that each brings along, whole segments.
    let (own, all) = (files(&shelf, &first).await, files(&shelf, &full).await);
    assert!(own * 4 < all, "{own} of {all}");
    assert_eq!(shelf.temp().read_dir().unwrap().count(), 0);
    let wanted = value(&server, STATE).await;
    server.stop().await;
    std::fs::remove_dir_all(source.path()).unwrap();

    let id = second["id"].as_str().unwrap();
    let verified = shelf.backup(&["verify", "--backup", id]).data();
    let parts = |data: &serde_json::Value| data["parts"].as_u64().unwrap();
    assert_eq!(
        parts(&verified),
        parts(&full) + parts(&first) + parts(&second),
        "{verified:#}"
    );
    let page = shelf.backup(&["list"]).ok().stdout;
    let parent = first["id"].as_str().unwrap();
    assert!(
        page.contains(&format!("{id} is an increment of {parent}")),
        "{page}"
    );

    // Inside the folder, from the newest.
    let inside = shelf.path().with_file_name("inside");
    let back = restore(&shelf, &inside, &["--keep-running"]).data();
    assert_eq!(back["backup"], second["id"]);
    assert_eq!(
        back["phases"][0]["bytes"].as_u64().unwrap(),
        bytes(&full) + bytes(&first) + bytes(&second)
    );
    assert_eq!(ask(back["url"].as_str().unwrap(), STATE).await, wanted);
    let mut left: Vec<String> = inside
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    left.retain(|name| name == "lineage" || name == "join.log");
    assert!(left.is_empty(), "{left:?}");
    PrivateServer::open(&inside).unwrap().stop().await.unwrap();

    mapped(&shelf, source.path(), parent).await;
}

/// The first increment, with its tablespace where it is mapped to.
async fn mapped(shelf: &Shelf, source: &Path, id: &str) {
    let elsewhere = tempfile::Builder::new().prefix("tgts-").tempdir_in("/tmp");
    let elsewhere = elsewhere.unwrap();
    let open = std::fs::Permissions::from_mode(0o711);
    std::fs::set_permissions(elsewhere.path(), open).unwrap();
    let disk = elsewhere.path().join("dis=k");
    let mapping = format!("{}={}", source.display(), disk.display());
    let to = shelf.path().with_file_name("mapped");
    let options = [
        "--backup",
        id,
        "--tablespace-mapping",
        &mapping,
        "--keep-running",
    ];
    let back = restore(shelf, &to, &options).data();
    let url = back["url"].as_str().unwrap();
    let far = "select count(*) || '/' || max(id) from far";
    assert_eq!(ask(url, far).await, "1001/1001");
    let place = "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'elsewhere'";
    assert_eq!(ask(url, place).await, disk.display().to_string());
    PrivateServer::open(&to).unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_increment_needs_summaries_and_a_parent() {
    let server = server().await;
    if server.version().major < FIRST {
        refused(&server, "makes no incremental", "leave --incremental out").await;
        server.stop().await;
        return;
    }
    refused(
        &server,
        "summarize_wal is off",
        "alter system set summarize_wal = on",
    )
    .await;
    run(&server, "alter system set summarize_wal = on").await;
    run(&server, "select pg_reload_conf()").await;
    let shelf = Shelf::new();
    let url = server.url("postgres");
    let create = ["create", "--database-url", &url];
    let json = [&create[..], &["--incremental", "--format", "json"]].concat();
    let first = shelf.backup(&json);
    let error = first.exits(3).error().to_string();
    assert!(
        error.contains("no backup that an increment can be made of"),
        "{error}"
    );
    let nobody = ["--parent", "20260101T000000Z-000000"];
    let unknown = shelf.backup(&[&json[..], &nobody].concat()).exits(3);
    let error = unknown.error().to_string();
    assert!(
        error.contains("no backup 20260101T000000Z-000000"),
        "{error}"
    );
    let full = shelf.backup(&create).data();
    let id = full["id"].as_str().unwrap().to_owned();
    shelf.backup(&create).ok();
    let of_it = ["--incremental", "--parent", &id];
    let data = shelf.backup(&[&create[..], &of_it].concat()).data();
    assert_eq!(data["parent"], id.as_str());

    // As after wal_summary_keep_time: what changed since the parent is told by nobody.
    run(&server, "checkpoint; create table one_more (id int)").await;
    let summaries = server.folder().join("data/pg_wal/summaries");
    for summary in summaries.read_dir().unwrap() {
        std::fs::remove_file(summary.unwrap().path()).unwrap();
    }
    let before = shelf.repository().list("").await.unwrap();
    let outcome = shelf.backup(&json).exits(4);
    let error = outcome.error().to_string();
    assert!(
        error.contains("no summaries of all WAL since the parent")
            && error.contains("wal_summary_keep_time"),
        "{error}"
    );
    assert_eq!(shelf.repository().list("").await.unwrap(), before);
    assert_eq!(shelf.temp().read_dir().unwrap().count(), 0);
    server.stop().await;
}
