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

/// What a database that its migrations made holds: the tool's ledger, and rows of theirs.
const MIGRATED: &str = "
create table schema_migrations (version varchar(255) primary key);
create table alembic_version (version_num varchar(32) primary key);
insert into schema_migrations values ('20240101');
create table roles (id int primary key, name text not null unique);
insert into roles values (1, 'admin'), (2, 'member');
create table users (id serial primary key, role_id int not null references roles, email text not null unique);
";

#[test]
fn rows_that_migrations_wrote_stay_and_are_referred_to() {
    let stage = Stage::new(MIGRATED);
    let data = stage.run(["--rows", "100"]);
    assert_eq!(data["tables"].as_array().unwrap().len(), 1, "{data:#}");
    let notes = data["notes"].to_string();
    assert!(notes.contains("roles: holds 2 rows"), "{notes}");
    assert!(notes.contains("alembic_version: the ledger"), "{notes}");
    let rows = "select (select count(*) from users), (select count(distinct role_id) from users), \
        (select count(*) from roles), (select count(*) from schema_migrations), (select count(*) from alembic_version)";
    assert_eq!(stage.database.rows(rows), ["100|2|2|1|0"]);
    stage.prove();
    // Rows of a run do not pass for those of migrations.
    let again = stage.cli(["run", "--rows", "50", "--seed", "9"]).run();
    let said = "users holds rows already";
    assert!(again.stderr.contains(said), "{}", again.stderr);
    // A person who says so gets more of them, or an error.
    let spec = "version = 1\n[tables.roles]\nrows = 10\n";
    stage.project.write("seeds/roles.toml", spec);
    let full = stage.cli(["run", "--rows", "50"]).run();
    let said = "roles holds rows already";
    assert!(full.stderr.contains(said), "{}", full.stderr);
}

#[test]
fn a_table_brings_the_empty_ones_that_it_refers_to() {
    let stage = Stage::new(
        "create table g (id int primary key);
         create table p (id int primary key, g int not null references g);
         create table c (id int primary key, p int not null references p);
         create table other (id int primary key, c int not null references c)",
    );
    let plan = stage.cli(["plan", "--rows", "50", "--table", "c"]).data();
    let forecast = &plan["forecast"];
    assert_eq!(forecast["tables"].as_array().unwrap().len(), 3, "{plan:#}");
    let bytes = forecast["bytes"].as_u64().unwrap();
    let data = stage.run(["--rows", "50", "--table", "c"]);
    let wrote = data["bytes"].as_u64().unwrap();
    assert!(bytes >= wrote && bytes < wrote * 2, "{bytes} {wrote}");
    let rows = "select (select count(*) from g), (select count(*) from p), (select count(*) from c), (select count(*) from other)";
    assert_eq!(stage.database.rows(rows), ["50|50|50|0"]);
    stage.prove();
}

#[test]
fn a_database_without_an_empty_table_is_refused() {
    let stage = Stage::new("create table a (id int primary key); insert into a values (1)");
    let refused = stage.cli(["run"]).run();
    let said = "every table holds rows already";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
}

#[test]
fn rows_that_went_after_a_run_are_told_when_more_are_asked_for() {
    let stage = Stage::new("create table a (id int primary key, n int)");
    stage.run(["--rows", "100"]);
    stage.database.execute("delete from a where id < 10");
    let refused = stage.cli(["run", "--rows", "100", "--extend"]).run();
    let said = "a: earlier runs wrote 100 rows, and 91 are left";
    assert!(refused.stderr.contains(said), "{}", refused.stderr);
}

/// The server looks into an index's function already when it plans a query of the table.
#[test]
fn a_function_of_an_index_finds_what_it_calls() {
    let stage = Stage::new(
        "create function folded(text) returns text language sql immutable as 'select lower($1)';
         create function shown(text) returns text language sql immutable as 'select folded($1)';
         create table a (id int primary key, v text not null);
         create index on a (shown(v))",
    );
    stage.cli(["plan", "--rows", "10"]).ok();
    stage.run(["--rows", "10"]);
    stage.run(["--rows", "10", "--extend"]);
    stage.prove();
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
    assert!(!outcome.stderr.contains("--wait"), "{}", outcome.stderr);
    drop(client);
}

#[test]
fn what_a_check_lists_in_one_case_and_domains_inside_of_composites_are_met() {
    let stage = Stage::new(
        "create domain p as int check (value between 1 and 50);
         create type ad as (s text, n p);
         create table a (id int primary key, z ad not null,
             c char(2) not null check (upper(c) in ('SC', 'VC')),
             l text not null check (lower(l) = 'x' or lower(l) = 'yz'),
             m text not null check (upper(m) = any (array['ABC', 'DEF'])))",
    );
    stage.run(["--rows", "300"]);
    assert_eq!(
        stage
            .database
            .value::<i64>("select count(*) from a where (z).n between 1 and 50"),
        300
    );
}

#[test]
fn a_check_that_raises_an_error_is_named() {
    for check in ["t::int > 0", "jsonb_array_length(d) <= 3"] {
        let stage = Stage::new(&format!(
            "create table u (id int primary key, t text not null, d jsonb not null,
                 constraint fine check (id > -1), constraint raises check ({check}))"
        ));
        let error = stage.cli(["run", "--rows", "50", "--format", "json"]).run();
        assert!(
            error.stderr.contains("raises") || error.stdout.contains("raises"),
            "{}",
            error.stderr
        );
        assert_eq!(stage.database.value::<i64>("select count(*) from u"), 0);
    }
}

/// A condition that is met by trying, and that nothing but null meets.
#[test]
fn a_column_that_is_null_in_all_rows_is_told() {
    let stage = Stage::new(
        "create table t (id int primary key, j int check (abs(j) <= 10), k int check (abs(k) >= 10), gone date, at timestamptz check (date_part('year', at) = 1999))",
    );
    let notes = stage.run(["--rows", "300"])["notes"].to_string();
    for (column, told) in [
        ("j", true),
        ("at", true),
        ("k", false),
        ("gone", false),
        ("id", false),
    ] {
        let said = notes.contains(&format!("t.{column}: is null in all rows"));
        assert_eq!(said, told, "{column}: {notes}");
    }
    stage.prove();
}
