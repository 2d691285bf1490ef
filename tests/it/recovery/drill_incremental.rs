//! A drill whose newest backup is an increment: everything that a drill asks holds for it, too.

use super::drill::Place;
use super::incremental::FIRST;
use tidegate::postgres::private::{Search, discover};

#[tokio::test(flavor = "multi_thread")]
async fn an_increment_comes_back_with_its_parent_and_damage_is_found() {
    let place = Place::new();
    let major = discover(&Search::default()).await.unwrap().version.major;
    let args = ["--incremental", "--controls", "all", "--format", "json"];
    if major < FIRST {
        let error = place.drill(&args).exits(4).error().to_string();
        let words = format!("PostgreSQL {major} makes no incremental backups");
        assert!(error.contains(&words), "{error}");
        assert!(place.left().is_empty(), "{:?}", place.left());
        return;
    }
    let data = place.drill(&args).exits(0).json()["data"].take();
    assert_eq!(data["verdict"], "passed", "{data:#}");
    assert_eq!(data["oracle_equal"], true, "{data:#}");
    assert_eq!(data["probe"]["gaps"], 0, "{data:#}");
    // Both were restored.
    assert!(
        data["source"]["bytes"].as_u64().unwrap() > 40_000_000,
        "{data:#}"
    );
    let controls = data["negative_controls"].as_array().unwrap();
    assert_eq!(controls.len(), 11, "{data:#}");
    for control in controls {
        let root = rustix::process::geteuid().is_root();
        if control["name"] != "no_space" || root {
            assert_eq!(control["red"], true, "{control:#}");
        }
        if control["name"] == "missing_manifest" {
            let message = control["message"].as_str().unwrap();
            assert!(message.contains("is an increment of"), "{message}");
        }
    }
    assert!(place.left().is_empty(), "{:?}", place.left());
}
