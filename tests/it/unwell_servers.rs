//! M18: servers that cannot take the work: a full disk, a standby. It is said, nothing is lost, and
//! the same command goes on when the server is well again.

use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use tidegate::postgres::private::{Options, PrivateServer};
use tokio_postgres::NoTls;

use crate::migrate::{CHANGE, SHOP};
use crate::support::{Project, programs};

/// A disk of its own, 24 MiB large.
struct Disk {
    path: PathBuf,
}

impl Disk {
    /// None, said aloud, where nothing may be mounted: as a normal user, in most containers.
    fn mount(path: PathBuf) -> Option<Self> {
        std::fs::create_dir(&path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=24m", "none"])
            .arg(&path)
            .output()
            .is_ok_and(|output| output.status.success());
        if !mounted {
            eprintln!("skipped: no file system can be mounted here");
            return None;
        }
        Some(Self { path })
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(&self.path)
            .status();
    }
}

struct Server(PrivateServer);

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(Some(pid)) = self.0.status().map(|status| status.pid)
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::QUIT);
        }
    }
}

async fn start(home: &Path) -> (Server, String) {
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o711);
    std::fs::set_permissions(home, mode).unwrap();
    let server = PrivateServer::open(&home.join("server")).unwrap();
    let options = Options {
        home: Some(home.to_owned()),
        binaries: Some(programs().clone()),
        ..Options::default()
    };
    let running = server.start(&options).await.unwrap();
    running.ensure_database("shop").await.unwrap();
    (Server(server), running.url("shop"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_named_and_the_run_goes_on_when_there_is_room() {
    let home = tempfile::Builder::new()
        .prefix("tgd")
        .tempdir_in("/tmp")
        .unwrap();
    let Some(disk) = Disk::mount(home.path().join("disk")) else {
        return;
    };
    let (_server, url) = start(home.path()).await;
    let owner = std::fs::metadata(home.path().join("server/data")).unwrap();
    chown(&disk.path, Some(owner.uid()), Some(owner.gid())).unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
        .batch_execute(&format!(
            "create tablespace small location '{}'",
            disk.path.display()
        ))
        .await
        .unwrap();
    client
        .batch_execute(&format!("set default_tablespace = small; {SHOP}"))
        .await
        .unwrap();
    client
        .batch_execute(
            "insert into transactions (account_email, note) select 'u' || (1 + g % 50) || '@example.org', \
             repeat('x', 80) from generate_series(1, 60000) g; analyze",
        )
        .await
        .unwrap();
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
         [environments.dev]\ntier = \"dev\"\nurl = \"{url}\"\n"
    ));
    project.change("0007_user_id.toml", CHANGE);
    let apply = ["migrate", "apply", "--release", "2.1.0", "--format", "json"];

    // Nothing is left but a few pages.
    let filler = disk.path.join("filler");
    let room = rustix::fs::statvfs(&disk.path).unwrap();
    let bytes = (room.f_bavail * room.f_frsize).saturating_sub(256 * 1024);
    std::fs::write(&filler, vec![0_u8; usize::try_from(bytes).unwrap()]).unwrap();
    let refused = project.tidegate(apply).run();
    assert_eq!(refused.error()["code"], "TG0210", "{refused:?}");
    let left: i64 = client
        .query_one(
            "select count(*) from transactions where user_id is null",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert!(left > 0, "the disk was never full");
    let status = project.tidegate(["migrate", "status"]).data();
    assert_eq!(status["changes"][0]["phase"], "backfill", "{status:#}");
    assert_eq!(status["changes"][0]["state"], "running", "{status:#}");

    std::fs::remove_file(&filler).unwrap();
    client.batch_execute("vacuum transactions").await.unwrap();
    project.tidegate(apply).ok();
    let wrong: i64 = client
        .query_one(
            "select count(*) from transactions t left join users u on u.id = t.user_id \
             where u.email is distinct from t.account_email",
            &[],
        )
        .await
        .unwrap()
        .get(0);
    assert_eq!(wrong, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_standby_is_refused_for_writing_and_serves_for_reading() {
    let home = tempfile::Builder::new()
        .prefix("tgd")
        .tempdir_in("/tmp")
        .unwrap();
    let (server, url) = start(home.path()).await;
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
         [environments.dev]\ntier = \"dev\"\nurl = \"{url}\"\n"
    ));
    project.change("0007_user_id.toml", CHANGE);
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client.batch_execute(SHOP).await.unwrap();
    drop(client);
    project
        .tidegate(["migrate", "apply", "--release", "1.0.0"])
        .ok();

    assert!(server.0.stop().await.unwrap());
    std::fs::write(home.path().join("server/data/standby.signal"), "").unwrap();
    let options = Options {
        home: Some(home.path().to_owned()),
        binaries: Some(programs().clone()),
        ..Options::default()
    };
    server.0.start(&options).await.unwrap();
    for command in [
        &["migrate", "apply", "--release", "2.1.0"][..],
        &["migrate", "rollback", "--release", "2.1.0", "--yes"],
    ] {
        let outcome = project
            .tidegate(command.iter().copied())
            .args(["--format", "json"])
            .exits(4);
        assert_eq!(outcome.error()["code"], "TG0205", "{outcome:?}");
    }
    let plan = project
        .tidegate(["migrate", "plan", "--release", "2.1.0"])
        .data();
    assert!(plan["steps"].as_array().unwrap().len() >= 5, "{plan:#}");
    for command in [
        ["migrate", "status"],
        ["backfill", "status"],
        ["audit", "show"],
        ["audit", "verify"],
    ] {
        project.tidegate(command).ok();
    }
}
