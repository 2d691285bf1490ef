//! A logical backup lies beside the base backups of whichever engine keeps the repository.

use super::source::{Engine, Source};
use crate::recovery::stage::{run, value};

every_engine!(a_table_is_backed_up_beside_the_cluster);

async fn a_table_is_backed_up_beside_the_cluster(engine: Engine) {
    let source = Source::new(engine).await;
    source.insert(1, "row").await;
    source.create().data();
    let logical = |table: &str| {
        let create = ["backup", "create", "--engine", "logical", "--table", table];
        source.command(&[&create[..], &["--database-url", &source.url]].concat())
    };
    let first = logical("t").data();
    let second = logical("t").data();
    let list = source.command(&["backup", "list"]).data();
    assert_eq!(list["backups"].as_array().unwrap().len(), 1, "{list:#}");
    assert_eq!(list["logical"].as_array().unwrap().len(), 2, "{list:#}");
    source.command(&["backup", "verify"]).ok();
    let expire = ["backup", "expire", "--keep-count", "1"];
    let data = source.command(&expire).data();
    assert_eq!(data["expired"].as_array().unwrap().len(), 0, "{data:#}");
    assert_eq!(data["logical"]["expired"][0]["id"], first["id"], "{data:#}");
    assert_eq!(data["logical"]["kept"][0]["id"], second["id"], "{data:#}");
    run(&source.primary, "drop table t").await;
    let restore = ["restore", "--engine", "logical", "--database-url"];
    source
        .command(&[&restore[..], &[&source.url]].concat())
        .ok();
    assert_eq!(value(&source.primary, "select what from t").await, "row");
    source.command(&["backup", "verify"]).ok();
    source.primary.stop().await;
}
