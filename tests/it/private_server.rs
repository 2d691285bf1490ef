//! The private PostgreSQL, with real servers.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;
use tidegate::error::Kind;
use tidegate::postgres::private::{
    Binaries, Ephemeral, Identity, Options, PrivateServer, Running, Search, discover,
};
use tokio_postgres::{Client, NoTls};

use crate::support::{programs, programs_of_home};

/// A folder with a short path that another user can pass through.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::Builder::new()
            .prefix("tgs")
            .tempdir_in("/tmp")
            .unwrap();
        std::fs::set_permissions(dir.path(), std::fs::Permissions::from_mode(0o711)).unwrap();
        Self(dir)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn options(&self) -> Options {
        Options {
            home: Some(self.path().to_owned()),
            wal_segsize: Some(1),
            binaries: Some(programs().clone()),
            ..Options::default()
        }
    }
}

/// Stops the server when a test ends, also when it fails.
struct Stop(PrivateServer);

impl Drop for Stop {
    fn drop(&mut self) {
        if let Ok(Some(pid)) = self.0.status().map(|status| status.pid) {
            signal(pid, Signal::QUIT);
            while self.0.status().is_ok_and(|status| status.pid.is_some()) {
                std::thread::sleep(std::time::Duration::from_millis(5));
            }
        }
    }
}

fn server(dir: &Path) -> Stop {
    Stop(PrivateServer::open(dir).unwrap())
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn text(client: &Client, sql: &str) -> String {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

async fn identifier(running: &Running) -> String {
    let client = connect(&running.url("postgres")).await;
    text(
        &client,
        "select system_identifier::text from pg_control_system()",
    )
    .await
}

fn signal(pid: i32, signal: Signal) {
    // It may have ended in the meantime.
    let _ = kill_process(Pid::from_raw(pid).unwrap(), signal);
}

#[tokio::test]
async fn data_survives_stop_and_start() {
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let options = home.options();
    let running = server.0.start(&options).await.unwrap();
    assert!(!running.was_running);
    assert!(running.ensure_database("my shop\"").await.unwrap());
    assert!(!running.ensure_database("my shop\"").await.unwrap());
    let client = connect(&running.url("my shop\"")).await;
    client
        .batch_execute("create table t as select 42 as n")
        .await
        .unwrap();
    drop(client);
    assert!(server.0.start(&options).await.unwrap().was_running);
    assert_eq!(server.0.url("my shop\""), running.url("my shop\""));

    assert!(server.0.stop().await.unwrap());
    assert!(!server.0.stop().await.unwrap());
    assert_eq!(server.0.status().unwrap().pid, None);
    assert_eq!(
        server.0.url("x"),
        running.url("x"),
        "the same while it is stopped"
    );

    server.0.start(&options).await.unwrap();
    let client = connect(&server.0.url("my shop\"")).await;
    assert_eq!(text(&client, "select n::text from t").await, "42");
    assert!(
        running.recreate_database("my shop\"").await.is_ok(),
        "ends the session above"
    );
    let client = connect(&server.0.url("my shop\"")).await;
    assert_eq!(
        text(&client, "select coalesce(to_regclass('t')::text, 'gone')").await,
        "gone"
    );
}

#[tokio::test]
async fn it_is_durable_private_and_has_the_settings_asked_for() {
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let options = Options {
        settings: vec![
            ("work_mem".into(), "7MB".into()),
            ("my.thing".into(), "a 'b' \\c".into()),
        ],
        ..home.options()
    };
    let running = server.0.start(&options).await.unwrap();
    let client = connect(&running.url("postgres")).await;
    for (name, value) in [
        ("fsync", "on"),
        ("full_page_writes", "on"),
        ("synchronous_commit", "on"),
        ("listen_addresses", ""),
        ("unix_socket_permissions", "0700"),
        ("work_mem", "7MB"),
        ("my.thing", "a 'b' \\c"),
        ("wal_segment_size", "1MB"),
        ("server_encoding", "UTF8"),
    ] {
        assert_eq!(
            text(&client, &format!("show {name}")).await,
            value,
            "{name}"
        );
    }
    use std::os::unix::fs::MetadataExt;
    for folder in [&running.socket, &running.data] {
        assert_eq!(
            folder.metadata().unwrap().mode() & 0o777,
            0o700,
            "{}",
            folder.display()
        );
    }
    let bad = Options {
        settings: vec![("listen_addresses".into(), "*".into())],
        ..home.options()
    };
    server.0.stop().await.unwrap();
    assert_eq!(
        server.0.start(&bad).await.unwrap_err().kind(),
        Kind::ConfigValue
    );
}

#[tokio::test]
async fn a_killed_server_recovers() {
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let running = server.0.start(&home.options()).await.unwrap();
    let client = connect(&running.url("postgres")).await;
    client
        .batch_execute("create table t as select generate_series(1, 1000) as n")
        .await
        .unwrap();
    // A session that computes, and so does not notice that its server is gone.
    let busy = connect(&running.url("postgres")).await;
    let work = busy.batch_execute("select count(*) from generate_series(1, 2000000000)");
    let work = async { assert!(work.await.is_err()) };
    let look =
        "select count(*)::text from pg_stat_activity where state = 'active' and query ~ '20{9}'";
    let kill = async {
        while text(&client, look).await != "1" {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        signal(running.pid, Signal::KILL);
        while server.0.status().unwrap().pid.is_some() {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
        server.0.start(&home.options()).await.unwrap()
    };
    let ((), again) = tokio::join!(work, kill);
    assert!(!again.was_running && again.pid != running.pid);
    let client = connect(&again.url("postgres")).await;
    assert_eq!(text(&client, "select count(*)::text from t").await, "1000");
}

#[tokio::test]
async fn a_stale_file_with_the_number_of_a_living_process_is_no_obstacle() {
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let running = server.0.start(&home.options()).await.unwrap();
    let file = running.data.join("postmaster.pid");
    let stale = std::fs::read_to_string(&file).unwrap();
    server.0.stop().await.unwrap();
    // A process of the server's own user, whose number PostgreSQL would respect.
    let identity = Identity::current().unwrap();
    let mut command = Command::new("sleep");
    if identity.switched {
        use std::os::unix::process::CommandExt;
        command.uid(identity.uid).gid(identity.gid);
    }
    let mut stranger = command.arg("600").spawn().unwrap();
    std::fs::write(
        &file,
        stale.replacen(&running.pid.to_string(), &stranger.id().to_string(), 1),
    )
    .unwrap();
    assert_eq!(server.0.status().unwrap().pid, None);
    assert!(!server.0.stop().await.unwrap());
    assert!(
        stranger.try_wait().unwrap().is_none(),
        "the stranger was not signalled"
    );
    let started = server.0.start(&home.options()).await;
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    assert!(!started.unwrap().was_running);
}

#[tokio::test]
async fn processes_that_start_it_at_once_all_get_it() {
    let home = Home::new();
    let _server = server(&home.path().join("server"));
    let children: Vec<_> = (0..4)
        .map(|_| {
            cli(
                home.path(),
                &["server", "start", "--database", "d", "--format", "json"],
            )
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
        })
        .collect();
    let mut pids = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        pids.push(json["data"]["pid"].as_i64().unwrap());
    }
    assert!(pids.iter().all(|pid| *pid == pids[0]), "{pids:?}");
}

#[tokio::test]
async fn reset_makes_another_server() {
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let running = server.0.start(&home.options()).await.unwrap();
    running.ensure_database("d").await.unwrap();
    let before = identifier(&running).await;
    let fresh = server.0.reset(&home.options()).await.unwrap();
    assert_ne!(
        identifier(&fresh).await,
        before,
        "copies do not share an identity"
    );
    assert!(
        fresh.ensure_database("d").await.unwrap(),
        "the database was gone"
    );
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_still_serves() {
    let home = Home::new();
    let server = server(&home.path().join("long".repeat(40)).join("server"));
    let running = server.0.start(&home.options()).await.unwrap();
    assert!(!running.socket.starts_with(home.path()));
    let client = connect(&running.url("postgres")).await;
    assert_eq!(text(&client, "select 'yes'").await, "yes");
    drop(client);
    server.0.stop().await.unwrap();
    std::fs::remove_dir_all(&running.socket).unwrap();
}

#[tokio::test]
async fn a_temporary_server_leaves_nothing() {
    let home = Home::new();
    let one = Ephemeral::start(&home.options()).await.unwrap();
    let two = Ephemeral::start(&home.options()).await.unwrap();
    assert_ne!(one.data, two.data);
    assert_ne!(identifier(&one).await, identifier(&two).await);
    let folders: Vec<PathBuf> = [&one, &two]
        .map(|server| server.data.parent().unwrap().to_owned())
        .into();
    one.stop().await;
    drop(two);
    assert!(folders.iter().all(|folder| !folder.exists()));
}

#[tokio::test]
async fn a_start_that_fails_says_why_and_leaves_nothing() {
    let home = Home::new();
    let options = Options {
        settings: vec![("work_mem".into(), "banana".into())],
        ..home.options()
    };
    let error = Ephemeral::start(&options).await.unwrap_err();
    assert_eq!(error.kind(), Kind::ServerStart);
    assert!(
        error.details().iter().any(|line| line.contains("banana")),
        "{error:?}"
    );
}

#[tokio::test]
async fn another_version_than_the_data_has_is_refused() {
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let running = server.0.start(&home.options()).await.unwrap();
    let options = Options {
        pg_version: Some(running.version().major + 1),
        ..home.options()
    };
    for _ in ["running", "stopped"] {
        let error = server.0.start(&options).await.unwrap_err();
        assert!(error.hint_text().contains("reset"), "{error:?}");
        server.0.stop().await.unwrap();
    }
}

/// Every version named in `PG_BINS` (folders, separated by colons), or just the default.
#[tokio::test]
async fn every_version_at_hand_works() {
    let home = Home::new();
    let mut found = vec![discover(&Search::default()).await.unwrap()];
    for dir in std::env::split_paths(&std::env::var_os("PG_BINS").unwrap_or_default())
        .filter(|dir| !dir.as_os_str().is_empty())
    {
        found.push(Binaries::probe(&dir).await.unwrap());
    }
    for binaries in found {
        let options = Options {
            binaries: Some(binaries.clone()),
            ..home.options()
        };
        let first = Ephemeral::start(&options).await.unwrap();
        let second = Ephemeral::start(&options).await.unwrap();
        assert_ne!(
            identifier(&first).await,
            identifier(&second).await,
            "{}",
            binaries.version
        );
        let client = connect(&second.url("postgres")).await;
        let version = text(&client, "show server_version_num").await;
        assert!(
            version.starts_with(&binaries.version.major.to_string()),
            "{version}"
        );
    }
}

fn cli(home: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(assert_cmd::cargo::cargo_bin!("tidegate"));
    command
        .env("TIDEGATE_HOME", home)
        .current_dir("/")
        .args(arguments);
    if let Some(bin) = programs_of_home() {
        command.env("PG_BIN", bin);
    }
    command
}

fn succeed(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_commands() {
    let home = Home::new();
    let _stop = server(&home.path().join("server"));
    let status = succeed(cli(home.path(), &["server", "status"]));
    assert!(status.starts_with("not made yet"), "{status}");
    succeed(cli(home.path(), &["server", "start"]));
    let url = succeed(cli(home.path(), &["server", "url"]));
    assert!(url.starts_with("postgresql:///app?host=/") && url.lines().count() == 1);
    let mut psql = cli(
        home.path(),
        &["server", "psql", "--", "-XAtc", "select current_database()"],
    );
    psql.env("PGHOSTADDR", "192.0.2.1")
        .env("PGOPTIONS", "-c nonsense=1");
    assert_eq!(succeed(psql), "app\n");
    let refused = cli(home.path(), &["server", "reset"]).output().unwrap();
    assert_eq!(refused.status.code(), Some(2));
    succeed(cli(
        home.path(),
        &["server", "reset", "--database", "app", "--yes"],
    ));
    let installed = succeed(cli(home.path(), &["server", "install", "--format", "json"]));
    assert!(installed.contains("\"found\""), "{installed}");
    succeed(cli(home.path(), &["server", "stop"]));
    let missing = cli(home.path(), &["server", "start", "--pg-version", "99"])
        .output()
        .unwrap();
    assert!(!missing.status.success());
}

#[test]
fn programs_asked_for_that_are_not_there_are_an_error() {
    let home = Home::new();
    let output = cli(home.path(), &["server", "start", "--format", "json"])
        .env("PG_BIN", home.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    let json: serde_json::Value = serde_json::from_slice(&output.stderr).unwrap();
    assert_eq!(json["code"], "TG0301");
    assert!(output.stdout.is_empty());
}

/// Root only: the whole life of a server as a user without any rights, who owns just one folder.
#[test]
fn a_normal_user_has_a_server_too() {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    if !Identity::current().unwrap().switched {
        return;
    }
    const NOBODY: u32 = 65534;
    let home = Home::new();
    // The build folder may lie where that user cannot go.
    let program = home.path().join("tidegate");
    std::fs::copy(assert_cmd::cargo::cargo_bin!("tidegate"), &program).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let data = home.path().join("data");
    std::fs::create_dir(&data).unwrap();
    std::os::unix::fs::chown(&data, Some(NOBODY), Some(NOBODY)).unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command
            .env_remove("TIDEGATE_HOME")
            .env("XDG_DATA_HOME", &data);
        command
            .uid(NOBODY)
            .gid(NOBODY)
            .current_dir("/")
            .args(arguments);
        succeed(command)
    };
    run(&["server", "start"]);
    let user = run(&["server", "psql", "--", "-XAtc", "select current_user"]);
    assert_eq!(user, "postgres\n");
    assert!(data.join("tidegate/server/data/PG_VERSION").exists());
    run(&["server", "reset", "--yes"]);
    assert_eq!(run(&["server", "stop"]), "stopped; its data stays\n");
}

/// Root only: a user who is neither the server's nor root cannot get in.
#[tokio::test]
async fn strangers_stay_outside() {
    use std::os::unix::process::CommandExt;
    if !Identity::current().unwrap().switched {
        return;
    }
    let home = Home::new();
    let server = server(&home.path().join("server"));
    let running = server.0.start(&home.options()).await.unwrap();
    let psql = running.binaries.program("psql").unwrap();
    let ask = |uid: u32| {
        let mut command = Command::new(&psql);
        command
            .arg(running.url("postgres"))
            .args(["-XAtc", "select 1"]);
        command.uid(uid).gid(uid).current_dir("/").output().unwrap()
    };
    let identity = Identity::current().unwrap();
    assert!(ask(identity.uid).status.success());
    let refused = ask(64999);
    assert!(!refused.status.success());
    let said = String::from_utf8_lossy(&refused.stderr);
    assert!(said.contains("Permission denied"), "{said}");
}
