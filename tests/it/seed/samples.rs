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
    filled(&Stage::of(database), &rows());
}

/// Rows of each table: a few in the suite, 100,000 where a machine has the time.
fn rows() -> String {
    std::env::var("TIDEGATE_TEST_SCHEMA_ROWS").unwrap_or_else(|_| "300".to_owned())
}

/// Seeds an empty database without a spec, and proves each constraint.
fn filled(stage: &Stage, rows: &str) -> u64 {
    stage.project.tidegate(["migrate", "status"]).ok();
    let before = stage.schema();
    let data = stage.run(["--rows", rows, "--seed", "5"]);
    assert!(data["rows"].as_u64().unwrap() > 1000, "{data}");
    assert_eq!(stage.schema(), before);
    stage.prove();
    data["rows"].as_u64().unwrap()
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

#[test]
fn tpch_is_seeded_without_a_spec() {
    let stage = Stage::new(include_str!("../../../fixtures/tpch/schema.sql"));
    let rows = rows();
    assert_eq!(filled(&stage, &rows), 8 * rows.parse::<u64>().unwrap());
}

/// Every `*.sql` in the folder that `TIDEGATE_TEST_SCHEMAS` names: schemas of applications, which
/// their licences keep out of this repository. `docs/TESTING.md` says where they come from.
#[test]
fn schemas_of_applications_are_seeded_without_a_spec() {
    let Ok(folder) = std::env::var("TIDEGATE_TEST_SCHEMAS") else {
        return;
    };
    let rows = rows();
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut paths: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "sql"));
    paths.sort();
    assert!(!paths.is_empty(), "{folder} holds no schemas");
    for path in paths {
        println!("{}", path.display());
        let stage = Stage::new(&std::fs::read_to_string(&path).unwrap());
        filled(&stage, &rows);
    }
}
