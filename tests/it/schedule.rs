//! M7, M17, M18: what runs by itself, once, whoever dies; and work that several machines share.

mod claims;
mod http;
mod workers;

use std::sync::mpsc;
use std::time::{Duration, Instant};

use crate::support::{Database, Project};

/// Key of the lock that only one runner of a database holds.
const RUNNER: i64 = 0x7469_6465_6761_7465;

/// Waits for a state, far longer than any needs on a machine that does nothing else.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(
            begun.elapsed() < Duration::from_secs(150),
            "in vain: {what}"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// A port that nobody uses at this moment.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// A project with a schedule `job`; `keys` are further lines of it.
fn project(database: &Database, cron: &str, run: &str, keys: &str) -> Project {
    Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
         [environments.dev]\ntier = \"dev\"\nurl = \"{}\"\n\n\
         [[schedule]]\nname = \"job\"\ncron = \"{cron}\"\nrun = \"{run}\"\n{keys}",
        database.url()
    ))
}

fn serve(project: &Project) -> (crate::support::Running, u16) {
    let port = free_port();
    let listen = format!("127.0.0.1:{port}");
    (
        project.tidegate(["serve", "--listen", &listen]).spawn(),
        port,
    )
}

fn runs(database: &Database, state: &str) -> i64 {
    let there: bool = database.value("select to_regclass('tidegate.schedule_run') is not null");
    if !there {
        return 0;
    }
    database.value(&format!(
        "select count(*) from tidegate.schedule_run where state = '{state}'"
    ))
}

/// Somebody who holds the runner's lock: `migrate apply --wait` waits until it is let go.
struct RunnerLock {
    release: mpsc::Sender<()>,
    holder: std::thread::JoinHandle<()>,
}

impl RunnerLock {
    fn hold(database: &Database) -> Self {
        let (release, released) = mpsc::channel::<()>();
        let (hold, held) = mpsc::channel::<()>();
        let url = database.url();
        let holder = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls)
                    .await
                    .unwrap();
                tokio::spawn(connection);
                client
                    .execute("select pg_advisory_lock($1)", &[&RUNNER])
                    .await
                    .unwrap();
                hold.send(()).unwrap();
                // Ends when it is let go, and when the test fails.
                let _ = tokio::task::spawn_blocking(move || released.recv()).await;
            });
        });
        held.recv().unwrap();
        Self { release, holder }
    }

    fn let_go(self) {
        self.release.send(()).unwrap();
        self.holder.join().unwrap();
    }
}

#[test]
fn a_daemon_that_is_stopped_stops_its_runs_at_a_safe_point() {
    let (database, _shop) = crate::migrate::shop();
    let run = "migrate apply --release 2.0.0 --wait 1h";
    let project = project(&database, "* * * * * *", run, "");
    let lock = RunnerLock::hold(&database);
    let (daemon, _) = serve(&project);
    eventually("the command to wait", || {
        database.value::<i64>(
            "select count(*) from pg_stat_activity where application_name = 'tidegate/migrate' \
             and datname = current_database()",
        ) > 0
    });
    daemon.interrupt();
    assert_eq!(daemon.wait().code(), Some(0));
    lock.let_go();
    let ended = database.rows(
        "select state, exit_code, reason from tidegate.schedule_run where state <> 'skipped'",
    );
    assert_eq!(ended, ["failed|130|stopped together with its daemon"]);
}

#[test]
fn m18_two_daemons_run_each_due_time_once() {
    let database = Database::new();
    let project = project(&database, "* * * * * *", "env list", "");
    let (first, _) = serve(&project);
    let (second, _) = serve(&project);
    eventually("five runs", || runs(&database, "done") >= 5);
    for daemon in [first, second] {
        daemon.interrupt();
        let outcome = daemon.wait();
        assert_eq!(outcome.code(), Some(0), "{}", outcome.stderr);
    }
    let unfinished = runs(&database, "intent") + runs(&database, "running");
    assert_eq!(unfinished, 0, "a clean stop leaves nothing open");
    // The audit log is written in the transaction that begins a run: it cannot hide a second one.
    let twice = database.rows(
        "select detail->>'due_at' from tidegate.audit where action = 'schedule.run' \
         group by 1 having count(*) > 1",
    );
    assert_eq!(twice, Vec::<String>::new());
    let begun: i64 =
        database.value("select count(*) from tidegate.audit where action = 'schedule.run'");
    let ended = runs(&database, "done") + runs(&database, "failed");
    assert_eq!(begun, ended);
    // No second between the first and the last is without its row, or one that stands for it.
    let gaps: i64 = database.value(
        "select extract(epoch from max(due_at) - min(due_at))::bigint + 1 \
           - sum(1 + passed_over) + (array_agg(passed_over order by due_at))[1] \
         from tidegate.schedule_run",
    );
    assert_eq!(gaps, 0);
    project.tidegate(["audit", "verify"]).ok();
}

#[test]
fn m18_a_daemon_killed_in_the_middle_leaves_an_unknown_run_and_the_next_one_runs() {
    let (database, _shop) = crate::migrate::shop();
    let run = "migrate apply --release 2.0.0 --wait 1h";
    let project = project(&database, "* * * * * *", run, "");
    let lock = RunnerLock::hold(&database);
    let (first, _) = serve(&project);
    eventually("a run at work", || runs(&database, "running") == 1);
    let (second, _) = serve(&project);
    eventually("due times skipped, since the run is alive", || {
        runs(&database, "skipped") >= 2
    });
    assert_eq!(runs(&database, "done") + runs(&database, "unknown"), 0);
    let reason: String =
        database.value("select reason from tidegate.schedule_run where state = 'skipped' limit 1");
    assert!(reason.contains("still alive"), "{reason}");
    first.kill();
    // Long before others take the run for dead and begin the next one.
    eventually("the orphan to stop", || {
        database.value::<i64>(
            "select count(*) from pg_stat_activity where application_name = 'tidegate/runner' \
             and datname = current_database()",
        ) == 0
    });
    assert_eq!(runs(&database, "unknown"), 0);
    eventually("the run of the dead daemon to be unknown", || {
        runs(&database, "unknown") == 1
    });
    lock.let_go();
    eventually("the next due time to run", || runs(&database, "done") >= 1);
    second.interrupt();
    assert_eq!(second.wait().code(), Some(0));
    let order: bool = database.value(
        "select (select due_at from tidegate.schedule_run where state = 'unknown') \
           < (select min(due_at) from tidegate.schedule_run where state = 'done')",
    );
    assert!(order);
}

#[test]
fn m7_a_missed_time_is_caught_up_once_within_the_grace_and_recorded_after_it() {
    for (grace, state) in [("1h", "done"), ("1s", "missed")] {
        let database = Database::new();
        // Each tenth minute of the hour, twenty minutes from now at the earliest: never due by itself.
        let keys = format!("grace = \"{grace}\"\ntimezone = \"Europe/Berlin\"\n");
        let project = project(&database, "0 */10 * * * *", "env list", &keys);
        project.tidegate(["schedule", "list"]).ok();
        database.execute(
            "insert into tidegate.schedule values ('shop', 'job', '0 */10 * * * *', \
             'Europe/Berlin', 'env list', now() - interval '35 minutes')",
        );
        let (daemon, _) = serve(&project);
        eventually(state, || runs(&database, state) == 1);
        daemon.interrupt();
        assert_eq!(daemon.wait().code(), Some(0));
        let passed: i32 = database.value("select max(passed_over) from tidegate.schedule_run");
        assert!((2..=3).contains(&passed), "{passed}");
        let data = project.tidegate(["schedule", "list"]).data();
        assert_eq!(data["schedules"][0]["late"], state == "missed", "{data}");
    }
}

#[test]
fn a_schedule_runs_by_hand_with_the_exit_code_of_its_command() {
    let database = Database::new();
    let good = project(&database, "0 2 * * SUN", "env list", "");
    let data = good.tidegate(["schedule", "run", "job"]).data();
    assert_eq!(data["state"], "done");
    assert_eq!(data["outcome"]["kind"], "env_list", "{data}");
    let bad = project(&database, "0 2 * * SUN", "backfill run b99", "");
    let outcome = bad
        .tidegate(["schedule", "run", "job", "--format", "json"])
        .exits(2);
    let data = &outcome.json()["data"];
    assert_eq!(data["state"], "failed");
    assert_eq!(data["outcome"]["code"], "TG0501", "{data}");
    let list = good.tidegate(["schedule", "list"]).data();
    assert_eq!(list["schedules"][0]["last"]["state"], "failed");
    assert_eq!(runs(&database, "done"), 1);
    let unknown = good
        .tidegate(["schedule", "run", "jib", "--format", "json"])
        .exits(2);
    assert_eq!(unknown.error()["hint"], "did you mean \"job\"?");
}

#[test]
fn a_schedule_that_is_wrong_is_refused_at_its_place() {
    let database = Database::new();
    for (cron, run, keys, line, says) in [
        ("0 25 * * *", "env list", "", 11, "cron"),
        ("0 2 * * *", "copi run", "", 12, "copi"),
        ("0 2 * * *", "env list --frob", "", 12, "--frob"),
        ("0 2 * * *", "env 'list", "", 12, "command line"),
        ("0 2 * * *", "serve", "", 12, "never ends"),
        ("0 2 * * *", "env list", "timezone = \"Mars\"\n", 13, "Mars"),
        (
            "0 2 * * *",
            "env list",
            "[[schedule]]\nname = \"job\"\ncron = \"@daily\"\nrun = \"env list\"\n",
            14,
            "two schedules",
        ),
    ] {
        let project = project(&database, cron, run, keys);
        for command in [["schedule", "list"].as_slice(), &["serve"]] {
            let outcome = project
                .tidegate(command.iter().copied())
                .args(["--format", "json"])
                .exits(2);
            let error = outcome.error();
            assert_eq!(error["at"]["line"], line, "{error}");
            let message = error["message"].as_str().unwrap_or_default();
            assert!(message.contains(says), "{message}");
        }
        // Other commands work all the same.
        project.tidegate(["env", "list"]).ok();
    }
}
