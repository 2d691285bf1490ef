//! Whatever fails, and wherever it is killed: the same command again ends where an undisturbed run
//! ends.

use std::time::Duration;

use crate::migrate::{apply, shop};
use crate::support::{Database, Project};

/// A statement that fails, and one whose session is ended by the server.
const FAILS: &str = "raise exception 'planted fault'";
const LOSES_THE_CONNECTION: &str = "perform pg_terminate_backend(pg_backend_pid())";

/// Does this at the statement of DDL with this number; sequences do not roll back, so it is done once.
fn fail_at(database: &Database, number: u32, fault: &str) {
    database.execute(&format!(
        "create sequence public.faults; \
         create function public.fault() returns event_trigger language plpgsql as $$ begin \
         if nextval('public.faults') = {number} then {fault}; end if; end $$; \
         create event trigger fault on ddl_command_end execute function public.fault()"
    ));
}

fn stop_failing(database: &Database) -> i64 {
    let seen = database.value::<i64>("select last_value from public.faults");
    database.execute(
        "drop event trigger fault; drop function public.fault(); drop sequence public.faults",
    );
    seen
}

/// Everything that must be equal at the end.
fn end_state(database: &Database, project: &Project) -> (serde_json::Value, Vec<String>) {
    let fingerprint = project.tidegate(["migrate", "verify"]).data()["fingerprint"].clone();
    (
        fingerprint,
        database
            .rows("select id || ' ' || coalesce(user_id::text, '-') from transactions order by id"),
    )
}

#[test]
fn fails_at_every_statement_and_goes_on() {
    every_statement(FAILS, 1);
}

#[test]
fn loses_its_connection_at_every_statement_and_goes_on() {
    every_statement(LOSES_THE_CONNECTION, 7);
}

fn every_statement(fault: &str, code: i32) {
    let (database, project) = shop();
    apply(&project, "2.3.0");
    let undisturbed = end_state(&database, &project);
    let mut faults = 0;
    for number in 1.. {
        let (database, project) = shop();
        // The control schema is there; what fails is the change.
        apply(&project, "1.0.0");
        fail_at(&database, number, fault);
        let outcome = project
            .tidegate(["migrate", "apply", "--release", "2.3.0"])
            .run();
        let seen = stop_failing(&database);
        if outcome.code() == Some(0) {
            assert!(seen < i64::from(number), "fault {number} was swallowed");
            break;
        }
        assert_eq!(outcome.code(), Some(code), "fault {number}: {outcome:?}");
        faults += 1;
        apply(&project, "2.3.0");
        assert_eq!(
            end_state(&database, &project),
            undisturbed,
            "after a fault at statement {number}"
        );
    }
    assert!(faults >= 8, "only {faults} statements could fail");
}

#[test]
fn killed_at_any_moment_and_goes_on() {
    let (database, project) = shop();
    apply(&project, "2.3.0");
    let undisturbed = end_state(&database, &project);
    for round in 0..12_u64 {
        let (database, project) = shop();
        for attempt in 0_u64.. {
            let running = project
                .tidegate(["migrate", "apply", "--release", "2.3.0"])
                .spawn();
            std::thread::sleep(Duration::from_millis(
                5 + (round * 37 + attempt * 61) % 300 * (attempt + 1),
            ));
            if running.kill().code() == Some(0) {
                break;
            }
        }
        assert_eq!(end_state(&database, &project), undisturbed, "round {round}");
    }
}

#[test]
fn a_lost_backend_is_a_lost_connection() {
    let (database, project) = shop();
    database.execute("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.002); return new; end $$; \
        create trigger slow before update on transactions for each row execute function slow()");
    let running = project
        .tidegate(["migrate", "apply", "--release", "2.1.0", "--format", "json"])
        .spawn();
    std::thread::sleep(Duration::from_millis(700));
    database.execute("select pg_terminate_backend(pid) from pg_stat_activity where application_name like 'tidegate/migrate%' and datname = current_database()");
    let outcome = running.wait();
    assert!(matches!(outcome.code(), Some(0 | 7)), "{outcome:?}");
    database.execute("drop trigger slow on transactions");
    apply(&project, "2.1.0");
}
