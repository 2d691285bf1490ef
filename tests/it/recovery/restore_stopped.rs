//! A restore that is stopped says what comes next, and that is true.

use super::pitr::command;
use super::stage::{ROWS, Shelf, run, server};

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_restore_that_is_stopped_does_not_claim_to_go_on() {
    let (server, shelf) = (server().await, Shelf::new());
    run(&server, ROWS).await;
    let url = server.url("postgres");
    shelf.backup(&["create", "--database-url", &url]).data();
    let to = shelf.temp().join("to");
    let args = ["restore", "--to", to.to_str().unwrap(), "--format", "json"];
    let running = command(&shelf, &args).spawn();
    while !to.join("data").exists() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    running.interrupt();
    let stopped = running.wait();
    assert_eq!(stopped.code(), Some(130), "{}", stopped.stderr);
    let error = stopped.error();
    let hint = error["hint"].as_str().unwrap();
    assert!(!hint.contains("goes on"), "{error}");
    assert!(hint.contains("begins anew"), "{error}");
    assert!(!to.exists());
    server.stop().await;
}
