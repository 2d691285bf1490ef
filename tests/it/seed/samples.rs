//! Real schemas, without a spec.

use super::stage::Stage;
use crate::support::Database;

fn seeded(name: &str) {
    let Some(database) = Database::sample(name) else {
        return;
    };
    let tables = database.rows(
        "select string_agg(oid::regclass::text, ', ') from pg_class
         where relkind in ('r', 'p') and not relispartition and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)",
    );
    database.execute(&format!("truncate {}", tables[0]));
    let stage = Stage::of(database);
    stage.project.tidegate(["migrate", "status"]).ok();
    let before = stage.schema();
    let data = stage.run(["--rows", "300", "--seed", "5"]);
    assert!(data["rows"].as_u64().unwrap() > 1000, "{data}");
    assert_eq!(stage.schema(), before);
    stage.prove();
}

#[test]
fn pagila_is_seeded_without_a_spec() {
    seeded("pagila");
}

#[test]
fn chinook_is_seeded_without_a_spec() {
    seeded("chinook");
}

#[test]
fn northwind_is_seeded_without_a_spec() {
    seeded("northwind");
}
