//! The five ways in which the best existing tool loses data; each must be impossible here.

use std::time::Duration;

use crate::migrate::{CHANGE, SHOP, WRONG, apply, shop};
use crate::support::{Database, Project};

#[test]
fn h1_a_killed_backfill_is_never_taken_for_a_complete_one() {
    let (database, project) = shop();
    database.execute("create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(0.002); return new; end $$; \
        create trigger slow before update on transactions for each row execute function slow()");
    let running = project
        .tidegate(["migrate", "apply", "--release", "2.1.0"])
        .spawn();
    std::thread::sleep(Duration::from_millis(1500));
    running.kill();
    let filled = database.value::<i64>("select count(user_id) from transactions");
    assert!(filled < 3000, "the kill came too late");
    database.execute("drop trigger slow on transactions");
    // Going straight for contract finishes the backfill first, or refuses; it never drops.
    project
        .tidegate([
            "migrate",
            "apply",
            "--release",
            "2.3.0",
            "--backfill",
            "skip",
        ])
        .run();
    assert_eq!(database.value::<i64>("select count(*) from information_schema.columns where column_name = 'account_email' and table_name = 'transactions'"), 1);
    apply(&project, "2.3.0");
    assert_eq!(
        database.value::<i64>("select count(*) from transactions where user_id is null"),
        0
    );
}

#[test]
fn h1_a_gate_looks_again_instead_of_trusting_the_ledger() {
    let (database, project) = shop();
    apply(&project, "2.1.0");
    database.execute("alter table transactions disable trigger user; update transactions set user_id = null where id <= 10; alter table transactions enable trigger user");
    let error = project
        .tidegate(["migrate", "apply", "--release", "2.2.0", "--format", "json"])
        .exits(4);
    assert_eq!(error.error()["code"], "TG0412");
    assert!(
        error.error()["details"].to_string().contains("10 of 3000"),
        "{}",
        error.error()
    );
}

/// Both apps write while somebody has the trigger off: two rows by the new app, one by the old.
const DIVERGE: &str = "alter table transactions disable trigger user; \
    update transactions set user_id = 9 where id in (2, 3); \
    update transactions set account_email = 'u20@example.org' where id = 4; \
    alter table transactions enable always trigger zzz_tidegate_0007_1_user_id";

const DIVERGED: &str =
    "select t.id, t.user_id, t.account_email from transactions t where id in (2, 3, 4) order by id";

#[test]
fn columns_that_diverged_are_never_overwritten_unless_a_person_takes_a_side() {
    let (database, project) = shop();
    apply(&project, "2.1.0");
    database.execute(DIVERGE);
    let before = database.rows(DIVERGED);
    let gate = project
        .tidegate(["migrate", "apply", "--release", "2.2.0", "--format", "json"])
        .exits(4);
    let text = gate.error()["details"].to_string();
    assert!(text.contains("3 disagree"), "{text}");
    let plan = project.tidegate(["migrate", "plan", "--release", "2.2.0"]);
    let remedy = plan.data()["gates"][0]["remedy"].to_string();
    assert!(remedy.contains("b1 --take old, or --take new"), "{remedy}");
    let refused = project
        .tidegate(["backfill", "run", "b1", "--format", "json"])
        .exits(4);
    assert_eq!(refused.error()["code"], "TG0507");
    let message = refused.error()["message"].to_string();
    assert!(
        message.contains("3 of 3000") && message.contains("transactions id=4"),
        "{message}"
    );
    project
        .tidegate(["backfill", "verify", "b1", "--repair"])
        .exits(3);
    assert_eq!(database.rows(DIVERGED), before);

    project
        .tidegate(["backfill", "run", "b1", "--take", "new"])
        .ok();
    assert_eq!(
        database.rows(DIVERGED),
        [
            "2|9|u9@example.org",
            "3|9|u9@example.org",
            "4|5|u5@example.org"
        ]
    );
    database.execute(DIVERGE);
    database.execute(
        "alter table transactions disable trigger user; \
        update transactions set user_id = null where id = 5; \
        update transactions set user_id = 10 where id in (2, 3)",
    );
    project
        .tidegate(["backfill", "run", "b1", "--take", "old"])
        .ok();
    assert_eq!(database.value::<i64>(WRONG), 0);
    assert_eq!(
        database.rows(DIVERGED),
        [
            "2|9|u9@example.org",
            "3|9|u9@example.org",
            "4|20|u20@example.org"
        ]
    );
    let audit = project.tidegate(["audit", "show"]).data().to_string();
    assert!(audit.contains("backfill.take"), "{audit}");
    database.execute("alter table transactions enable always trigger zzz_tidegate_0007_1_user_id");
    apply(&project, "2.3.0");
}

#[test]
fn a_refused_side_is_not_in_the_audit_log() {
    let (_database, project) = shop();
    project
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
        .ok();
    let refused = project
        .tidegate(["backfill", "run", "b1", "--take", "old", "--format", "json"])
        .exits(2);
    let message = refused.error()["message"].to_string();
    assert!(
        message.contains("b1 is pending; a side is taken when it is done"),
        "{message}"
    );
    let audit = project.tidegate(["audit", "show"]).data().to_string();
    assert!(!audit.contains("backfill.take"), "{audit}");
}

#[test]
fn h2_dual_write_does_not_depend_on_search_path() {
    let (database, project) = shop();
    apply(&project, "2.1.0");
    for path in ["public", "v2, public", "\"$user\", public", "pg_catalog"] {
        database.execute(&format!("set search_path = {path}; insert into public.transactions (user_id, note) values (3, 'path')"));
    }
    assert_eq!(database.value::<i64>("select count(*) from transactions where note = 'path' and account_email = 'u3@example.org'"), 4);
}

#[test]
fn h3_dual_write_is_armed_before_the_backfill_begins() {
    let (database, project) = shop();
    project
        .tidegate([
            "migrate",
            "apply",
            "--release",
            "2.1.0",
            "--backfill",
            "skip",
        ])
        .ok();
    database.execute(
        "insert into transactions (account_email, note) values ('u5@example.org', 'armed')",
    );
    assert_eq!(
        database.value::<i64>("select user_id from transactions where note = 'armed'"),
        5
    );
    let status = project.tidegate(["migrate", "status"]).data();
    assert_eq!(status["changes"][0]["next_phase"], "backfill");
}

#[test]
fn h4_a_contract_that_fails_leaves_both_apps_working() {
    let (database, project) = shop();
    apply(&project, "2.2.0");
    database.execute("create function stop() returns event_trigger language plpgsql as $$ begin raise exception 'no drops today'; end $$; \
        create event trigger stop on sql_drop execute function stop()");
    project
        .tidegate(["migrate", "apply", "--release", "2.3.0"])
        .exits(1);
    database
        .execute("insert into transactions (account_email, note) values ('u5@example.org', 'old')");
    database.execute("insert into transactions (user_id, note) values (6, 'new')");
    assert_eq!(database.rows("select account_email || ' ' || user_id from transactions where note in ('old', 'new') order by 1"), ["u5@example.org 5", "u6@example.org 6"]);
    database.execute("drop event trigger stop; drop function stop()");
    apply(&project, "2.3.0");
}

#[test]
fn h4_a_view_on_the_old_column_closes_the_gate() {
    let (database, project) = shop();
    database.execute("create view mails as select account_email from transactions");
    apply(&project, "2.2.0");
    let error = project
        .tidegate(["migrate", "apply", "--release", "2.3.0", "--format", "json"])
        .exits(4);
    assert!(
        error.error()["details"].to_string().contains("view"),
        "{}",
        error.error()
    );
    database.execute("select * from mails limit 1; drop view mails");
    apply(&project, "2.3.0");
}

#[test]
fn h5_an_identity_key_and_a_partitioned_parent_are_filled() {
    let database = Database::with_schema(&SHOP.replace(
        "generated by default as identity",
        "generated always as identity",
    ));
    let project = Project::new(&database);
    project.change("0007_user_id.toml", CHANGE);
    apply(&project, "2.2.0");
    assert_eq!(
        database.value::<i64>("select count(*) from transactions where user_id is null"),
        0
    );

    let parts = "create table users (id bigint primary key, email text unique);\
        insert into users select g, 'u' || g from generate_series(1, 20) g;\
        create table transactions (id bigint not null, account_email text not null, primary key (id)) partition by range (id);\
        create table transactions_1 partition of transactions for values from (0) to (1000);\
        create table transactions_2 partition of transactions for values from (1000) to (5000);\
        create index on transactions (account_email);\
        insert into transactions select g, 'u' || (1 + g % 20) from generate_series(1, 3000) g; analyze;";
    let database = Database::with_schema(parts);
    let project = Project::new(&database);
    project.change(
        "0007_user_id.toml",
        &CHANGE.replace(", references = \"users(id)\"", ""),
    );
    apply(&project, "2.3.0");
    assert_eq!(
        database.value::<i64>("select count(*) from transactions where user_id = 1 + id % 20"),
        3000
    );
    assert_eq!(database.value::<i64>("select count(*) from pg_index where indrelid = 'transactions'::regclass and indisvalid and not indisprimary"), 1);
}

#[test]
fn column_grants_go_with_the_new_column() {
    let (database, project) = shop();
    database.execute("do $$ begin create role tg_reader; exception when duplicate_object then null; end $$; grant select (account_email) on transactions to tg_reader");
    apply(&project, "2.1.0");
    assert!(database.value::<bool>(
        "select has_column_privilege('tg_reader', 'transactions', 'user_id', 'SELECT')"
    ));
    database.execute("revoke all on transactions from tg_reader");
}
