//! Several workers share what was dispatched.

use super::eventually;
use crate::migrate::{CHANGE, SHOP, WRONG, shop};
use crate::support::{Database, Project};

const ROWS: i64 = 300_000;

fn worker(project: &Project, control: &str) -> crate::support::Running {
    project
        .tidegate(["worker", "--control", control, "--heartbeat", "500ms"])
        .spawn()
}

#[test]
fn m18_two_workers_share_a_detached_backfill_and_one_is_killed() {
    let (database, project) = shop();
    database.execute(&format!(
        "insert into transactions (account_email) \
         select u.email from generate_series(1, {ROWS}) as g, \
           lateral (select email from users where id = 1 + g % (select count(*) from users)) as u; \
         analyze transactions"
    ));
    let applied = project
        .tidegate([
            "migrate",
            "apply",
            "--release",
            "2.1.0",
            "--backfill",
            "detach",
            "--dispatch",
            "workers",
        ])
        .data();
    assert_eq!(applied["jobs"], serde_json::json!(["b1"]), "{applied}");
    let total: i64 = database.value("select count(*) from transactions");
    let (url, chunks) = (
        database.url(),
        "select count(*) from tidegate.backfill_chunk",
    );
    assert_eq!(database.value::<i64>(chunks), 0, "nobody works yet");
    let sessions = "select count(*) from pg_stat_activity \
        where application_name = 'tidegate/backfill' and datname = current_database()";
    let first = worker(&project, &url);
    eventually("the first chunk", || database.value::<i64>(chunks) > 0);
    let alone: i64 = database.value(sessions);
    let second = worker(&project, &url);
    eventually("the second worker to join", || {
        database.value::<i64>(sessions) > alone
    });
    let state = "select state from tidegate.backfill_job";
    assert_eq!(
        database.value::<String>(state),
        "running",
        "killed too late"
    );
    first.kill();
    eventually("the backfill to be done", || {
        database.value::<String>(state) == "done"
    });
    eventually("its phase to be finished", || {
        database.rows("select phase from tidegate.phase where state = 'done' order by 1")
            == ["backfill", "expand"]
    });
    eventually("the queue to be empty", || {
        database.value::<i64>("select count(*) from tidegate_queue.jobs") == 0
    });
    second.interrupt();
    assert_eq!(second.wait().code(), Some(0));
    assert_eq!(database.value::<i64>(WRONG), 0);
    let changed: i64 = database.value("select sum(rows)::bigint from tidegate.backfill_chunk");
    assert_eq!(changed, total, "each row is changed by one chunk");
    let twice = database.rows(
        "select from_block from tidegate.backfill_window group by job_id, ordinal, from_block \
         having count(*) > 1",
    );
    assert_eq!(twice, Vec::<String>::new());
    // What the queue brought into the database is not part of the application's schema.
    project.tidegate(["migrate", "verify"]).ok();
}

#[test]
fn a_control_database_of_its_own_holds_queue_and_schedules() {
    let (database, control) = (Database::with_schema(SHOP), Database::new());
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
         [environments.dev]\ntier = \"dev\"\nurl = \"{}\"\n\n\
         [control]\nurl = \"{}\"\ndispatch = \"workers\"\n\n\
         [[schedule]]\nname = \"job\"\ncron = \"@daily\"\nrun = \"backfill status\"\n",
        database.url(),
        control.url()
    ));
    project.change("0007_user_id.toml", CHANGE);
    let release = [
        "migrate",
        "apply",
        "--release",
        "2.1.0",
        "--backfill",
        "detach",
    ];
    let applied = project.tidegate(release).data();
    assert_eq!(applied["jobs"], serde_json::json!(["b1"]), "{applied}");
    // Queued once more: the waiting orders are the same ones.
    let jobs = project.tidegate(["backfill", "run", "b1"]).data();
    assert_eq!(jobs["jobs"][0]["state"], "pending", "{jobs}");
    let waiting: i64 = control.value("select count(*) from tidegate_queue.jobs");
    assert_eq!(waiting, 5, "four shares and the command that finishes");
    let worker = project.tidegate(["worker", "--concurrency", "2"]).spawn();
    eventually("the phase to be finished by the worker", || {
        database.rows("select phase from tidegate.phase where state = 'done' order by 1")
            == ["backfill", "expand"]
    });
    worker.interrupt();
    assert_eq!(worker.wait().code(), Some(0));
    assert_eq!(database.value::<i64>(WRONG), 0);
    project.tidegate(["schedule", "run", "job"]).ok();
    let runs = "select count(*) from tidegate.schedule_run";
    assert_eq!(control.value::<i64>(runs), 1);
    assert_eq!(database.value::<i64>(runs), 0);
    let schemas = "select count(*) from pg_namespace where nspname = 'tidegate_queue'";
    assert_eq!(database.value::<i64>(schemas), 0);
}

#[test]
fn what_a_scheduled_command_detaches_goes_on_after_it() {
    let database = Database::with_schema(SHOP);
    let run = "migrate apply --release 2.1.0 --backfill detach";
    let project = super::project(&database, "@daily", run, "");
    project.change("0007_user_id.toml", CHANGE);
    let data = project.tidegate(["schedule", "run", "job"]).data();
    assert_eq!(data["state"], "done", "{data}");
    eventually("the detached process to finish the phase", || {
        database.rows("select phase from tidegate.phase where state = 'done' order by 1")
            == ["backfill", "expand"]
    });
    assert_eq!(database.value::<i64>(WRONG), 0);
}
