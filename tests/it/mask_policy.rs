//! M7, M18: the masking policy. Every column has a rule or the run is refused; rules follow
//! partitions, children and foreign keys; the lock sees what changed.

mod bad_input;
mod lock_and_preview;
mod resolution;

use serde_json::Value;

use crate::support::{Database, Outcome, Project};

pub(super) const KEY: &str = "9a1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";

/// A project whose only file of rules says this, besides version and key.
pub(super) fn project(database: &Database, rules: &str) -> Project {
    let project = Project::new(database);
    write_rules(&project, rules);
    project
}

/// The rules begin at line 3 of the file.
pub(super) fn write_rules(project: &Project, rules: &str) {
    project.write(
        "masking-rules/shop.toml",
        &format!("version = 1\nkey = {{ env = \"TIDEGATE_MASK_KEY\" }}\n{rules}"),
    );
}

/// `mask check`, with its exit code and its data.
pub(super) fn check(project: &Project, code: i32) -> Value {
    project
        .tidegate(["mask", "check", "--format", "json"])
        .exits(code)
        .json()["data"]
        .take()
}

/// The error of a `mask check` that cannot judge.
pub(super) fn refused(project: &Project) -> Value {
    failed(
        &project
            .tidegate(["mask", "check", "--format", "json"])
            .run(),
    )
}

pub(super) fn failed(outcome: &Outcome) -> Value {
    assert_ne!(outcome.code(), Some(0), "{}", outcome.stdout);
    assert_eq!(outcome.stdout, "", "a report instead of an error");
    outcome.error()
}

/// `users.email` for each column without a rule.
pub(super) fn uncovered(data: &Value) -> Vec<String> {
    data["uncovered"]
        .as_array()
        .unwrap()
        .iter()
        .map(|column| {
            let text = |key: &str| column[key].as_str().unwrap().to_owned();
            format!("{}.{}", text("table"), text("column"))
        })
        .collect()
}

/// The rules that were locked: `keep`, `null`, by table and column.
pub(super) fn locked(project: &Project) -> Value {
    project.tidegate(["mask", "lock"]).ok();
    serde_json::from_str(&project.read("masking-rules/mask.lock")).unwrap()
}

pub(super) fn mask_of(lock: &Value, table: &str, column: &str) -> String {
    let rule = &lock["tables"][table]["columns"][column]["rule"]["mask"]["mask"];
    rule.as_str()
        .unwrap_or_else(|| panic!("{table}.{column} in {lock:#}"))
        .to_owned()
}
