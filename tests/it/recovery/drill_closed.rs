//! What a drill from a repository alone does not look at, it names.

use super::drill::Place;
use super::stage::{run, server};

#[tokio::test(flavor = "multi_thread")]
async fn m11_databases_that_nobody_can_enter_are_named_by_a_drill() {
    let (place, server) = (Place::new(), server().await);
    run(
        &server,
        "create database \"Old shop\" allow_connections false",
    )
    .await;
    run(&server, "create database pattern is_template true").await;
    run(&server, "create database open").await;
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    place.cli(create).data();
    let drill = ["drill", "run", "--controls", "none", "--format", "json"];
    let drill = place.cli(drill).exits(0).json()["data"].take();
    assert_eq!(drill["verdict"], "passed", "{drill:#}");
    let warnings = drill["warnings"].to_string();
    for name in ["Old shop", "pattern"] {
        assert!(warnings.contains(name), "{name}: {warnings}");
    }
    for name in ["template0", "template1", "open "] {
        assert!(!warnings.contains(name), "{name}: {warnings}");
    }
    server.stop().await;
}
