//! A cluster as it was before a release, and a table that was lost, out of the backups of any engine.

use super::source::{Engine, Source};
use crate::migrate::{CHANGE, SHOP};
use crate::recovery::release::columns;
use crate::recovery::rescue::psql;
use crate::recovery::stage::{KEY, run, value};
use crate::support::Project;

every_engine!(m10_what_was_before_a_release_comes_back_and_a_table_by_itself);

async fn m10_what_was_before_a_release_comes_back_and_a_table_by_itself(engine: Engine) {
    let source = Source::new(engine).await;
    run(&source.primary, SHOP).await;
    source.insert(1, "before").await;
    let project = Project::with_config(&format!(
        "version = 1\nproject = \"shop\"\ndefault = \"dev\"\n\n\
         [environments.dev]\ntier = \"dev\"\nurl = \"{}\"\n\n\
         [backup]\nrepository = \"file:{}\"\nengine = \"{}\"\nencrypted_volume = true\n",
        source.url,
        source.shelf.path().display(),
        engine.name()
    ));
    project.change("0007_user_id.toml", CHANGE);
    let tidegate = |args: &[&str]| {
        let command = project.tidegate(args.iter().copied());
        let command = command.env("TIDEGATE_SEAL_KEY", KEY);
        command.env("TMPDIR", source.shelf.temp())
    };
    tidegate(&["backup", "create"]).data();
    source.insert(2, "second").await;
    let applied = tidegate(&["migrate", "apply", "--release", "2.1.0"]).data();
    assert_eq!(applied["remarks"], serde_json::json!([]), "{applied:#}");
    source.insert(3, "after").await;
    // Another backup cannot be taken back to what lies before it.
    tidegate(&["backup", "create"]).data();
    run(
        &source.primary,
        "delete from t where id = 1; update t set what = 'wrong' where id = 2",
    )
    .await;
    source.archived().await;

    let url = source.restore(&source.folder("before"), &["--before-release", "2.1.0"]);
    let before = columns(&url).await;
    assert!(!before.contains(&"user_id".to_owned()), "{before:?}");
    source.stop("before").await;

    let patch = source.shelf.temp().join("rescue.sql");
    let rescue = [
        "restore",
        "--before-release",
        "2.1.0",
        "--table",
        "t",
        "--patch",
    ];
    let rescued = tidegate(&[&rescue[..], &[patch.to_str().unwrap()]].concat()).data();
    let count = |what: &str| rescued["tables"][0][what].as_u64();
    let counts = (count("missing"), count("changed"), count("added"));
    assert_eq!(counts, (Some(1), Some(1), Some(1)), "{rescued:#}");
    let ran = psql(&source.url, &patch);
    assert!(
        ran.status.success(),
        "{}",
        String::from_utf8_lossy(&ran.stderr)
    );
    let rows = "select string_agg(what, ' ' order by id) from t";
    assert_eq!(value(&source.primary, rows).await, "before second after");
    source.primary.stop().await;
}
