//! What must be refused or stopped, and how it is said.

use tidegate::error::Kind;
use tidegate::masking::{Mask, Rows};

use super::stage::{Stage, key, masks};

#[tokio::test(flavor = "multi_thread")]
async fn copies_that_are_never_allowed() {
    let stage = Stage::new("create table t (id int)");
    let config = stage.project().read("tidegate.toml");
    let url = stage.source.url();
    stage.project().write(
        "tidegate.toml",
        &format!(
            "{config}\n[environments.us]\ntier = \"staging\"\nregion = \"us\"\nurl = \"{url}\"\n\
             [environments.same]\ntier = \"staging\"\nregion = \"eu\"\nurl = \"{url}\"\n"
        ),
    );
    for (from, to) in [
        ("staging", "production"),
        ("production", "us"),
        ("production", "production"),
        ("production", "same"),
    ] {
        let refused = stage
            .project()
            .tidegate([
                "copy",
                "run",
                "--from",
                from,
                "--to",
                to,
                "--promote",
                "--yes",
            ])
            .exits(4);
        assert!(refused.stderr.contains("TG0810"), "{}", refused.stderr);
    }
    for command in ["promote", "rollback"] {
        stage
            .project()
            .tidegate(["copy", command, "--to", "production"])
            .exits(4);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_source_never_takes_the_targets_place() {
    let stage = Stage::new("create schema nothing_else");
    let opened = stage.engine().await.open().await.unwrap();
    let plan = masks(&opened.gathered.catalog, &[]);
    let error = opened.run(&plan, &key()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::CopyRefused);
    assert!(error.to_string().contains("has no tables"), "{error}");
    assert!(stage.databases().await.list().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_without_a_rule_stops_the_copy_before_anything_is_made() {
    let stage = Stage::new("create table t (id int, added text)");
    let opened = stage.engine().await.open().await.unwrap();
    let mut plan = masks(&opened.gathered.catalog, &[]);
    plan.tables[0].columns.pop();
    let error = opened.run(&plan, &key()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::MaskUnclassified);
    assert_eq!(error.details(), ["t.added"]);
    assert!(stage.databases().await.list().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_truncated_under_the_snapshot_is_noticed() {
    let stage = Stage::new("create table t as select i as id from generate_series(1, 100) i");
    let opened = stage.engine().await.open().await.unwrap();
    stage.source.execute("truncate t");
    let plan = masks(&opened.gathered.catalog, &[]);
    let error = opened.run(&plan, &key()).await.unwrap_err();
    assert_eq!(error.kind(), Kind::CopySource, "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_about_a_row_never_quotes_it() {
    let stage = Stage::new(
        "create table t (id int, secret text not null); insert into t values (1, 'tell nobody')",
    );
    let division = Mask::Sql {
        expression: "(secret || 'x')::int::text".to_owned(),
    };
    let error = stage
        .copy(&[("t.secret", division)], false)
        .await
        .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("tell"), "{error:?}");
    let nothing = Mask::Sql {
        expression: "null".to_owned(),
    };
    let error = stage
        .copy(&[("t.secret", nothing)], false)
        .await
        .unwrap_err();
    assert!(!format!("{error} {error:?}").contains("tell"), "{error:?}");
    assert!(error.to_string().contains("secret"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_may_be_left_empty_or_filtered() {
    let stage = Stage::new(
        "create table a as select i as id from generate_series(1, 100) i; create table b as table a",
    );
    let opened = stage.engine().await.open().await.unwrap();
    let mut plan = masks(&opened.gathered.catalog, &[]);
    plan.tables[0].rows = Rows::None;
    plan.tables[1].rows = Rows::Where("id > 90".to_owned());
    let outcome = opened.run(&plan, &key()).await.unwrap();
    assert!(outcome.gate.passed, "{:?}", outcome.gate);
    assert_eq!(outcome.rows, 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_would_fill_the_memory_is_refused_by_name() {
    let stage = Stage::new("create table wide as select 1 as id, repeat('x', 40000000) as v");
    let error = stage.copy(&[], false).await.unwrap_err();
    assert_eq!(error.kind(), Kind::Unsupported, "{error}");
    assert!(error.to_string().contains("wide"), "{error}");
    let outcome = stage.copy(&[("wide.v", Mask::Null)], false).await.unwrap();
    assert!(outcome.gate.passed, "null is not even read");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_without_a_policy_copies_nothing() {
    let stage = Stage::new("create table t (id int)");
    for command in ["plan", "run"] {
        let refused = stage
            .project()
            .tidegate(["copy", command, "--from", "production", "--to", "staging"])
            .exits(2);
        assert!(
            refused.stderr.contains("mask scan --write"),
            "{}",
            refused.stderr
        );
    }
    let status = stage
        .project()
        .tidegate(["copy", "status", "--to", "staging"])
        .data();
    assert_eq!(status["copies"], serde_json::json!([]));
}
