//! The demo is the product's first promise: it runs in the suite as it runs for a newcomer.

use crate::support::Cli;

#[test]
fn m3_m4_the_demo_loses_nothing() {
    let server = crate::support::Server::shared();
    let outcome = Cli::new(["demo", "--rows", "20000", "--format", "json"])
        .env("PG_BIN", &server.bin)
        .ok();
    let data = &outcome.json()["data"];
    assert_eq!(data["passed"], true, "{data:#}");
    assert_eq!(data["traffic"]["errors"], 0);
    assert_eq!(data["traffic"]["lost_writes"], 0);
    assert!(data["traffic"]["writes"].as_u64().unwrap() > 500);
    assert!(
        data["locks"]["longest_access_exclusive_ms"]
            .as_f64()
            .is_some()
    );
    assert!(!data["gates"].as_array().unwrap().is_empty());
    assert_eq!(data["backfill"]["resumed"], true, "{data:#}");
    assert_eq!(data["copy"]["found"], 0);
    assert!(data["copy"]["sought"].as_u64().unwrap() >= 1000);
    assert!(data["seed"]["rows"].as_u64().unwrap() > 5000);
    assert_eq!(data["drill"]["acknowledged_lost"], 0);
    assert_eq!(data["drill"]["controls"].as_array().unwrap().len(), 2);
    let checks: Vec<&str> = data["checks"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|check| check["name"].as_str())
        .collect();
    for name in [
        "rollback leaves no trace",
        "the killed backfill went on where it stood",
        "contract waits for the old app",
        "old and new column agree in every row before contract",
        "no statement failed",
        "no write was lost",
        "every item is still there",
        "the copy passed its gate and was promoted",
        "no e-mail address of production is in staging",
        "the same seed gives the same rows in another database",
        "the lost primary came back from its backup",
        "the drill finds the faults that are planted",
    ] {
        assert!(checks.contains(&name), "{name} is not in {checks:?}");
    }
}

#[test]
fn an_interrupted_demo_leaves_nothing_behind() {
    let server = crate::support::Server::shared();
    let temp = tempfile::Builder::new()
        .prefix("tgd-")
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711))
        .tempdir_in("/tmp")
        .unwrap();
    let mut running = Cli::new(["demo", "--rows", "20000", "-v", "--format", "json"])
        .env("PG_BIN", &server.bin)
        .env("TMPDIR", temp.path())
        .spawn();
    let entries = || {
        std::fs::read_dir(temp.path())
            .unwrap()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect::<Vec<_>>()
    };
    // Its folder is made first, its server next.
    let clusters = || {
        std::fs::read_dir(temp.path())
            .unwrap()
            .filter_map(|entry| std::fs::read_dir(entry.ok()?.path()).ok())
            .flatten()
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| name.starts_with("run-"))
            .count()
    };
    while running.runs() && clusters() == 0 {
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    assert!(
        entries()
            .iter()
            .any(|name| name.starts_with("tidegate-demo-"))
    );
    // Into the load or the traffic; wherever it is, the outcome must be the same.
    std::thread::sleep(std::time::Duration::from_secs(3));
    running.interrupt();
    let outcome = running.wait();
    assert_eq!(outcome.code(), Some(130), "{}", outcome.stderr);
    assert_eq!(outcome.stdout, "");
    assert_eq!(clusters(), 0, "{:?}", entries());
    let left = entries();
    assert!(
        !left.iter().any(|name| name.starts_with("tidegate-demo-")),
        "{left:?}"
    );
}
