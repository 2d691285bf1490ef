//! Drills with a primary of their own, a real disaster, and everything that must come back.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::support::Cli;

/// The key of the repositories of these tests.
pub(super) const KEY: &str = "8f1d3a5c7b9e0214365870a9bcdef1023344556d77889a0b1c2d3e4f5a6b7c8d";

/// A folder for a repository, and one for everything temporary, so that leftovers are seen.
pub(super) struct Place {
    root: tempfile::TempDir,
}

impl Place {
    pub(super) fn new() -> Self {
        let root = tempfile::Builder::new()
            .prefix("tgd-")
            .tempdir_in("/tmp")
            .unwrap();
        // The servers' user passes through when this is root.
        let open = std::fs::Permissions::from_mode(0o711);
        std::fs::set_permissions(root.path(), open.clone()).unwrap();
        std::fs::create_dir(root.path().join("t")).unwrap();
        std::fs::set_permissions(root.path().join("t"), open).unwrap();
        Self { root }
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.root.path().join("repository")
    }

    pub(super) fn temp(&self) -> PathBuf {
        self.root.path().join("t")
    }

    pub(super) fn cli<'a>(&self, args: impl IntoIterator<Item = &'a str>) -> Cli {
        let location = format!("file:{}", self.repository().display());
        Cli::new(args)
            .args(["--repository", &location])
            .env("TIDEGATE_SEAL_KEY", KEY)
            .env("TMPDIR", self.temp())
    }

    /// A small drill with these further arguments.
    pub(super) fn drill(&self, more: &[&str]) -> Cli {
        self.cli(["drill", "run", "--sandbox", "--size", "20MB"])
            .args(more.iter().copied())
    }

    /// Folders of drills and servers that are left.
    pub(super) fn left(&self) -> Vec<PathBuf> {
        below(&self.temp())
            .into_iter()
            .filter(|path| {
                let name = path.file_name().unwrap().to_string_lossy();
                name.starts_with("tgdrill-") || name.starts_with("run-")
            })
            .collect()
    }
}

/// Everything below a folder.
pub(super) fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in folder.read_dir().into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.path().is_dir() {
            found.extend(below(&entry.path()));
        }
    }
    found
}

fn seconds(data: &Value, name: &str) -> f64 {
    let phases = data["phases"].as_array().unwrap();
    let phase = phases.iter().find(|phase| phase["name"] == name);
    phase.unwrap_or_else(|| panic!("no phase {name} in {phases:?}"))["seconds"]
        .as_f64()
        .unwrap()
}

/// What holds for every mode.
fn green(mode: &str) -> Value {
    let place = Place::new();
    let data = place
        .drill(&[
            "--wal",
            mode,
            "--controls",
            "none",
            "--rto",
            "1h",
            "--rpo",
            "5m",
        ])
        .data();
    assert_eq!(data["verdict"], "passed", "{data:#}");
    assert_eq!(data["oracle_equal"], true, "{data:#}");
    assert!(data["oracle"]["tables"].as_u64().unwrap() >= 8, "{data:#}");
    assert!(
        data["oracle"]["rows"].as_u64().unwrap() > 10_000,
        "{data:#}"
    );
    for covered in [
        "large_object_pages",
        "sequences",
        "prepared",
        "tablespaces",
        "unlogged",
    ] {
        assert!(
            data["oracle"][covered].as_u64().unwrap() >= 1,
            "{covered}: {data:#}"
        );
    }
    let checks = data["checks"].as_array().unwrap();
    let check = |name: &str| checks.iter().find(|check| check["name"] == name);
    for name in ["prepared transactions", "unlogged tables"] {
        assert_eq!(check(name).unwrap()["passed"], true, "{data:#}");
    }
    let probe = &data["probe"];
    assert!(probe["acknowledged"].as_u64().unwrap() > 200, "{data:#}");
    assert_eq!(probe["gaps"], 0, "{data:#}");
    assert_eq!(probe["wrong"], 0, "{data:#}");
    assert_eq!(probe["lost"], data["acknowledged_lost"]);
    let rpo = data["rpo_seconds"].as_f64().unwrap();
    let worst = data["rpo_worst_case"]["seconds"].as_f64().unwrap();
    assert!(rpo <= worst, "{rpo} of {worst}");
    let sum: f64 = ["drain", "fetch + restore", "replay", "promote, write"]
        .iter()
        .map(|name| seconds(&data, name))
        .sum();
    let rto = data["rto_seconds"].as_f64().unwrap();
    assert!((rto - sum).abs() < 0.2 + rto * 0.1, "{rto} is not {sum}");
    for check in data["checks"].as_array().unwrap() {
        assert_ne!(check["passed"], false, "{check}");
    }
    assert_eq!(place.left(), [""; 0].map(PathBuf::from));
    assert_eq!(data["recorded"], "drills/00000001.tg");
    assert!(place.repository().join("drills/00000001.tg").exists());
    data
}

#[test]
fn a_streamed_sandbox_comes_back_within_a_second_of_its_end() {
    let data = green("stream");
    assert!(data["rpo_seconds"].as_f64().unwrap() <= 1.0, "{data:#}");
}

#[test]
fn a_synchronous_sandbox_loses_nothing() {
    let data = green("sync");
    assert_eq!(data["acknowledged_lost"], 0, "{data:#}");
    assert_eq!(data["rpo_worst_case"]["seconds"], 0.0);
}

#[test]
fn an_archived_sandbox_comes_back_to_its_last_segment() {
    green("archive");
}

#[test]
fn a_missed_objective_ends_with_exit_code_3_and_says_so() {
    let place = Place::new();
    let files = place.temp().join("files");
    std::fs::create_dir(&files).unwrap();
    let file = |name: &str| files.join(name).display().to_string();
    let (html, junit) = (file("a.html"), file("a.xml"));
    let outcome = place
        .drill(&[
            "--controls",
            "none",
            "--rto",
            "1ms",
            "--html",
            &html,
            "--junit",
            &junit,
        ])
        .exits(3);
    assert!(outcome.stdout.contains("FAILED"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("of 1 ms"), "{}", outcome.stdout);
    assert!(std::fs::read_to_string(html).unwrap().contains("of 1 ms"));
    assert!(
        std::fs::read_to_string(junit)
            .unwrap()
            .contains("failures=\"1\"")
    );
    assert_eq!(place.left(), [""; 0].map(PathBuf::from));
    // Missed, and recorded all the same.
    let history = place.cli(["drill", "history"]).data();
    assert_eq!(history["drills"][0]["verdict"], "failed");
    assert!(history["proof_age_seconds"].is_null());
}

#[test]
fn an_interrupted_drill_leaves_nothing_behind() {
    let place = Place::new();
    let mut running = place.drill(&["--controls", "none"]).spawn();
    // In the middle of it: the primary works, or is being restored.
    std::thread::sleep(std::time::Duration::from_secs(6));
    assert!(running.runs(), "a drill takes longer");
    assert!(!place.left().is_empty(), "it is at work");
    running.interrupt();
    let outcome = running.wait();
    assert_eq!(outcome.code(), Some(130), "{}", outcome.stderr);
    assert_eq!(place.left(), [""; 0].map(PathBuf::from));
    assert!(!place.repository().join("drills").exists());
}

#[test]
fn what_a_killed_drill_left_is_swept_away_by_the_next() {
    let place = Place::new();
    let running = place.drill(&["--controls", "none"]).spawn();
    std::thread::sleep(std::time::Duration::from_secs(6));
    running.kill();
    assert!(!place.left().is_empty(), "nobody could clean up");
    place.drill(&["--controls", "none"]).ok();
    assert_eq!(place.left(), [""; 0].map(PathBuf::from));
}
