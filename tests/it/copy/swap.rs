//! The swap and its way back.

use tidegate::copy::Stage as Is;
use tidegate::error::Kind;
use tidegate::masking::Mask;
use tidegate::service::copy::{promote, rollback};

use super::stage::{Stage, client, rows};

const ONE: &str = "create table t (id int primary key, secret text); insert into t values (1, 'x')";

#[tokio::test(flavor = "multi_thread")]
async fn a_target_in_use_is_swapped_with_its_settings_and_back() {
    let stage = Stage::new(ONE);
    let admin = client("postgres").await;
    let target = &stage.target;
    admin
        .batch_execute(&format!("create database {target}"))
        .await
        .unwrap();
    admin
        .batch_execute(&format!(
            "alter database {target} set search_path = \"$user\", public, \"a b\"; \
             alter database {target} set work_mem = '17MB'; alter database {target} connection limit 33; \
             comment on database {target} is 'it''s staging'; \
             revoke temporary on database {target} from public"
        ))
        .await
        .unwrap();
    let busy = client(target).await;
    busy.batch_execute("create table old (id int)")
        .await
        .unwrap();
    busy.batch_execute("begin; insert into old values (7)")
        .await
        .unwrap();
    let properties = format!(
        "select array(select unnest(d.datacl)::text order by 1), d.datconnlimit, shobj_description(d.oid, 'pg_database'), s.setconfig \
         from pg_database d join pg_db_role_setting s on s.setdatabase = d.oid where datname = '{target}'"
    );
    let before = rows("postgres", &properties).await;
    let outcome = stage
        .copy(&[("t.secret", Mask::Null)], false)
        .await
        .unwrap();
    assert!(outcome.gate.passed && !outcome.promoted);
    busy.batch_execute("select 1")
        .await
        .expect("the target in use was not touched");
    let databases = stage.databases().await;
    let swapped = promote(&databases).await.unwrap();
    assert!(
        busy.batch_execute("select 1").await.is_err(),
        "sessions were sent away"
    );
    assert_eq!(stage.rows("select id, secret from t").await, ["1|~"]);
    let kept = swapped.kept.unwrap();
    let copied = rows("postgres", &properties).await;
    let part = |rows: &[String], at: usize| rows[0].split('|').nth(at).unwrap().to_owned();
    for at in [0, 1, 3] {
        assert_eq!(part(&copied, at), part(&before, at));
    }
    assert_eq!(rows(kept.as_str(), "select count(*) from old").await, ["0"]);
    rollback(&databases).await.unwrap();
    assert_eq!(stage.rows("select count(*) from old").await, ["0"]);
    assert_eq!(rows("postgres", &properties).await, before);
    let error = rollback(&databases).await.unwrap_err();
    assert_eq!(error.kind(), Kind::CopyRefused);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_earlier_database_is_kept() {
    let stage = Stage::new(ONE);
    for _ in 0..3 {
        assert!(stage.copy(&[], true).await.unwrap().promoted);
    }
    let list = stage.databases().await.list().await.unwrap();
    let stages: Vec<Is> = list.iter().map(|one| one.mark.stage).collect();
    assert_eq!(stages.len(), 2, "{stages:?}");
    assert!(stages.contains(&Is::Promoted) && stages.contains(&Is::Before));
    let seen = stage
        .rows("select action from tidegate.audit order by seq")
        .await;
    assert_eq!(
        seen.len(),
        6,
        "the audit log goes on over promotions: {seen:?}"
    );
    stage
        .project()
        .tidegate(["-e", "staging", "audit", "verify"])
        .ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swap_that_fails_leaves_everything_as_it_was() {
    let stage = Stage::new(ONE);
    stage.copy(&[], true).await.unwrap();
    stage.copy(&[], false).await.unwrap();
    let target = client(&stage.target).await;
    // A prepared transaction is no session: nobody can send it away.
    target
        .batch_execute("begin; insert into t values (2, 'y'); prepare transaction 'tidegate_swap'")
        .await
        .unwrap();
    drop(target);
    let databases = stage.databases().await;
    promote(&databases).await.unwrap_err();
    assert_eq!(stage.rows("select count(*) from t").await, ["1"]);
    client(&stage.target)
        .await
        .batch_execute("commit prepared 'tidegate_swap'")
        .await
        .unwrap();
    promote(&databases).await.unwrap();
    assert_eq!(stage.rows("select count(*) from t").await, ["1"]);
}
