//! The gate goes red when the copy is not what the source sent.

use tidegate::control::copy as ledger;
use tidegate::error::Kind;
use tidegate::postgres::Session;
use tidegate::service::copy::GateReport;
use tidegate::service::copy::gate::{self, Subject};
use tidegate::service::diff::Watch;

use super::stage::{Stage, client, key, masks};

async fn judge(stage: &Stage, database: &str) -> GateReport {
    let engine = stage.engine().await;
    let gathered = engine.survey().await.unwrap();
    let masks = masks(&gathered.catalog, &[]);
    let key = key();
    let copy = engine.target.at_database(database);
    let session = Session::connect(&copy, "test").await.unwrap();
    let holder = Session::connect(&engine.source, "test").await.unwrap();
    let begin = "begin transaction isolation level repeatable read, read only";
    holder.batch_execute(begin).await.unwrap();
    let export = "select pg_catalog.pg_export_snapshot()";
    let snapshot: String = holder.query_one(export, &[]).await.unwrap().get(0);
    let subject = Subject {
        source: &engine.source,
        snapshot: &snapshot,
        copy: &copy,
        catalog: &gathered.catalog,
        plan: &engine.plan(&gathered, &masks, &key).unwrap(),
        masks: &masks,
        key: &key,
        sums: &ledger::sums(&*session).await.unwrap(),
    };
    let watch = Watch {
        clock: engine.clock.clone(),
        events: engine.events.clone(),
        cancel: engine.cancel.clone(),
    };
    gate::run(&subject, &watch).await.unwrap()
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
    let red = |report: &GateReport| -> Vec<String> {
        let failed = report.checks.iter().filter(|check| !check.passed);
        failed.map(|check| check.name.clone()).collect()
    };
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
