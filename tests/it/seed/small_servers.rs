//! Servers with few locks and few connections, and what processes leave on them.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tidegate::postgres::private::{Options, PrivateServer};
use tokio_postgres::{Client, NoTls};

use super::stage::Stage;
use crate::support::{Project, programs};

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

async fn start(home: &Path, settings: &[(&str, &str)]) -> (Server, Client, Project) {
    std::fs::set_permissions(home, PermissionsExt::from_mode(0o711)).unwrap();
    let server = PrivateServer::open(&home.join("server")).unwrap();
    let settings = settings
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let options = Options {
        home: Some(home.to_owned()),
        binaries: Some(programs().clone()),
        settings: settings.collect(),
        ..Options::default()
    };
    let running = server.start(&options).await.unwrap();
    running.ensure_database("shop").await.unwrap();
    let url = running.url("shop");
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
         [environments.dev]\ntier = \"dev\"\nurl = \"{url}\"\n"
    ));
    (Server(server), client, project)
}

fn home() -> tempfile::TempDir {
    tempfile::Builder::new()
        .prefix("tgs")
        .tempdir_in("/tmp")
        .unwrap()
}

async fn number(client: &Client, sql: &str) -> i64 {
    client.query_one(sql, &[]).await.unwrap().get(0)
}

/// Each table has objects to take off that need more locks together than the server has.
#[tokio::test(flavor = "multi_thread")]
async fn more_tables_are_seeded_than_the_server_has_locks_for() {
    let home = home();
    let few = [
        ("max_locks_per_transaction", "10"),
        ("max_connections", "12"),
    ];
    let (_server, client, project) = start(home.path(), &few).await;
    for from in (0..240).step_by(20) {
        let mut sql = String::new();
        for table in from..from + 20 {
            let refers = if table > 0 {
                format!("references t{}", table - 1)
            } else {
                String::new()
            };
            sql.push_str(&format!(
                "create table t{table} (id int primary key, a int not null unique, b int {refers}); create index on t{table} (b);"
            ));
        }
        client.batch_execute(&sql).await.unwrap();
    }
    let constraints = "select count(*) from pg_constraint where contype in ('p', 'u', 'f') and convalidated and conrelid::regclass::text ~ '^t[0-9]'";
    let before = number(&client, constraints).await;
    let run = |rows| project.tidegate(["seed", "run", "--rows", rows, "--workers", "2"]);
    // A child is stopped while objects are taken off: the run is gone on with.
    let child = run("3").spawn();
    let taken = "select count(*) from tidegate.seed_unhooked";
    let there = "select (to_regclass('tidegate.seed_unhooked') is not null)::int::bigint";
    let mut tries = 0;
    while number(&client, there).await == 0 || number(&client, taken).await < 100 {
        tries += 1;
        assert!(tries < 12_000, "nothing is taken off");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    child.kill();
    // What was taken off, or is left of the load, comes back before another request.
    run("4").ok();
    assert_eq!(number(&client, constraints).await, before);
    assert_eq!(
        number(
            &client,
            "select (select count(*) from t0) + (select count(*) from t239)"
        )
        .await,
        8
    );
    assert_eq!(number(&client, taken).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_are_as_many_as_the_server_has_connections_for() {
    let home = home();
    let few = [
        ("max_connections", "14"),
        ("superuser_reserved_connections", "1"),
    ];
    let (_server, client, project) = start(home.path(), &few).await;
    client
        .batch_execute("create table a (id int primary key, v text unique); create table b (id int primary key, a int references a)")
        .await
        .unwrap();
    project
        .tidegate([
            "seed",
            "run",
            "--rows",
            "2000",
            "--chunk-rows",
            "100",
            "--workers",
            "64",
        ])
        .ok();
    assert_eq!(number(&client, "select count(*) from a").await, 2000);
}

/// A clone whose maker was killed while the server made it has no comment yet.
#[test]
fn clones_that_nobody_named_are_swept() {
    let stage = Stage::new("create table a (id int primary key)");
    stage.run(["--rows", "10"]);
    stage.cli(["template", "save"]).ok();
    let name = stage.database.name().to_owned();
    let other = format!("{name}_clone_kept");
    for (clone, comment) in [
        (format!("{name}_clone_20261126140420035"), false),
        (format!("{name}_seed_20261126140420035"), false),
        (format!("{name}_seed_20261126140420036"), true),
        (other.clone(), false),
    ] {
        stage.database.execute(&format!("create database {clone}"));
        if comment {
            stage
                .database
                .execute(&format!("comment on database {clone} is 'mine'"));
        }
    }
    stage.cli(["reset"]).ok();
    let left = format!(
        "select datname from pg_database where datname like '{name}\\_%' and datname !~ '_seed_20[0-9]*$' order by 1"
    );
    assert_eq!(stage.database.rows(&left).join(","), other);
    let mine = format!(
        "select count(*) from pg_database where datname in ('{name}_seed_20261126140420036', '{name}_seed_20261126140420035')"
    );
    assert_eq!(stage.database.value::<i64>(&mine), 1);
    for clone in [other, format!("{name}_seed_20261126140420036")] {
        stage.database.execute(&format!("drop database {clone}"));
    }
    stage.cli(["template", "drop"]).ok();
}
