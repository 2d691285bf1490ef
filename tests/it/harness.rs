//! The test support itself.

use crate::support::{Cli, Database, Project};

#[test]
fn every_test_has_a_database_of_its_own() {
    let (one, two) = (Database::new(), Database::new());
    one.execute("create table only_here (id int)");
    let count = "select count(*) from pg_class where relname = 'only_here'";
    assert_eq!(one.value::<i64>(count), 1);
    assert_eq!(two.value::<i64>(count), 0);
}

#[tokio::test]
async fn databases_work_inside_a_runtime_and_vanish() {
    let other = Database::new();
    let name = {
        let database = Database::with_schema("create table t (id int); insert into t values (7)");
        let client = database.connect().await;
        let row = client.query_one("select id from t", &[]).await.unwrap();
        assert_eq!(row.get::<_, i32>(0), 7);
        assert_eq!(database.rows("select id, null from t"), ["7|"]);
        database.name().to_owned()
        // Dropped while the client is still connected.
    };
    let found = format!("select count(*) from pg_database where datname = '{name}'");
    assert_eq!(other.value::<i64>(&found), 0);
}

#[test]
fn the_binary_runs_in_a_project() {
    let project = Project::empty();
    let outcome = project.tidegate(["--version"]).ok();
    assert!(outcome.stdout.starts_with("tidegate "));
    assert_eq!(Cli::new(["no-such-command"]).run().code(), Some(2));
}
