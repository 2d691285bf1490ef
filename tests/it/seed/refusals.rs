//! What is never seeded.

use super::stage::Stage;
use crate::support::{Database, Project};

const TABLE: &str = "create table a (id int primary key)";

fn project(tier: &str, database: &Database) -> Project {
    Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"it\"\n\n[environments.it]\ntier = \"{tier}\"\nurl = \"{}\"\n",
        database.url()
    ))
}

#[test]
fn production_is_refused_and_staging_asks() {
    let database = Database::new();
    database.execute(TABLE);
    let production = project("production", &database);
    for command in [
        vec!["seed", "run"],
        vec!["seed", "reset"],
        vec!["seed", "template", "save"],
    ] {
        let outcome = production
            .tidegate(command.iter().copied())
            .args(["--yes", "--format", "json"])
            .exits(4);
        assert_eq!(outcome.error()["code"], "TG0903", "{command:?}");
    }
    let staging = project("staging", &database);
    staging.tidegate(["seed", "run"]).exits(4);
    assert_eq!(database.value::<i64>("select count(*) from a"), 0);
    staging
        .tidegate(["seed", "run", "--rows", "5", "--yes"])
        .ok();
    assert_eq!(database.value::<i64>("select count(*) from a"), 5);
}

#[test]
fn a_check_that_only_the_server_knows_is_tried_before_the_first_row() {
    let stage = Stage::new(
        "create function odd_one(int) returns bool immutable language sql as 'select $1 < -5';
         create table a (id int primary key, n int not null, constraint strange check (odd_one(n)))",
    );
    let outcome = stage.cli(["run", "--rows", "50"]).run();
    assert_ne!(outcome.code(), Some(0));
    assert!(outcome.stderr.contains("strange"), "{}", outcome.stderr);
    assert_eq!(stage.database.value::<i64>("select count(*) from a"), 0);
    let key = "select count(*) from pg_constraint where conrelid = 'a'::regclass and contype = 'p'";
    assert_eq!(stage.database.value::<i64>(key), 1);
}

#[test]
fn a_second_run_waits_its_turn() {
    let stage = Stage::new(TABLE);
    let holder = stage.database.url();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let client = runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(&holder, tokio_postgres::NoTls)
            .await
            .unwrap();
        tokio::spawn(connection);
        let lock = format!("select pg_advisory_lock({}, 0)", 0x7469_7365);
        client.batch_execute(&lock).await.unwrap();
        client
    });
    let outcome = stage.cli(["run", "--rows", "5"]).run();
    assert!(outcome.stderr.contains("under way"), "{}", outcome.stderr);
    drop(client);
}
