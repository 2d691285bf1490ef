//! Drills from a repository alone.

use super::drill::Place;
use super::stage::{ROWS, run, run_at, server};

const FAMILY: &str = "create table parent (id int primary key); \
    create table child (id int primary key, parent int not null references parent); \
    insert into parent select generate_series(1, 50); \
    insert into child select g, g from generate_series(1, 50) as g;";

#[tokio::test(flavor = "multi_thread")]
async fn a_passive_drill_restores_the_newest_backup_and_sees_what_is_wrong_with_it() {
    let place = Place::new();
    let drill = ["drill", "run", "--format", "json"];
    let nowhere = place.cli(drill).exits(7).error();
    assert_eq!(nowhere["code"], "TG0830", "{nowhere}");
    std::fs::create_dir(place.repository()).unwrap();
    let missing = place.cli(drill).exits(3).error();
    assert_eq!(missing["code"], "TG1003", "{missing}");

    let server = server().await;
    run(&server, ROWS).await;
    run(&server, FAMILY).await;
    let url = server.url("postgres");
    let create = ["backup", "create", "--database-url", &url];
    let first = place.cli(create).data();
    let drill = || place.cli(["drill", "run", "--controls", "all", "--format", "json"]);
    let good = drill().exits(0).json()["data"].take();
    assert_eq!(good["verdict"], "passed", "{good:#}");
    assert_eq!(good["sandbox"], false);
    assert_eq!(good["source"]["backup"], first["id"]);
    assert!(good["oracle_equal"].is_null() && good["probe"].is_null());
    let controls = good["negative_controls"].as_array().unwrap();
    let red = controls.iter().filter(|one| one["red"] == true).count();
    assert!(red >= 6, "{controls:#?}");
    assert!(
        controls.iter().all(|one| one["red"] != false),
        "{controls:#?}"
    );

    // Damage that no checksum sees, because it was there when the backup was taken.
    let orphan = "set session_replication_role = replica; delete from parent where id = 7";
    run(&server, orphan).await;
    let second = place.cli(create).data();
    let args = ["drill", "run", "--controls", "none", "--format", "json"];
    let bad = place.cli(args).exits(3).json()["data"].take();
    assert_eq!(bad["source"]["backup"], second["id"]);
    let reasons = bad["reasons"].to_string();
    assert!(reasons.contains("foreign keys of postgres"), "{reasons}");
    assert!(reasons.contains("1 rows without a parent"), "{reasons}");
    assert!(place.left().is_empty(), "{:?}", place.left());
    server.stop().await;
}

/// As images of PostgreSQL make them: the first role has another name; and the database `postgres`
/// is not there.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_without_the_usual_role_and_database_is_entered_too() {
    let place = Place::new();
    let server = server().await;
    run(&server, "create database app").await;
    run(&server, "create role other superuser login").await;
    let at = |role: &str| server.url_as(role, "app");
    run_at(&at("other"), "alter role postgres rename to captain").await;
    run_at(&at("captain"), "drop database postgres").await;
    run_at(&at("captain"), "create table t (id int primary key)").await;
    place
        .cli(["backup", "create", "--database-url", &at("captain")])
        .data();
    let args = ["drill", "run", "--controls", "none", "--format", "json"];
    let drill = place.cli(args).exits(0).json()["data"].take();
    assert_eq!(drill["verdict"], "passed", "{drill:#}");
    server.stop().await;
}
