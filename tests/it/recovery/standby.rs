//! M11: a base backup of a standby, which cannot begin a new segment when the backup ends: the last one
//! that it brings along goes on in the repository.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use tidegate::postgres::private::{Ephemeral, Options};

use super::pitr::{Received, command};
use super::stage::{run, value};
use crate::support::unprivileged;

/// A standby that follows a server.
pub(super) async fn standby(primary: &Ephemeral, folder: &Path) -> Ephemeral {
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o711)).unwrap();
    let (into, data) = (folder.join("standby"), folder.join("standby/data"));
    std::fs::create_dir(&into).unwrap();
    let copied = Command::new(primary.binaries.program("pg_basebackup").unwrap())
        .envs(primary.binaries.environment())
        .args(["--checkpoint=fast", "--write-recovery-conf", "--dbname"])
        .arg(primary.url("postgres"))
        .arg("--pgdata")
        .arg(&data)
        .status();
    assert!(copied.unwrap().success());
    if let Some((uid, gid)) = unprivileged() {
        let mut chown = Command::new("chown");
        let chown = chown.arg("-R").arg(format!("{uid}:{gid}")).arg(&data);
        assert!(chown.status().unwrap().success());
    }
    let settings = [("max_wal_senders", "5"), ("max_replication_slots", "5")];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let options = Options {
        settings: settings.into(),
        ..Options::default()
    };
    Ephemeral::start_in(&into, &options).await.unwrap()
}

/// Waits until a standby has replayed what its primary has written.
pub(super) async fn followed(primary: &Ephemeral, standby: &Ephemeral) {
    let now = value(primary, "select pg_current_wal_flush_lsn()::text").await;
    let there = format!("select (pg_last_wal_replay_lsn() >= '{now}')::text");
    let until = Instant::now() + Duration::from_secs(60);
    while value(standby, &there).await != "true" {
        assert!(Instant::now() < until, "the standby does not come to {now}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m11_a_backup_of_a_standby_goes_on_where_it_was_cut() {
    let source = Received::new().await;
    source.insert(1, "before").await;
    let folder = tempfile::Builder::new().prefix("tgs-").tempdir_in("/tmp");
    let folder = folder.unwrap();
    let standby = standby(&source.primary, folder.path()).await;
    run(&source.primary, "checkpoint").await;
    followed(&source.primary, &standby).await;
    let url = standby.url("postgres");
    let backup = command(&source.shelf, &["backup", "create", "--database-url", &url]).data();
    let id = backup["id"].as_str().unwrap();
    // Nobody writes: there is nothing behind the end of the backup, neither here nor there.
    for (name, target) in [("idle", &[][..]), ("consistent", &["--immediate"])] {
        assert_eq!(source.restored(name, target).await, ["before"], "{name}");
    }

    // All of this is in the segment that the backup brings the beginning of.
    let receiver = source.receiver();
    for number in 2..=300 {
        source.insert(number, "after").await;
    }
    source.uploaded().await;
    let there = source.shelf.path().join("wal/00000001");
    let whole = there.read_dir().unwrap().flatten();
    assert_eq!(whole.filter(|one| one.path().is_file()).count(), 0);
    assert_eq!(source.restored("pieces", &[]).await.len(), 300);
    assert_eq!(
        source.restored("immediate", &["--immediate"]).await,
        ["before"]
    );
    run(&source.primary, "select pg_switch_wal()").await;
    source.insert(301, "next segment").await;
    run(&source.primary, "select pg_switch_wal()").await;
    source.uploaded().await;
    assert_eq!(source.restored("whole", &[]).await.len(), 301);

    // Without the rest of it nobody gets past, however much follows.
    receiver.interrupt();
    receiver.wait();
    let mut segments: Vec<_> = there.read_dir().unwrap().flatten().collect();
    segments.retain(|one| one.path().is_file());
    segments.sort_by_key(std::fs::DirEntry::file_name);
    let [segment, _] = segments.as_slice() else {
        panic!("{segments:?}");
    };
    let name = segment.file_name().into_string().unwrap();
    std::fs::remove_file(segment.path()).unwrap();
    let audit = command(&source.shelf, &["wal", "audit", "--format", "json"]).exits(3);
    assert_eq!(audit.json()["data"]["holes"][0]["first"], name.as_str());
    let fetch = ["wal", "fetch", "--backup", id, &name];
    let to = source.shelf.temp().join("fetched");
    command(
        &source.shelf,
        &[&fetch[..], &[to.to_str().unwrap()]].concat(),
    )
    .exits(255);
    let back = source.shelf.temp().join("back");
    let args = [
        "restore",
        "--to",
        back.to_str().unwrap(),
        "--format",
        "json",
    ];
    let error = command(&source.shelf, &args).exits(3).error().to_string();
    assert!(error.contains(&name), "{error}");
    assert!(source.shelf.manifest(id).await.from_standby);
    standby.stop().await;
}
