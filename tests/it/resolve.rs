//! A change outside of transactions that failed and has no down script: a person says what became
//! of it.

use crate::migrate::apply;
use crate::support::{Database, Project};

/// The second statement fails as long as the table it names is not there.
const SCRIPT: &str = "-- tidegate: release=1.0.0 transaction=off\n\
    vacuum t;\nvacuum nowhere;\nalter table t add c int;";

fn failed() -> (Database, Project) {
    let database = Database::with_schema("create table t (id int primary key);");
    let project = Project::new(&database);
    project.change("0001_x.sql", SCRIPT);
    let failed = project
        .tidegate(["migrate", "apply", "--release", "1.0.0", "--format", "json"])
        .exits(1);
    let hint = failed.error()["hint"].to_string();
    assert!(
        hint.contains("migrate resolve 0001 --as applied --yes"),
        "{hint}"
    );
    (database, project)
}

const STEPS: &str = "select ordinal, state, error is not null from tidegate.step order by 1";

#[test]
fn a_failed_step_that_was_done_by_hand_is_passed_over() {
    let (database, project) = failed();
    assert_eq!(database.rows(STEPS), ["0|done|f", "1|failed|t"]);
    project
        .tidegate(["migrate", "resolve", "1", "--step", "2", "--as", "applied"])
        .ok();
    apply(&project, "1.0.0");
    assert_eq!(database.value::<i64>("select count(c) from t"), 0);
    // Nothing waits for a word any more.
    let late = project
        .tidegate([
            "migrate",
            "resolve",
            "1",
            "--as",
            "not-applied",
            "--yes",
            "--format",
            "json",
        ])
        .exits(2);
    assert!(late.error()["message"].to_string().contains("no step"));
}

#[test]
fn a_failed_step_runs_again_without_a_word() {
    let (database, project) = failed();
    database.execute("create table nowhere ()");
    apply(&project, "1.0.0");
    assert_eq!(
        database.rows("select state, count(*) from tidegate.step group by 1"),
        ["done|3"]
    );
}

#[test]
fn a_whole_change_counts_as_applied_or_not_with_consent_alone() {
    for (word, state, steps) in [("applied", "done", 3), ("not-applied", "undone", 0)] {
        let (database, project) = failed();
        let phase = "select state from tidegate.phase";
        // The step that is done has no way back by itself.
        project
            .tidegate(["migrate", "rollback", "--change", "0001"])
            .exits(4);
        let asked = project
            .tidegate([
                "migrate", "resolve", "0001", "--as", word, "--format", "json",
            ])
            .exits(2);
        assert!(asked.error()["hint"].to_string().contains("--yes"));
        assert_eq!(database.rows(phase), ["running"]);
        let said = project.tidegate(["migrate", "resolve", "0001", "--as", word, "--yes"]);
        assert_eq!(said.data()["done"], word == "applied");
        assert_eq!(database.rows(phase), [state]);
        assert_eq!(
            database.value::<i64>("select count(*) from tidegate.step where state = 'done'"),
            steps
        );
        let audit = project.tidegate(["audit", "show"]).data().to_string();
        assert!(audit.contains("migrate.resolve"), "{audit}");
        project.tidegate(["audit", "verify"]).ok();
    }
}

#[test]
fn a_change_in_good_health_is_not_resolved() {
    let database = Database::with_schema("create table t (id int primary key);");
    let project = Project::new(&database);
    project.change(
        "0001_x.sql",
        "-- tidegate: release=1.0.0\nalter table t add c int;",
    );
    apply(&project, "1.0.0");
    project
        .tidegate([
            "migrate", "resolve", "--change", "0001", "--step", "1", "--as", "undone",
        ])
        .exits(2);
}
