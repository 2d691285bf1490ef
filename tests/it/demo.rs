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
}
