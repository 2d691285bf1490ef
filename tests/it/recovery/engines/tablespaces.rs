//! A cluster with tablespaces comes back with them, inside its folder or where they are mapped to.

use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use serde_json::Value;
use tidegate::postgres::private::PrivateServer;

use super::source::{Engine, Source, file_name, files};
use crate::recovery::stage::{KEY, Shelf, run, value};
use crate::support::Cli;

every_engine!(
    m10_tablespaces_come_back_inside_the_folder_or_where_they_are_mapped_to,
    what_a_restore_has_written_goes_when_it_fails_or_takes_too_long,
);

/// A folder that belongs to the server's user.
pub(in crate::recovery) fn folder() -> tempfile::TempDir {
    let folder = tempfile::Builder::new().prefix("tgts-").tempdir_in("/tmp");
    let folder = folder.unwrap();
    if let Some((uid, gid)) = crate::support::unprivileged() {
        chown(folder.path(), Some(uid), Some(gid)).unwrap();
    }
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder.path(), mode).unwrap();
    folder
}

/// A phase that takes too long is named, and leaves nothing.
pub(in crate::recovery) fn each_is_too_late(shelf: &Shelf, to: &Path, phases: &[&str]) {
    for phase in phases {
        let deadline = format!("{phase}=1ms");
        let late = restore(shelf, to, &["--deadline", &deadline, "--format", "json"]);
        let error = late.exits(3).error().to_string();
        assert!(
            error.contains(&format!("the phase {phase} did not end")),
            "{error}"
        );
        assert!(!to.exists(), "{phase} left something");
    }
}

pub(in crate::recovery) fn restore(shelf: &Shelf, to: &Path, more: &[&str]) -> Cli {
    let location = format!("file:{}", shelf.path().display());
    let to = to.to_str().unwrap();
    Cli::new(["restore", "--to", to, "--repository", &location])
        .args(more.iter().copied())
        .env("TIDEGATE_SEAL_KEY", KEY)
        .env("TMPDIR", shelf.temp())
}

pub(in crate::recovery) async fn ask(url: &str, sql: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls)
        .await
        .unwrap();
    tokio::spawn(connection);
    client.query_one(sql, &[]).await.unwrap().get(0)
}

const ROWS: &str = "select count(*) || '/' || sum(id) from far";
const PLACE: &str =
    "select pg_tablespace_location(oid) from pg_tablespace where spcname = 'elsewhere'";

/// A primary with a tablespace in `place`, and a backup of it.
async fn primary(engine: Engine, place: &Path) -> (Source, Value) {
    let source = Source::new(engine).await;
    let location = place.display();
    let server = &source.primary;
    run(
        server,
        &format!("create tablespace elsewhere location '{location}'"),
    )
    .await;
    run(server, "create table far (id int primary key using index tablespace elsewhere) tablespace elsewhere; \
        insert into far select generate_series(1, 1000)").await;
    let data = source.create().data();
    (source, data)
}

async fn m10_tablespaces_come_back_inside_the_folder_or_where_they_are_mapped_to(engine: Engine) {
    let place = folder();
    let (source, data) = primary(engine, place.path()).await;
    assert_eq!(data["streams"], 2, "{data:#}");
    let wanted = value(&source.primary, ROWS).await;
    source.archived().await;
    let Source { shelf, primary, .. } = source;
    primary.stop().await;
    // Nothing of the source is read, even where a path of its would lead there.
    std::fs::remove_dir_all(place.path()).unwrap();

    let inside = shelf.path().with_file_name("inside");
    let back = restore(&shelf, &inside, &["--keep-running"]).data();
    let url = back["url"].as_str().unwrap();
    assert_eq!(ask(url, ROWS).await, wanted);
    let there = ask(url, PLACE).await;
    assert!(
        Path::new(&there).starts_with(inside.canonicalize().unwrap()),
        "{there}"
    );
    let phases: Vec<&str> = back["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| phase["name"].as_str().unwrap())
        .collect();
    assert_eq!(phases, ["fetch", "verify", "replay", "promote"]);
    PrivateServer::open(&inside).unwrap().stop().await.unwrap();

    let to = shelf.path().with_file_name("mapped");
    // A folder of this user alone.
    let closed = tempfile::Builder::new().prefix("tgts-").tempdir_in("/tmp");
    let closed = closed.unwrap();
    let mode = |mode: u32| std::fs::Permissions::from_mode(mode);
    std::fs::set_permissions(closed.path(), mode(0o700)).unwrap();
    let disk = closed.path().join("disk");
    let mapping = format!("{}={}", place.path().display(), disk.display());
    if crate::support::unprivileged().is_some() {
        let refused = restore(
            &shelf,
            &to,
            &["--tablespace-mapping", &mapping, "--format", "json"],
        );
        let error = refused.exits(2).error().to_string();
        assert!(error.contains("cannot reach"), "{error}");
        assert!(!to.exists() && !disk.exists(), "something is left");
    }
    std::fs::set_permissions(closed.path(), mode(0o711)).unwrap();
    let more = ["--tablespace-mapping", &mapping, "--keep-running"];
    let back = restore(&shelf, &to, &more).data();
    let url = back["url"].as_str().unwrap();
    assert_eq!(ask(url, ROWS).await, wanted);
    assert_eq!(ask(url, PLACE).await, disk.display().to_string());
    PrivateServer::open(&to).unwrap().stop().await.unwrap();

    let nowhere = shelf.path().with_file_name("nowhere");
    let wrong = ["--tablespace-mapping", "/no/such=/x", "--format", "json"];
    let error = restore(&shelf, &nowhere, &wrong).exits(2).error();
    assert!(
        error.to_string().contains("has no tablespace in /no/such"),
        "{error}"
    );
    assert!(!nowhere.exists());
}

async fn what_a_restore_has_written_goes_when_it_fails_or_takes_too_long(engine: Engine) {
    let place = folder();
    let (source, data) = primary(engine, place.path()).await;
    source.archived().await;
    let oldest = source.backups().remove(0);
    let Source { shelf, primary, .. } = source;
    primary.stop().await;
    let to = shelf.path().with_file_name("back");
    each_is_too_late(&shelf, &to, &["fetch", "replay"]);
    let id = data["id"].as_str().unwrap();
    let manifest = shelf.manifest(id).await;
    let oid = &manifest.streams[1].name;
    assert_eq!(
        manifest.streams[1].location.as_deref(),
        place.path().to_str()
    );
    let inside = match engine {
        Engine::Native => format!("data/{oid}"),
        Engine::PgBackRest => format!("pg_tblspc/{oid}"),
        Engine::Barman => oid.clone(),
    };
    let mut parts = files(&oldest.join(&inside));
    parts.sort_by_key(|part| part.metadata().unwrap().len());
    let part = parts.pop().unwrap();
    let mut bytes = std::fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&part, bytes).unwrap();
    let failed = restore(&shelf, &to, &["--format", "json"]).exits(3);
    let error = failed.error().to_string();
    let name = format!("{inside}/");
    assert!(error.contains(&name), "{name}: {error}");
    assert!(error.contains(&file_name(&part)), "{error}");
    assert!(!to.exists(), "something is left");
}
