//! Every kind of damage is found, each by the message that belongs to it.

use std::collections::BTreeMap;

use super::drill::Place;

/// What the message of each damage must hold.
const OWN: [(&str, &[&str]); 11] = [
    ("missing_segment", &["missing"]),
    ("truncated_segment", &["seal"]),
    ("flipped_byte_in_data", &["data/", "seal"]),
    ("flipped_byte_in_wal", &["wal/", "seal"]),
    ("wrong_key", &["key"]),
    ("true_archive", &["recovery target"]),
    ("missing_manifest", &["backup"]),
    ("no_space", &["space"]),
    ("wrong_major", &["PostgreSQL"]),
    ("timeline_fork", &["timeline"]),
    (
        "tampered_oracle",
        &[
            "rows hold other values",
            "pg_largeobject",
            "prepared transactions: 1 of 2",
            "sequence",
            "tablespaces",
            "unlogged",
        ],
    ),
];

#[test]
fn all_controls_are_red_in_one_drill() {
    let place = Place::new();
    let outcome = place
        .drill(&["--controls", "all", "--format", "json"])
        .exits(0);
    let data = outcome.json()["data"].take();
    assert_eq!(data["verdict"], "passed", "{data:#}");
    let controls: BTreeMap<String, (Option<bool>, String)> = data["negative_controls"]
        .as_array()
        .unwrap()
        .iter()
        .map(|control| {
            let text = |name: &str| control[name].as_str().unwrap().to_owned();
            (text("name"), (control["red"].as_bool(), text("message")))
        })
        .collect();
    assert_eq!(controls.len(), OWN.len(), "{controls:#?}");
    let mut messages = std::collections::BTreeSet::new();
    for (name, words) in OWN {
        let (red, message) = &controls[name];
        if name == "no_space" && !rustix::process::geteuid().is_root() {
            continue;
        }
        assert_eq!(*red, Some(true), "{name}: {message}");
        for word in words {
            assert!(message.contains(word), "{name}: {message}");
        }
        messages.insert(message.clone());
    }
    assert!(messages.len() >= OWN.len() - 1, "{messages:#?}");
    assert!(place.left().is_empty(), "{:?}", place.left());
}
