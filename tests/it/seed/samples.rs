//! Real schemas, without a spec.

use std::path::Path;

use super::stage::Stage;
use crate::support::Database;

/// Needs the folder of pagila, chinook and northwind in `TIDEGATE_TEST_SAMPLES`; without it there is
/// nothing to seed.
fn seeded(name: &str) {
    let Some(folder) = std::env::var_os("TIDEGATE_TEST_SAMPLES") else {
        return;
    };
    let database = Database::new();
    let file = Path::new(&folder).join(format!("{name}.sql"));
    let loaded = std::process::Command::new("psql")
        .args(["-qX", "-o", "/dev/null", "-f"])
        .arg(file)
        .arg(database.server().url(database.name()))
        .output()
        .unwrap();
    assert!(loaded.status.success(), "{loaded:?}");
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
