//! The coordinator without workers, with workers of another mind, and killed.

use super::{eventually, project};
use crate::support::{Database, Project, Running, Server};

/// Forty tables, a range each.
const MANY: &str = "
create table users (id int primary key, email text);
insert into users select i, 'user' || i || '@example.org' from generate_series(1, 1000) i;
do $$ begin for i in 1..40 loop
    execute format('create table t%s (id int primary key, filling text)', i);
    execute format('insert into t%s select g, repeat(''z'', 300) from generate_series(1, 8000) g', i);
end loop; end $$;";

struct Stage {
    origin: Database,
    control: Database,
    // Its name is the target's until a copy is promoted, then the copy's.
    staging: Database,
    project: Project,
}

impl Stage {
    fn new() -> Self {
        let (origin, control) = (Database::with_schema(MANY), Database::new());
        let staging = Database::new();
        let project = project(&origin.url(), &staging.url(), &control.url(), "");
        Self {
            origin,
            control,
            staging,
            project,
        }
    }

    fn copy(&self) -> Running {
        self.project.tidegate(COPY).spawn()
    }

    fn worker(&self) -> Running {
        self.project
            .tidegate(["worker", "--heartbeat", "500ms"])
            .spawn()
    }

    /// The number that a query in the unfinished copy gives; zero while there is none.
    fn unfinished(&self, sql: &str) -> i64 {
        let name = format!("{}_tidegate", self.staging.name());
        let names = self.control.rows(&format!(
            "select datname from pg_database where starts_with(datname, '{name}')"
        ));
        let Some(name) = names.into_iter().next() else {
            return 0;
        };
        super::number(&Server::shared().url(&name), sql).unwrap_or(0)
    }

    fn orders(&self) -> i64 {
        self.control
            .value("select count(*) from tidegate_queue.jobs")
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let prefix = self.staging.name().to_owned();
        for name in self.control.rows(&format!(
            "select datname from pg_database where starts_with(datname, '{prefix}_')"
        )) {
            self.control
                .execute(&format!("drop database \"{name}\" with (force)"));
        }
    }
}

const COPY: [&str; 10] = [
    "copy",
    "run",
    "--from",
    "origin",
    "--to",
    "staging",
    "--promote",
    "--dispatch",
    "workers",
    "--format=json",
];

const DONE: &str = "select count(*) from tidegate_copy.chunk where state = 'done'";

#[test]
fn a_coordinator_without_workers_loads_the_rows_itself() {
    let stage = Stage::new();
    let outcome = stage.project.tidegate(COPY).ok().json()["data"].take();
    assert_eq!(outcome["promoted"], true, "{outcome}");
    assert_eq!(outcome["workers"].as_object().unwrap().len(), 1);
    assert_eq!(stage.orders(), 0, "what nobody began is taken back");
}

#[test]
fn m18_a_worker_with_another_key_or_other_rules_refuses_and_is_seen() {
    let rules = super::RULES.replace("{ mask = \"email\" }", "\"null\"");
    let key = super::KEY.replace('8', "3");
    for (file, text, code) in [
        ("mask.key", key, "TG0803"),
        ("masking-rules/shop.toml", rules, "TG0810"),
    ] {
        let stage = Stage::new();
        let (origin, staging) = (stage.origin.url(), stage.staging.url());
        let stranger = project(&origin, &staging, &stage.control.url(), "");
        stranger.write(file, &text);
        let worker = stranger.tidegate(["worker"]).spawn();
        let outcome = stage.project.tidegate(COPY).ok().json()["data"].take();
        assert_eq!(outcome["promoted"], true, "{outcome}");
        let workers = outcome["workers"].as_object().unwrap();
        assert_eq!(workers.len(), 1, "{outcome}");
        worker.interrupt();
        assert_eq!(worker.wait().code(), Some(0));
        let list = stage.project.tidegate(["schedule", "list"]).data();
        assert!(list["queue"]["failed"].as_i64().unwrap() > 0, "{list}");
        let error = list["queue"]["failures"][0]["error"].as_str().unwrap();
        assert!(error.contains(code), "{error}");
    }
}

#[test]
fn m18_a_worker_that_is_stopped_gives_its_range_back() {
    let stage = Stage::new();
    let (first, second) = (stage.worker(), stage.worker());
    let coordinator = stage.copy();
    eventually("some ranges", || stage.unfinished(DONE) > 3);
    first.interrupt();
    assert_eq!(first.wait().code(), Some(0));
    let outcome = coordinator.wait();
    assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    let ranges: i64 = outcome.json()["data"]["workers"]
        .as_object()
        .unwrap()
        .values()
        .filter_map(serde_json::Value::as_i64)
        .sum();
    assert_eq!(ranges, 41);
    let rows: i64 = stage
        .staging
        .value("select count(distinct id) + count(*) from t40");
    assert_eq!(rows, 16_000);
    second.interrupt();
    assert_eq!(second.wait().code(), Some(0));
}

#[test]
fn m18_workers_stop_when_the_coordinator_is_killed_and_the_next_run_goes_on() {
    let stage = Stage::new();
    let (first, second) = (stage.worker(), stage.worker());
    let killed = stage.copy();
    eventually("some ranges", || stage.unfinished(DONE) > 3);
    killed.kill();
    eventually("the workers to stop", || {
        stage.unfinished(
            "select count(*) from pg_stat_activity where application_name = 'tidegate/copy-worker'",
        ) == 0
    });
    let done = stage.unfinished(DONE);
    assert!(done < 41, "killed too late");
    let outcome = stage.project.tidegate(COPY).ok().json()["data"].take();
    assert_eq!(outcome["promoted"], true, "{outcome}");
    assert_eq!(outcome["ranges_kept"], done, "{outcome}");
    for worker in [first, second] {
        worker.interrupt();
        assert_eq!(worker.wait().code(), Some(0));
    }
    let rows: i64 = stage
        .staging
        .value("select count(distinct id) + count(*) from t7");
    assert_eq!(rows, 16_000);
}

#[test]
fn a_control_database_that_the_copy_would_replace_is_refused() {
    let stage = Stage::new();
    let staging = stage.staging.url();
    let wrong = project(&stage.origin.url(), &staging, &staging, "");
    let error = wrong.tidegate(COPY).exits(4).error();
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("control database"), "{message}");
}
