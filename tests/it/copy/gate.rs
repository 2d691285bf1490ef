//! The gate goes red when the copy is not what the source sent.

use tidegate::control::copy as ledger;
use tidegate::error::Kind;
use tidegate::postgres::Session;
use tidegate::service::copy::{GateReport, Gathered};

use super::rules::KEY;
use super::stage::{Rules, Stage, client, judged, masks};
use tidegate::masking::{Class, Mask, MaskPlan};

async fn judge(stage: &Stage, database: &str) -> GateReport {
    judge_by(stage, database, &[]).await
}

async fn judge_by(stage: &Stage, database: &str, rules: Rules<'_>) -> GateReport {
    let engine = stage.engine().await;
    let gathered = engine.survey().await.unwrap();
    let masks = masks(&gathered.catalog, rules);
    judged(&engine, database, (&gathered, &masks), None).await
}

fn red(report: &GateReport) -> Vec<String> {
    let failed = report.checks.iter().filter(|check| !check.passed);
    failed.map(|check| check.name.clone()).collect()
}

/// An array of an enum has other bytes in the copy; `regclass` has no bytes that mean the same.
const MIXED: &str = "
create type unused as (a int);
create type mood as enum ('sad', 'glad');
create table t (id int primary key, n numeric(6,2), gone text, moods mood[], made mood[], f float8);
insert into t select i, i, 'raw ' || i, '{sad}', '{sad}', i / 3.0 from generate_series(1, 9) i;
create table r (id int, c regclass, n numeric(6,2));
insert into r values (1, 'pg_type', 1);
create table plain (id int, note text);
insert into plain values (1, 'a'), (2, 'b');
";

#[tokio::test(flavor = "multi_thread")]
async fn m7_kept_and_masked_columns_are_compared_whatever_their_types() {
    let stage = Stage::new(MIXED);
    let third = || Mask::Sql {
        expression: "n / 3 -- more digits than are stored".to_owned(),
    };
    let glad = Mask::Sql {
        expression: "'{glad}'".to_owned(),
    };
    let rules = [
        ("t.n", third()),
        ("t.gone", Mask::Null),
        ("t.made", glad),
        ("r.n", third()),
    ];
    let outcome = stage.copy(&rules, false).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    let kept = outcome
        .gate
        .checks
        .iter()
        .find(|c| c.name == "kept columns");
    assert_eq!(kept.unwrap().detail, "equal in 3 of 3 tables");
    let copy = client(&outcome.database).await;
    for (harm, check) in [
        ("update t set f = 0 where id = 1", "kept columns"),
        ("update t set id = 100 where id = 1", "kept columns"),
        ("update t set moods = '{glad}' where id = 1", "kept columns"),
        ("update r set c = 'pg_class'", "kept columns"),
        ("update plain set note = 'x' where id = 1", "kept columns"),
        ("update t set n = n + 1 where id = 1", "masks recomputed"),
        ("update t set gone = 'x' where id = 1", "masks recomputed"),
        (
            "update t set made = '{sad}' where id = 1",
            "masks recomputed",
        ),
        ("update r set n = 7", "masks recomputed"),
        (
            "update t a set n = b.n from t b where a.id in (1, 2) and b.id = 3 - a.id",
            "masks recomputed",
        ),
    ] {
        // Kept elsewhere, so that the gate does not see the tables.
        copy.batch_execute(&format!(
            "create temporary table old_t as table t; create temporary table old_r as table r; \
             create temporary table old_p as table plain; {harm}"
        ))
        .await
        .unwrap();
        let report = judge_by(&stage, &outcome.database, &rules).await;
        assert!(
            red(&report).contains(&check.to_owned()),
            "{harm}: {report:?}"
        );
        let back = "truncate t, r, plain; insert into t table old_t; insert into r table old_r; \
             insert into plain table old_p; drop table old_t, old_r, old_p";
        copy.batch_execute(back).await.unwrap();
    }
    let report = judge_by(&stage, &outcome.database, &rules).await;
    assert!(report.passed, "{report:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_a_copy_in_use_is_searched_again() {
    let stage = Stage::new(
        "create table users (id int primary key, email text not null, note text); \
         insert into users values (1, 'ann.miller@corp.example', 'fine'), (2, 'bob@corp.example', null)",
    );
    let rules = [(
        "users.email",
        Mask::Sql {
            expression: "'user' || id || '@example.com'".to_owned(),
        },
    )];
    assert!(stage.copy(&rules, true).await.unwrap().promoted);
    let policy = "version = 1\nkey = { env = \"TIDEGATE_MASK_KEY\" }\n\
                  [tables.users]\nid = \"keep\"\nemail = { class = \"email\" }\nnote = \"keep\"\n";
    stage.project().write("masking-rules/shop.toml", policy);
    let audit = |more: &[&'static str], key: &str| {
        let mut words = vec!["copy", "audit", "--from", "production", "--to", "staging"];
        words.extend(more);
        stage
            .project()
            .tidegate(words)
            .env("TIDEGATE_MASK_KEY", key)
            .run()
    };
    let green = audit(&[], KEY);
    assert_eq!(green.code(), Some(0), "{} {}", green.stdout, green.stderr);
    assert!(green.stdout.contains("leak scan"), "{}", green.stdout);
    let other = KEY.replace("8f1d", "7e2c");
    for more in [&[][..], &["--signature-only"]] {
        let forged = audit(more, &other);
        assert_ne!(forged.code(), Some(0));
        assert!(forged.stderr.contains("another key"), "{}", forged.stderr);
    }

    let copy = client(&stage.target).await;
    let leak = "update users set note = 'was Ann.Miller@corp.example' where id = 2";
    copy.batch_execute(leak).await.unwrap();
    let red = audit(&[], KEY);
    assert_eq!(red.code(), Some(3), "{} {}", red.stdout, red.stderr);
    assert!(
        red.stdout.contains("users.note: 1 values of email"),
        "{}",
        red.stdout
    );
    assert!(
        !red.stdout.to_lowercase().contains("miller"),
        "{}",
        red.stdout
    );
    assert_eq!(audit(&["--signature-only"], KEY).code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn lost_rows_and_lost_constraints_close_the_gate() {
    let stage = Stage::new(
        "create table a (id int primary key); create table b (id int references a, constraint c check (id > 0)); \
         insert into a select generate_series(1, 9); insert into b values (1)",
    );
    let database = stage.copy(&[], false).await.unwrap().database;
    assert!(judge(&stage, &database).await.passed);
    let copy = client(&database).await;
    for (harm, check) in [
        ("delete from a where id = 9", "row counts"),
        ("alter table b drop constraint b_id_fkey", "constraints"),
        (
            "alter table b add constraint b_id_fkey foreign key (id) references a not valid",
            "constraints",
        ),
        ("alter table b drop constraint c", "constraints"),
    ] {
        copy.batch_execute(harm).await.unwrap();
        let report = judge(&stage, &database).await;
        assert!(
            !report.passed && red(&report).contains(&check.to_owned()),
            "{harm}: {report:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_leased_once_and_returns_with_its_session() {
    let stage = Stage::new("create table t as select i / 0 as x from generate_series(1, 0) i");
    let (engine, bad) = (stage.engine().await, "create table bad as select 0 as x");
    stage.source.execute(bad);
    let rule = [(
        "bad.x",
        tidegate::masking::Mask::Sql {
            expression: "1 / x".to_owned(),
        },
    )];
    super::stage::run(engine, &rule).await.unwrap_err();
    let databases = stage.databases().await;
    let unfinished = databases.list().await.unwrap().remove(0).name;
    let target = databases.target.at_database(unfinished.as_str());
    let mut sessions = Vec::new();
    for _ in 0..2 {
        sessions.push(Session::connect(&target, "test").await.unwrap());
    }
    sessions[0].batch_execute("begin").await.unwrap();
    let first = ledger::lease(&*sessions[0], "pending", "x")
        .await
        .unwrap()
        .unwrap();
    let other = ledger::lease(&*sessions[1], "pending", "x").await.unwrap();
    assert!(other.is_none_or(|other| other.id != first.id));
    sessions.remove(0);
    for _ in 0..50 {
        let again = ledger::lease(&*sessions[0], "pending", "x").await.unwrap();
        if again.is_some_and(|again| again.id == first.id) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    panic!("the lease of a session that is gone was not given to another");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_runs_to_one_target_do_not_mix() {
    let stage = Stage::new("create table t (id int)");
    let opened = stage.engine().await.open().await.unwrap();
    let error = stage.engine().await.open().await.unwrap_err();
    assert_eq!(error.kind(), Kind::RunnerBusy);
    drop(opened);
    stage.engine().await.open().await.unwrap();
}

/// Every way in which a value is read from the stream that compares.
const SEARCHED: &str = "
create domain mail as text;
create table users (id int primary key, email text not null, names text[], phone mail, born date);
insert into users values
    (1, 'ann.miller@corp.example', '{Ann Miller,\"Zoe Long Quast\"}', '+49 30 1234567', '1980-02-03'),
    (2, 'bob@corp.example', null, '+49 89 7654321', '1990-02-03');
create table notes (id int primary key, t text, v varchar(80), c char(60), j json, b jsonb, raw bytea,
    n bigint, m numeric, u uuid, ts tsvector, a text[], d mail, g text generated always as (t || '!') stored);
insert into notes (id) values (1);
create table pairs (a int2, b date);
insert into pairs values (1, '2020-01-01');
";

/// What is written into a row of the copy, the place that is named, and the class.
const PLANTED: &[(&str, &str, &str)] = &[
    ("t = 'by ann.miller@corp.example'", "notes.t", "email"),
    ("v = 'Miller, Ann'", "notes.v", "person-name"),
    ("c = 'zoe long quast'", "notes.c", "person-name"),
    (
        "j = '[\"ann.miller\\u0040corp.example\"]'",
        "notes.j",
        "email",
    ),
    (
        "b = '{\"x\": \"ann.miller@corp.example\"}'",
        "notes.b",
        "email",
    ),
    ("raw = 'x ann.miller@corp.example'", "notes.raw", "email"),
    ("n = 49301234567", "notes.n", "phone"),
    ("m = 49897654321", "notes.m", "phone"),
    (
        "ts = to_tsvector('simple', 'the ann miller case')",
        "notes.ts",
        "person-name",
    ),
    ("a = array['x', 'Ann Miller']", "notes.a", "person-name"),
    ("d = '0049 30 123-4567'", "notes.d", "phone"),
    ("t = 'Ann Miller'", "notes.g", "person-name"),
    (
        "t = md5('49301234567')",
        "notes.t (unsalted digest)",
        "phone",
    ),
    (
        "u = md5('1980-02-03')::uuid",
        "notes.u (unsalted digest)",
        "birth-date",
    ),
    (
        "raw = sha256('bob@corp.example')",
        "notes.raw (unsalted digest)",
        "email",
    ),
];

const CLEARED: &str = "update notes set t = null, v = null, c = null, j = null, b = null, raw = null, \
    n = null, m = null, u = null, ts = null, a = null, d = null";

/// The rules with the classes of what they mask.
fn classified(gathered: &Gathered, rules: Rules<'_>) -> MaskPlan {
    let mut plan = masks(&gathered.catalog, rules);
    for column in plan.tables.iter_mut().flat_map(|table| &mut table.columns) {
        column.class = match column.column.as_str() {
            "email" => Some(Class::Email),
            "names" => Some(Class::PersonName),
            "phone" => Some(Class::Phone),
            "born" => Some(Class::BirthDate),
            _ => None,
        };
    }
    plan
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_rows_are_searched_in_the_stream_that_compares_them() {
    let stage = Stage::new(SEARCHED);
    let mask = |expression: &str| Mask::Sql {
        expression: expression.to_owned(),
    };
    let rules = [
        ("users.email", mask("'user' || id || '@example.com'")),
        ("users.names", mask("null")),
        ("users.phone", mask("'+49 30 000000' || id")),
        ("users.born", Mask::Null),
    ];
    let outcome = stage.copy(&rules, false).await.unwrap();
    let copy = client(&outcome.database).await;
    let engine = stage.engine().await;
    let gathered = engine.survey().await.unwrap();
    let plan = classified(&gathered, &rules);
    let judge = || judged(&engine, &outcome.database, (&gathered, &plan), None);
    let report = judge().await;
    assert!(report.passed, "{report:?}");
    for (value, place, class) in PLANTED {
        let sql = format!("update notes set {value}");
        copy.batch_execute(&sql).await.unwrap();
        let report = judge().await;
        let found = report.leaks.iter().any(|leak| {
            let found = leak.class.map(|class| class.to_string());
            leak.place == *place && found.as_deref() == Some(*class)
        });
        assert!(found, "{value}: {report:?}");
        assert!(red(&report).contains(&"kept columns".to_owned()), "{value}");
        copy.batch_execute(CLEARED).await.unwrap();
    }
    copy.batch_execute("update pairs set a = 2").await.unwrap();
    let report = judge().await;
    assert_eq!(red(&report), ["kept columns"], "{report:?}");
    let more = "update pairs set a = 1; insert into pairs values (3, null)";
    copy.batch_execute(more).await.unwrap();
    let report = judge().await;
    assert_eq!(red(&report), ["row counts", "kept columns"], "{report:?}");
}
