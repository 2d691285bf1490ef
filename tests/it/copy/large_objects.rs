//! Large objects are carried as the policy says, and never without it saying anything.

use tidegate::error::Kind;
use tidegate::masking::{LargeObjects, MaskPlan};
use tidegate::service::copy::Outcome;

use super::stage::{Stage, client, judged, key, masks};

/// Empty, small, exactly one read, several reads with a hole; owned and granted; with a comment.
const SCANS: &str = "
create extension lo;
create table scan (id int primary key, body oid, copy lo);
select lo_from_bytea(90001, ''), lo_from_bytea(90002, 'Ann Miller'), lo_from_bytea(90003, decode(repeat('ab', 1 << 20), 'hex')),
    lo_from_bytea(90004, 'begin'), lo_put(90004, 3 << 20, 'end');
select lo_from_bytea(100000 + i, i::text::bytea) from generate_series(1, 600) i;
insert into scan values (1, 90002, 90004);
grant select on large object 90003 to pg_monitor;
alter large object 90004 owner to pg_database_owner;
";

const HELD: &str = "select oid, md5(lo_get(oid)) from pg_largeobject_metadata order by oid";

async fn copied(
    stage: &Stage,
    rule: Option<LargeObjects>,
    edit: impl FnOnce(&mut MaskPlan),
) -> tidegate::Result<Outcome> {
    let opened = stage.engine().await.open().await?;
    let mut plan = masks(&opened.gathered.catalog, &[]);
    plan.large_objects = rule;
    edit(&mut plan);
    opened.run(&plan, &key()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_large_objects_without_a_rule_stop_the_copy() {
    let stage = Stage::new(SCANS);
    let error = copied(&stage, None, |_| {}).await.unwrap_err();
    assert_eq!(error.kind(), Kind::MaskUnclassified);
    assert!(stage.databases().await.list().await.unwrap().is_empty());
    let policy = |line: &str| {
        let rules = format!(
            "version = 1\nkey = {{ env = \"TIDEGATE_MASK_KEY\" }}\n{line}[columns]\n\"*\" = \"keep\"\n"
        );
        stage.project().write("masking-rules/shop.toml", &rules);
        let words = ["copy", "plan", "--from", "production", "--to", "staging"];
        let plan = stage.project().tidegate(words);
        plan.env("TIDEGATE_MASK_KEY", super::rules::KEY).run()
    };
    let refused = policy("");
    assert_eq!(refused.code(), Some(3), "{}", refused.stderr);
    assert!(
        refused.stderr.contains("large_objects"),
        "{}",
        refused.stderr
    );
    let unknown = policy("large_objects = \"kept\"\n");
    assert_eq!(unknown.code(), Some(2), "{}", unknown.stderr);
    let fine = policy("large_objects = { constant = \"scan\" }\n");
    assert_eq!(fine.code(), Some(0), "{}", fine.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_kept_large_objects_arrive_whole_with_owner_and_grants() {
    let stage = Stage::new(SCANS);
    let outcome = copied(&stage, Some(LargeObjects::Keep), |_| {})
        .await
        .unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert_eq!(outcome.large_objects, 604);
    let rows = async |sql: &str| super::stage::rows(&outcome.database, sql).await;
    assert_eq!(rows(HELD).await, stage.source.rows(HELD));
    let rights = "select lomowner::regrole, coalesce(lomacl::text, '') from pg_largeobject_metadata order by oid limit 4";
    assert_eq!(rows(rights).await, stage.source.rows(rights));
    assert_eq!(
        rows("select convert_from(lo_get(body), 'utf8') from scan").await,
        ["Ann Miller"]
    );
    let check = |name: &str| {
        outcome
            .gate
            .checks
            .iter()
            .find(|check| check.name == name)
            .unwrap()
            .detail
            .clone()
    };
    assert_eq!(check("large objects"), "604 of 604 are as the policy says");

    let engine = stage.engine().await;
    let gathered = engine.survey().await.unwrap();
    let mut plan = masks(&gathered.catalog, &[]);
    plan.large_objects = Some(LargeObjects::Keep);
    let copy = client(&outcome.database).await;
    for (harm, said) in [
        ("select lo_put(90004, (3 << 20) + 1, 'x')", "90004 differs"),
        ("select lo_unlink(100600)", "100600 is missing"),
        ("select lo_create(90000)", "90000 must not be there"),
    ] {
        copy.batch_execute(harm).await.unwrap();
        let report = judged(&engine, &outcome.database, (&gathered, &plan), None).await;
        let check = report
            .checks
            .iter()
            .find(|check| check.name == "large objects")
            .unwrap();
        assert!(
            !check.passed && check.detail.contains(said),
            "{harm}: {check:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_masked_large_objects_hold_nothing_of_the_source() {
    let stage = Stage::new(SCANS);
    let outcome = copied(&stage, Some(LargeObjects::Null), |_| {})
        .await
        .unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    let held = "select count(*), sum(length(lo_get(oid))) from pg_largeobject_metadata";
    assert_eq!(super::stage::rows(&outcome.database, held).await, ["604|0"]);
    let text = LargeObjects::Constant("scan".to_owned());
    let outcome = copied(&stage, Some(text), |_| {}).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    let held = "select distinct convert_from(lo_get(oid), 'utf8') from pg_largeobject_metadata";
    assert_eq!(super::stage::rows(&outcome.database, held).await, ["scan"]);
    let outcome = copied(&stage, Some(LargeObjects::None), |_| {})
        .await
        .unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    let held = "select count(*) from pg_largeobject_metadata";
    assert_eq!(super::stage::rows(&outcome.database, held).await, ["0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn m7_what_is_in_a_kept_large_object_is_sought() {
    let stage = Stage::new(
        "create table person (id int primary key, email text); insert into person values (1, 'ann.miller@corp.example'); \
         select lo_from_bytea(90001, 'was ann.miller@corp.example once')",
    );
    let masked = |plan: &mut MaskPlan| {
        let column = &mut plan.tables[0].columns[1];
        column.rule.mask = tidegate::masking::Mask::Null;
        column.class = Some(tidegate::masking::Class::Email);
    };
    let outcome = copied(&stage, Some(LargeObjects::Keep), masked)
        .await
        .unwrap();
    assert!(!outcome.gate.passed);
    assert_eq!(outcome.gate.leaks[0].place, "large object 90001");
    let outcome = copied(&stage, Some(LargeObjects::Null), masked)
        .await
        .unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
}
