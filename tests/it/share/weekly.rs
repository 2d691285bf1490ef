//! The copy that makes itself: `[[schedule]]` with two daemons.

use std::io::{Read as _, Write as _};

use super::{eventually, project};
use crate::support::{Database, Project, Running};

const SCHEMA: &str = "
create table users (id int primary key, email text);
insert into users select i, 'user' || i || '@example.org' from generate_series(1, 5000) i;";

/// Due each second, so that a copy is at work when the next time comes.
const SCHEDULE: &str = "\n[[schedule]]\nname = \"staging-refresh\"\ncron = \"* * * * * *\"\n\
    run = \"copy run --from origin --to staging --promote\"\n";

fn serve(project: &Project) -> (Running, u16) {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .unwrap()
        .port();
    let listen = format!("127.0.0.1:{port}");
    let daemon = project.tidegate(["serve", "--listen", &listen]).spawn();
    (daemon, port)
}

fn page(port: u16) -> String {
    let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
    let request = "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

fn runs(control: &Database, state: &str) -> i64 {
    let there: bool = control.value("select to_regclass('tidegate.schedule_run') is not null");
    if !there {
        return 0;
    }
    control.value(&format!(
        "select count(*) from tidegate.schedule_run where state = '{state}'"
    ))
}

#[test]
fn m18_the_weekly_copy_with_two_daemons_is_made_once_each_time() {
    let (origin, staging, control) = (
        Database::with_schema(SCHEMA),
        Database::new(),
        Database::new(),
    );
    let project = project(&origin.url(), &staging.url(), &control.url(), SCHEDULE);
    let (first, port) = serve(&project);
    let (second, _) = serve(&project);
    eventually("three copies, and a time that came during one", || {
        runs(&control, "done") >= 3 && runs(&control, "skipped") >= 1
    });
    let metrics = page(port);
    let overdue = "tidegate_schedule_overdue{schedule=\"staging-refresh\"} 0";
    assert!(metrics.contains(overdue), "{metrics}");
    let orders = "tidegate_orders{state=\"failed\"} 0";
    assert!(metrics.contains(orders), "{metrics}");
    for daemon in [first, second] {
        daemon.interrupt();
        assert_eq!(daemon.wait().code(), Some(0));
    }
    assert_eq!(runs(&control, "intent") + runs(&control, "running"), 0);
    let skipped: String = control.value(
        "select coalesce(min(reason), 'nothing was skipped') from tidegate.schedule_run where state = 'skipped'",
    );
    assert!(skipped.contains("still alive"), "{skipped}");
    // Each due time has one entry in the audit log when it begins and one when it ends.
    let twice = control.rows(
        "select action, detail->>'due_at' from tidegate.audit \
         where action in ('schedule.run', 'schedule.ran') group by 1, 2 having count(*) > 1",
    );
    assert_eq!(twice, Vec::<String>::new());
    // Each run that is done has put one copy into use, and no other run has.
    let copies = staging.rows(
        "select count(*), count(distinct detail->>'run') from tidegate.audit where action = 'copy.promote'",
    );
    let done = runs(&control, "done");
    assert_eq!(copies, [format!("{done}|{done}")]);
    let failures = control.rows(
        "select distinct exit_code, reason from tidegate.schedule_run where state in ('failed', 'unknown')",
    );
    assert!(
        failures
            .iter()
            .all(|failure| failure.contains("stopped together with its daemon")),
        "{failures:?}"
    );
    let raw: i64 = staging.value(
        "select count(*) filter (where email like 'user%@example.org') * 100000 + count(*) from users",
    );
    assert_eq!(raw, 5_000);
    project
        .tidegate(["audit", "verify", "--env", "staging"])
        .ok();
    drop_others(&control, staging.name());
}

#[test]
fn a_schedule_that_would_put_its_own_ledger_aside_is_refused() {
    let (origin, staging) = (Database::with_schema(SCHEMA), Database::new());
    let project = project(&origin.url(), &staging.url(), &staging.url(), SCHEDULE);
    for command in [
        ["schedule", "run", "staging-refresh"].as_slice(),
        &["serve"],
    ] {
        let outcome = project
            .tidegate(command.iter().copied())
            .args(["--format", "json"])
            .exits(4);
        let error = outcome.error();
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("control database"),
            "{error}"
        );
        assert!(error["at"]["line"].as_i64().unwrap() > 15, "{error}");
    }
}

/// Databases that copies have left around a target.
fn drop_others(control: &Database, target: &str) {
    for name in control.rows(&format!(
        "select datname from pg_database where starts_with(datname, '{target}_')"
    )) {
        control.execute(&format!("drop database \"{name}\" with (force)"));
    }
}
