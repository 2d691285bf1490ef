//! The whole gate on two databases: canaries, staging safety, risk, the report.

use tidegate::clock::SystemClock;
use tidegate::masking::risk::{RiskLimits, RiskRule};
use tidegate::masking::{MaskPlan, Rows, TablePlan};
use tidegate::service::copy::gate::{Audit, audit, risk};
use tidegate::service::copy::{Check, GateReport};
use tokio_util::sync::CancellationToken;

use super::fixture::{plan, scan, source, target};
use crate::catalog::{ident, public, session};
use crate::support::Database;

async fn report(source: &Database, target: &Database, risk: &[RiskRule]) -> GateReport {
    report_by(source, target, (&plan(), risk)).await
}

async fn report_by(
    source: &Database,
    target: &Database,
    (plan, risk): (&MaskPlan, &[RiskRule]),
) -> GateReport {
    let sessions = [session(target).await, session(target).await];
    audit(&Audit {
        source: &session(source).await,
        target: &sessions,
        plan,
        risk,
        safe_domains: &["shop.de".to_owned()],
        clock: &SystemClock::default(),
        cancel: &CancellationToken::new(),
    })
    .await
    .unwrap()
}

fn check<'a>(report: &'a GateReport, name: &str) -> &'a Check {
    let found = report.checks.iter().find(|check| check.name == name);
    found.unwrap_or_else(|| panic!("{name} in {report:?}"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_every_canary_is_seen_and_none_is_left() {
    let (source, target) = (source(), target());
    let before: i64 = target.value("select count(*) from pg_largeobject_metadata");
    let scanned = scan(&source, &target).await;
    assert_eq!(scanned.canaries.unseen, Vec::<&str>::new());
    assert_eq!(scanned.canaries.impossible, Vec::<&str>::new());
    assert!(scanned.canaries.seen >= 44, "{scanned:?}");
    let after: i64 = target.value("select count(*) from pg_largeobject_metadata");
    assert_eq!(before, after);
    for sql in [
        "select count(*) from pg_namespace where nspname like 'tidegate_canary%'",
        "select count(*) from pg_foreign_server",
        "select count(*) from pg_db_role_setting s join pg_database d on d.oid = setdatabase \
         where datname = current_database()",
    ] {
        assert_eq!(target.value::<i64>(sql), 0, "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_a_canary_that_is_not_seen_fails_the_run() {
    let (source, target) = (source(), target());
    target.execute(
        "create function forbid() returns event_trigger language plpgsql as
            $$ begin raise exception 'no views here'; end $$;
         create event trigger forbid on ddl_command_start when tag in ('CREATE VIEW')
            execute function forbid();",
    );
    let report = report(&source, &target, &[]).await;
    assert!(!report.passed && report.leaks.is_empty(), "{report:?}");
    let canaries = check(&report, "canaries");
    assert!(!canaries.passed);
    assert!(canaries.detail.ends_with("blind in: view"), "{canaries:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_a_role_without_privileges_sees_what_it_can_and_says_so() {
    let (source, target) = (source(), target());
    target.execute(
        "do $$ begin create role gate_reader login; exception when duplicate_object then null; end $$;
         grant select on all tables in schema public to gate_reader;",
    );
    target.execute(&format!(
        "grant create on database {} to gate_reader",
        target.name()
    ));
    target.execute(
        "insert into orders(id, remark) values (9, 'Ann Miller');
         select lo_from_bytea(0, 'nothing');
         create foreign data wrapper w; create server s foreign data wrapper w;
         create user mapping for postgres server s options (a 'b');",
    );
    let reader = crate::catalog::session_at(target.url_as("gate_reader")).await;
    let scanned = super::fixture::scan_sessions(&source, &[reader]).await;
    assert_eq!(scanned.blind, ["user mappings", "1 large objects"]);
    assert_eq!(scanned.canaries.unseen, Vec::<&str>::new(), "{scanned:?}");
    for channel in ["subscription", "setting", "options of a server"] {
        assert!(
            scanned.canaries.impossible.contains(&channel),
            "{scanned:?}"
        );
    }
    assert_eq!(scanned.leaks.len(), 1, "{scanned:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_a_clean_copy_passes_the_whole_gate() {
    let (source, target) = (source(), target());
    target.execute(
        "create table que_jobs (id int); create table event_outbox (id int);
         insert into orders(id, remark) values (30, 'team@mail.shop.de, x@host.test');",
    );
    let report = report(&source, &target, &[]).await;
    assert!(report.passed, "{report:#?}");
    assert_eq!(check(&report, "pending jobs").detail, "0 in 2 known queues");
    let scan = check(&report, "leak scan");
    assert!(
        scan.detail.contains("values of the source sought in"),
        "{scan:?}"
    );
    assert!(scan.detail.ends_with(": 0 found"), "{scan:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_whatever_works_outside_of_staging_turns_the_gate_red() {
    let jwt = [
        "eyJ",
        "hbGciOiJIUzI1NiJ9",
        ".eyJ",
        "zdWIiOiIxMjM0NTY3ODkwIn0",
        ".abcdefghij0",
    ]
    .concat();
    let hook = ["https://hooks.sl", "ack.com/services/T000/B000/xyz"].concat();
    let aws = ["AKI", "AIOSFODNN7EXAMPLE"].concat();
    for (sql, name, detail) in [
        (
            "insert into orders(id, remark) values (9, 'write to eva@gmail.com')".to_owned(),
            "staging safety",
            "1 deliverable addresses, 0 live tokens: orders.remark (deliverable address: 1)",
        ),
        (
            "update users set email = 'lena@web.de' where id = 1".to_owned(),
            "staging safety",
            "users.email (deliverable address: 1)",
        ),
        (
            format!("insert into orders(id, doc) values (9, json_build_object('t', '{jwt}'))"),
            "staging safety",
            "orders.doc (live token: 1)",
        ),
        (
            format!("create function notify() returns text language sql as $$ select '{hook}' $$"),
            "staging safety",
            "function public.notify() (live token: 1)",
        ),
        (
            format!("comment on table orders is 'key {aws}'"),
            "staging safety",
            "comment on table public.orders (live token: 1)",
        ),
        (
            "create schema graphile_worker; create table graphile_worker._private_jobs as select 1 as id".to_owned(),
            "pending jobs",
            "graphile_worker._private_jobs",
        ),
        (
            "create table solid_queue_ready_executions as select 1 as id".to_owned(),
            "pending jobs",
            "solid_queue_ready_executions",
        ),
    ] {
        let (source, target) = (source(), target());
        target.execute(&sql);
        let report = report(&source, &target, &[]).await;
        let check = check(&report, name);
        assert!(!report.passed && !check.passed, "{sql}");
        assert!(check.detail.contains(detail), "{sql}: {check:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_what_the_policy_allows_is_carried_and_an_emptied_queue_is_named() {
    let (source, target) = (source(), target());
    target.execute(
        "create table que_jobs (id int);
         comment on table orders is 'ask ann.miller@corp.example';
         comment on table companies is 'nobody';",
    );
    let red = report(&source, &target, &[]).await;
    assert!(!check(&red, "leak scan").passed);
    assert_eq!(check(&red, "pending jobs").detail, "0 in 1 known queues");
    let mut plan = plan();
    plan.allow.comments = vec!["ord*".to_owned()];
    plan.tables.insert(
        2,
        TablePlan {
            name: public("que_jobs"),
            rows: Rows::None,
            columns: Vec::new(),
        },
    );
    plan.tables.sort_by(|a, b| a.name.cmp(&b.name));
    let green = report_by(&source, &target, (&plan, &[])).await;
    assert!(check(&green, "leak scan").passed, "{green:?}");
    assert_eq!(
        check(&green, "pending jobs").detail,
        "0 in 1 known queues, 1 of them emptied by the policy"
    );
    target.execute("comment on table companies is 'ask ann.miller@corp.example'");
    let red = report_by(&source, &target, (&plan, &[])).await;
    let only = "comment on table public.companies";
    assert!(
        !red.leaks.is_empty() && red.leaks.iter().all(|leak| leak.place == only),
        "{red:?}"
    );
}

const PEOPLE: &str = "
create table people (id int primary key, zip text, born int, sex text, illness text);
insert into people values
    (1, '101', 1980, 'f', 'a'), (2, '101', 1980, 'f', 'b'), (3, '101', 1980, 'f', 'a'),
    (4, '202', 1990, 'm', 'c'), (5, '202', 1990, 'm', 'c'),
    (6, '303', 1970, 'f', 'd'), (7, '404', null, 'm', 'e');
";

fn rule(limits: RiskLimits) -> RiskRule {
    RiskRule {
        table: public("people"),
        columns: vec![ident("zip"), ident("born"), ident("sex")],
        sensitive: Some(ident("illness")),
        subject: Some(ident("id")),
        limits,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn m7_risk_is_measured_and_its_limits_hold() {
    let source = Database::with_schema(PEOPLE);
    let target = Database::with_schema(PEOPLE);
    // 6 and 7 are unique; 7 was moved, so that only 6 is found by its own attributes.
    target.execute("update people set zip = '999' where id = 7");
    let (one, two) = (session(&source).await, session(&target).await);
    let measured = risk(&one, &two, &rule(RiskLimits::default()))
        .await
        .unwrap();
    assert_eq!((measured.k, measured.l), (1, Some(1)));
    assert!((measured.unique - 2.0 / 7.0).abs() < 1e-12);
    assert!((measured.prosecutor_average - 4.0 / 7.0).abs() < 1e-12);
    assert_eq!(measured.linked, Some(1.0 / 7.0));

    // Somebody else has the attributes of 6: a match, but not the person.
    target.execute("update people set id = 8 where id = 6");
    let measured = risk(&one, &two, &rule(RiskLimits::default()))
        .await
        .unwrap();
    assert_eq!(measured.linked, Some(0.0));

    let gate_source = super::fixture::source();
    gate_source.execute(PEOPLE);
    let gate_target = super::fixture::target();
    gate_target.execute(PEOPLE);
    let red = report(&gate_source, &gate_target, &[rule(RiskLimits::default())]).await;
    let found = check(&red, "risk");
    assert!(!red.passed && !found.passed);
    assert!(found.detail.contains("k = 1 (limit 5)"), "{found:?}");
    let loose = RiskLimits {
        k: 1,
        l: 1,
        unique: 1.0,
        linked: 1.0,
    };
    let green = report(&gate_source, &gate_target, &[rule(loose)]).await;
    assert!(check(&green, "risk").passed, "{green:?}");
}
