//! M14: a drill with a real disaster, for every engine.

use std::path::PathBuf;

use serde_json::Value;

use super::source::Engine;
use crate::recovery::drill::Place;

every_engine!(a_sandbox_drill_is_green_and_its_controls_are_red);

async fn a_sandbox_drill_is_green_and_its_controls_are_red(engine: Engine) {
    let place = Place::new();
    let data = place
        .drill(&[
            "--wal",
            "archive",
            "--engine",
            engine.name(),
            "--controls",
            "all",
        ])
        .data();
    assert_eq!(data["verdict"], "passed", "{data:#}");
    assert_eq!(data["oracle_equal"], true);
    assert!(data["oracle"]["tablespaces"].as_u64() > Some(0), "{data:#}");
    reds(&data);
    assert_eq!(place.left(), [""; 0].map(PathBuf::from));
}

/// Every control that could be tried is red.
pub(super) fn reds(drill: &Value) {
    let controls = drill["negative_controls"].as_array().unwrap();
    assert!(controls.len() > 3, "{controls:#?}");
    for control in controls {
        assert_ne!(control["red"], false, "{control:#}");
    }
}
